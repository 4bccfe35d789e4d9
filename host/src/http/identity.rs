//! `/api/internal/identity`: people of communities, and their accounts on platforms.
//!
//! Takes requests apart and reads or writes at once: what a claim makes of a linked account is in
//! `effects::accounts`, and no guest has a part in it.

mod query;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Query, RawQuery, State, rejection::QueryRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use super::{Api, body};
use crate::changes::Change;
use crate::communities::Community;
use crate::effects::{AccountKey, Claim};
use crate::ids::PersonId;
use crate::store::{MERGED, PersonRow, User, View};

use query::{FilterQuery, LinkedQuery, UserQuery, UsersQuery};

/// People that one request makes at most.
const NEW_PEOPLE: usize = 1_000;
/// People on one page of `get_users` at most.
const PAGE: usize = 10_000;

type Answer<T = Json<Value>> = Result<T, Problem>;

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/internal/identity/create_id", post(create_id))
        .route("/api/internal/identity/merge_ids", post(merge_ids))
        .route("/api/internal/identity/link_account", post(link_account))
        .route("/api/internal/identity/unlink_account", post(unlink_account))
        .route("/api/internal/identity/get_user", get(get_user))
        .route("/api/internal/identity/get_users", get(get_users))
        .route("/api/internal/identity/filter_users_by_account", get(filter_users_by_account))
        .route("/api/internal/identity/get_linked_account", get(get_linked_account))
}

#[derive(Default, Deserialize)]
struct CreateBody {
    community_slug: Option<String>,
    count: Option<usize>,
}

async fn create_id(
    State(api): State<Arc<Api>>,
    told: Change,
    body: Body,
) -> Answer<(StatusCode, Json<Value>)> {
    let body: CreateBody = body::json(&api, body).await?;
    let community = community(&api, body.community_slug.as_deref(), "community_slug")?;
    let count = body.count.unwrap_or(1);
    if !(1..=NEW_PEOPLE).contains(&count) {
        return Err(Problem::bad_request(format!("`count` is 1 to {NEW_PEOPLE}")));
    }
    let people: Vec<_> = (0..count).map(|_| fresh()).collect::<Result<_, _>>()?;
    let (id, now, made) = (community.names.id, api.clock.now_ms(), people.clone());
    let told = told.of(people[0].to_string()).with_status(StatusCode::CREATED.as_u16());
    let view = View::Person(people[0]);
    let write = api.calls.store.write("identity.create", move |tx| {
        tx.require_community(id)?;
        tx.changing(Some(&told), id, &view, now, |tx| {
            made.iter().try_for_each(|person| tx.add_person(id, *person, now))
        })
    });
    write.await?;
    Ok((StatusCode::CREATED, Json(json!(people))))
}

#[derive(Default, Deserialize)]
struct MergeBody {
    primary_instance_id: Option<PersonId>,
    secondary_instance_id: Option<PersonId>,
}

/// The two people, and everyone each is merged with, are one from now on.
async fn merge_ids(State(api): State<Arc<Api>>, told: Change, body: Body) -> Answer {
    let body: MergeBody = body::json(&api, body).await?;
    let into = person(&api, body.primary_instance_id, "primary_instance_id")?;
    let other = person(&api, body.secondary_instance_id, "secondary_instance_id")?;
    if into.community != other.community {
        return Err(Problem::bad_request("People of different communities cannot be merged"));
    }
    let (into_id, other_id) = (into.id, other.id);
    let (told, of, now) = (told.of(into_id.to_string()), into.community, api.clock.now_ms());
    let write = api.calls.store.write("identity.merge", move |tx| {
        let view = View::Person(into_id);
        tx.changing(Some(&told), of, &view, now, |tx| tx.merge_people(into_id, other_id))
    });
    let primary = write.await?.ok_or_else(|| {
        Problem::bad_request(format!("At most {MERGED} people can be merged with one another"))
    })?;
    let user = api.calls.store.read(|reader| reader.user(primary))?;
    Ok(Json(user_json(into.id, &user, &into.slug)))
}

async fn link_account(State(api): State<Arc<Api>>, told: Change, body: Body) -> Answer {
    let body: Value = body::json(&api, body).await?;
    let slug = body.get("community_slug").and_then(Value::as_str).map(str::to_owned);
    let community = community(&api, slug.as_deref(), "community_slug")?;
    let claim = Claim::parse(body, None)
        .map_err(|cause| Problem::bad_request(format!("The account is not valid: {cause}")))?;
    let owner = person(&api, claim.person, "external_id")?;
    if owner.community != community.names.id {
        return Err(Problem::unknown_person(owner.id));
    }
    require_plugin(&community, &claim.key.platform_type)?;
    let (id, fresh, now) = (community.names.id, fresh()?, api.clock.now_ms());
    let write = api.calls.store.write("identity.link", move |tx| {
        tx.require_community(id)?;
        let view = View::Account(id, claim.key.clone());
        tx.changing(Some(&told), id, &view, now, |tx| tx.link_account(id, claim, fresh, now))
    });
    let account = write.await?.map_err(|_| Problem::account_owned())?;
    Ok(Json(account.shown(community.names.slug.as_str())))
}

#[derive(Default, Deserialize)]
struct UnlinkBody {
    community_slug: Option<String>,
    platform_type: Option<String>,
    platform_identifier: Option<String>,
    community_platform_id: Option<String>,
}

async fn unlink_account(State(api): State<Arc<Api>>, told: Change, body: Body) -> Answer {
    let body: UnlinkBody = body::json(&api, body).await?;
    let community = community(&api, body.community_slug.as_deref(), "community_slug")?;
    let key = AccountKey::new(
        given(body.platform_type, "platform_type")?,
        given(body.platform_identifier, "platform_identifier")?,
        body.community_platform_id,
    )
    .map_err(Problem::bad_request)?;
    let id = community.names.id;
    require_unambiguous(&api, &community, &key)?;
    let now = api.clock.now_ms();
    let write = api.calls.store.write("identity.unlink", move |tx| {
        let view = View::Account(id, key.clone());
        tx.changing(Some(&told), id, &view, now, |tx| tx.unlink_account(id, &key))
    });
    if write.await? { Ok(Json(json!(true))) } else { Err(Problem::unknown_account()) }
}

/// Without a `community_platform_id` only an account that has none is meant.
fn require_unambiguous(api: &Api, community: &Community, key: &AccountKey) -> Answer<()> {
    if key.community_platform_id.is_some() {
        return Ok(());
    }
    let (platform, name) = (&key.platform_type, &key.platform_identifier);
    let read = api.calls.store.read(|r| r.accounts_named(community.names.id, platform, name));
    let named = read?;
    if named.is_empty() || named.iter().any(|account| account.key == *key) {
        return Ok(());
    }
    Err(Problem::bad_request("This account has a community_platform_id; say which is meant"))
}

async fn get_user(
    State(api): State<Arc<Api>>,
    query: Result<Query<UserQuery>, QueryRejection>,
) -> Answer {
    let query = taken(query)?;
    let person = person(&api, query.external_id, "external_id")?;
    let user = api.calls.store.read(|reader| reader.user(person.primary))?;
    Ok(Json(user_json(person.id, &user, &person.slug)))
}

/// A page of people. The `Link` header leads to the next one.
async fn get_users(
    State(api): State<Arc<Api>>,
    query: Result<Query<UsersQuery>, QueryRejection>,
) -> Answer<(HeaderMap, Json<Value>)> {
    let query = taken(query)?;
    let community = community(&api, query.community.as_deref(), "community")?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let (id, after) = (community.names.id, query.after.unwrap_or(PersonId(0)));
    let filter = query.accounts();
    let users: Vec<User> = api.calls.store.read(|reader| {
        let primaries = reader.primaries(id, &filter, after, limit)?;
        primaries.into_iter().map(|primary| reader.user(primary)).collect()
    })?;
    let slug = community.names.slug.as_str();
    let shown: Vec<Value> = users.iter().map(|user| user_json(user.primary, user, slug)).collect();
    let last = users.last().filter(|_| users.len() == limit).map(|user| user.primary);
    Ok((last.map(|last| next_page(&query, last)).unwrap_or_default(), Json(json!(shown))))
}

fn next_page(query: &UsersQuery, last: PersonId) -> HeaderMap {
    let link = format!("</api/internal/identity/get_users?{}>; rel=\"next\"", query.after(last));
    let link = HeaderValue::try_from(link).ok().map(|link| (header::LINK, link));
    link.into_iter().collect()
}

/// Of the given people those who have such an account themselves.
async fn filter_users_by_account(State(api): State<Arc<Api>>, query: RawQuery) -> Answer {
    let query = FilterQuery::parse(query.0.as_deref()).map_err(Problem::bad_request)?;
    let community = community(&api, query.community.as_deref(), "community")?;
    let (id, filter) = (community.names.id, &query.filter);
    let kept: Vec<PersonId> = api.calls.store.read(|reader| {
        let mut kept = Vec::new();
        for person in query.people {
            let Some(row) = reader.person(person)?.filter(|row| row.community == id) else {
                continue;
            };
            let accounts = reader.user(row.primary)?.accounts;
            let own = accounts.iter().filter(|account| account.person == person);
            if own.into_iter().any(|account| filter.accepts(account)) {
                kept.push(person);
            }
        }
        Ok(kept)
    })?;
    Ok(Json(json!(kept)))
}

/// The person's account on a platform, their own before one of those they are merged with.
async fn get_linked_account(
    State(api): State<Arc<Api>>,
    query: Result<Query<LinkedQuery>, QueryRejection>,
) -> Answer {
    let query = taken(query)?;
    let person = person(&api, query.external_id, "external_id")?;
    let platform = given(query.platform_type, "platform_type")?;
    let wanted = query.community_platform_id.filter(|id| !id.is_empty());
    let mut accounts = api.calls.store.read(|reader| reader.user(person.primary))?.accounts;
    accounts.retain(|account| {
        account.key.platform_type == platform && account.key.community_platform_id == wanted
    });
    let own = accounts.iter().find(|account| account.person == person.id).or(accounts.first());
    Ok(Json(own.map_or_else(|| json!({}), |account| account.shown(&person.slug))))
}

fn taken<T>(query: Result<Query<T>, QueryRejection>) -> Answer<T> {
    query.map(|Query(query)| query).map_err(|error| Problem::bad_request(error.body_text()))
}

fn given<T>(value: Option<T>, name: &str) -> Answer<T> {
    value.ok_or_else(|| Problem::bad_request(format!("`{name}` is missing")))
}

fn community(api: &Api, slug: Option<&str>, name: &str) -> Answer<Arc<Community>> {
    let slug = given(slug, name)?;
    api.calls.communities.get(slug).ok_or_else(|| Problem::unknown_community(slug))
}

fn person(api: &Api, id: Option<PersonId>, name: &str) -> Answer<PersonRow> {
    let id = given(id, name)?;
    let row = api.calls.store.read(|reader| reader.person(id))?;
    row.ok_or_else(|| Problem::unknown_person(id))
}

fn require_plugin(community: &Community, platform: &str) -> Answer<()> {
    if community.instances.iter().any(|instance| instance.plugin.as_str() == platform) {
        return Ok(());
    }
    let slug = &community.names.slug;
    Err(Problem::not_enabled(platform, slug.as_str()))
}

fn fresh() -> Answer<PersonId> {
    PersonId::random()
        .map_err(|error| Problem::internal(format!("there is no randomness: {error}")))
}

fn user_json(source: PersonId, user: &User, slug: &str) -> Value {
    let accounts: Vec<Value> = user.accounts.iter().map(|account| account.shown(slug)).collect();
    json!({ "source_ID": source, "primary_ID": user.primary, "linked_accounts": accounts })
}
