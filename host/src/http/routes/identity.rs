//! `/api/internal/identity`: people of communities, and their accounts on platforms.
//!
//! Takes requests apart and reads or writes at once: what a claim makes of a linked account is in
//! `effects::accounts`, and no guest has a part in it.

mod asked;

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, RawQuery, Request, State, rejection::QueryRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::json;

use crate::http::api::Api;
use crate::http::json_text::json_text;
use crate::http::middleware::changes::Changing;
use crate::http::middleware::idempotency::Asked;
use crate::http::middleware::{body, idempotency};
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::failure;
use crate::http::route::failure::Failure;
use crate::http::route::{Route, get, post, query};
use moothall_core::effects::{Account, AccountKey, Claim};
use moothall_core::ids::PersonId;
use moothall_engine::calls::unresolved;
use moothall_engine::communities::{Community, ResolveError};
use moothall_store::{MERGED, PersonRow, Tx, User, View};
use moothall_values::json::{Object, list};

use asked::{FilterQuery, LinkedQuery, UserQuery, UsersQuery};

/// People on one page of `get_users` at most.
const PAGE: usize = 10_000;

type Answer<T> = Result<T, Problem>;

const PERSON: &[Failure] = &[(400, Code::UnknownPerson)];
/// The community was deleted meanwhile.
const GONE: &[Failure] = &[(409, Code::InstanceReplaced)];

pub fn routes() -> Vec<Route> {
    vec![
        post("/api/internal/identity/create_id", "createPeople", "Makes people", create_id)
            .body("NewPeople")
            .answers::<Vec<PersonId>>(201)
            .changes(("person", None))
            .fails(GONE)
            .fails(failure::COMMUNITY),
        post("/api/internal/identity/merge_ids", "mergePeople", "Makes two people one", merge_ids)
            .body("Merge")
            .answers::<PersonJson>(200)
            .changes(("person", None))
            .fails(PERSON),
        post(
            "/api/internal/identity/link_account",
            "linkAccount",
            "Links an account to a person",
            link_account,
        )
        .body("Link")
        .answers::<Account>(200)
        .changes_of(("person", None), ("account", None))
        .fails(GONE)
        .fails(PERSON)
        .fails(failure::CHOICE)
        .fails(&[(409, Code::AccountOwned)]),
        post(
            "/api/internal/identity/unlink_account",
            "unlinkAccount",
            "Removes a linked account",
            unlink_account,
        )
        .body("Unlink")
        .answers::<bool>(200)
        .changes_of(("person", None), ("account", None))
        .fails(PERSON)
        .fails(failure::COMMUNITY)
        .fails(&[(400, Code::UnknownAccount), (409, Code::AccountOwned)]),
        get(
            "/api/internal/identity/get_user",
            "getPerson",
            "A person with all linked accounts",
            get_user,
        )
        .query(&[query::PERSON.needed()])
        .answers::<PersonJson>(200)
        .fails(PERSON),
        get(
            "/api/internal/identity/get_users",
            "listPeople",
            "People by their accounts",
            get_users,
        )
        .query(&[
            query::COMMUNITY.needed(),
            query::PLATFORM_TYPE,
            query::PLATFORM_ID,
            query::LINK_TYPE,
            query::LINK_QUALITY,
            query::PLATFORM_IDENTIFIER,
            query::AFTER_PERSON,
            query::LIMIT,
        ])
        .answers::<Vec<PersonJson>>(200)
        .fails(failure::COMMUNITY),
        get(
            "/api/internal/identity/filter_users_by_account",
            "filterPeopleByAccount",
            "Which of some people have such an account",
            filter_users_by_account,
        )
        .query(&[
            query::PEOPLE.needed(),
            query::COMMUNITY.needed(),
            query::PLATFORM_TYPE,
            query::PLATFORM_ID,
            query::LINK_TYPE,
            query::LINK_QUALITY,
            query::PLATFORM_IDENTIFIER,
        ])
        .answers::<Vec<PersonId>>(200)
        .fails(failure::COMMUNITY),
        get(
            "/api/internal/identity/get_linked_account",
            "getLinkedAccount",
            "A person's account on a platform",
            get_linked_account,
        )
        .query(&[query::PERSON.needed(), query::PLATFORM_TYPE.needed(), query::PLATFORM_ID])
        .answers::<LinkedAccount>(200)
        .fails(PERSON),
    ]
}

#[derive(Default, Deserialize)]
struct CreateBody {
    community_slug: Option<String>,
    count: Option<usize>,
}

async fn create_id(
    State(api): State<Arc<Api>>,
    Changing(told): Changing,
    request: Request,
) -> Answer<Response> {
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let body: CreateBody = body::parse_as("NewPeople", &bytes)?;
    let community = community(&api, body.community_slug.as_deref(), "community_slug")?;
    let count = body.count.unwrap_or(1);
    let people: Vec<_> = (0..count).map(|_| fresh()).collect::<Result<_, _>>()?;
    let (id, now, made) = (community.names.id, api.context.clock.now_ms(), people.clone());
    let told = told.of(people[0].to_string()).with_status(StatusCode::CREATED.as_u16());
    let view = View::Person(people[0]);
    let make = move |tx: &Tx<'_>| {
        tx.require_community(id)?;
        tx.changing(Some(&told), id, &view, now, |tx| {
            made.iter().try_for_each(|person| tx.add_person(id, *person, now))
        })?;
        Ok(Ok::<_, Infallible>((StatusCode::CREATED, json!(people).to_string())))
    };
    let Ok(response) = answering.write(&api, "identity.create", make).await?;
    Ok(response)
}

#[derive(Default, Deserialize)]
struct MergeBody {
    primary_instance_id: Option<PersonId>,
    secondary_instance_id: Option<PersonId>,
}

/// The two people, and everyone each is merged with, are one from now on.
async fn merge_ids(
    State(api): State<Arc<Api>>,
    Changing(told): Changing,
    request: Request,
) -> Answer<Response> {
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let body: MergeBody = body::parse_as("Merge", &bytes)?;
    let into = person(&api, body.primary_instance_id, "primary_instance_id")?;
    let other = person(&api, body.secondary_instance_id, "secondary_instance_id")?;
    if into.community != other.community {
        return Err(Problem::bad_request("People of different communities cannot be merged"));
    }
    let (into_id, other_id) = (into.id, other.id);
    let (told, of, now) =
        (told.of(into_id.to_string()), into.community, api.context.clock.now_ms());
    let make = move |tx: &Tx<'_>| {
        let view = View::Person(into_id);
        let merge = |tx: &Tx<'_>| tx.merge_people(into_id, other_id);
        let Some(primary) = tx.changing(Some(&told), of, &view, now, merge)? else {
            return Ok(Err(()));
        };
        let user = tx.reader().user(primary)?;
        Ok(Ok((StatusCode::OK, user_json(into_id, &user, &into.slug))))
    };
    let merged = answering.write(&api, "identity.merge", make).await?;
    merged.map_err(|()| {
        Problem::bad_request(format!("At most {MERGED} people can be merged with one another"))
    })
}

/// Of the claim beside what `Claim` reads itself.
#[derive(Default, Deserialize)]
struct LinkBody {
    community_slug: Option<String>,
}

async fn link_account(
    State(api): State<Arc<Api>>,
    Changing(told): Changing,
    request: Request,
) -> Answer<Response> {
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let text = body::text_as("Link", &bytes)?;
    let body: LinkBody = body::read_as("Link", &text)?;
    let community = community(&api, body.community_slug.as_deref(), "community_slug")?;
    let claim = Claim::parse(&text, None)
        .map_err(|cause| Problem::bad_request(format!("The account is not valid: {cause}")))?;
    let owner = person(&api, claim.person, "external_id")?;
    if owner.community != community.names.id {
        return Err(Problem::nobody_of(community.names.slug.as_str(), owner.id));
    }
    require_instance(&community, &claim.key)?;
    let (id, fresh, now) = (community.names.id, fresh()?, api.context.clock.now_ms());
    let slug = community.names.slug.clone();
    let make = move |tx: &Tx<'_>| {
        tx.require_community(id)?;
        let view = View::Account(id, claim.key.clone());
        let link = |tx: &Tx<'_>| tx.link_account(id, claim, fresh, now);
        let linked = tx.changing(Some(&told), id, &view, now, link)?;
        Ok(linked.map(|account| (StatusCode::OK, account.shown(slug.as_str()))))
    };
    let linked = answering.write(&api, "identity.link", make).await?;
    linked.map_err(|_| Problem::account_owned())
}

#[derive(Default, Deserialize)]
struct UnlinkBody {
    /// Whose it is, if that is said.
    external_id: Option<PersonId>,
    community_slug: Option<String>,
    platform_type: Option<String>,
    platform_identifier: Option<String>,
    community_platform_id: Option<String>,
}

async fn unlink_account(
    State(api): State<Arc<Api>>,
    Changing(told): Changing,
    request: Request,
) -> Answer<Response> {
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let body: UnlinkBody = body::parse_as("Unlink", &bytes)?;
    let community = community(&api, body.community_slug.as_deref(), "community_slug")?;
    let key = AccountKey::new(
        given(body.platform_type, "platform_type")?,
        given(body.platform_identifier, "platform_identifier")?,
        body.community_platform_id,
    )
    .map_err(Problem::bad_request)?;
    let id = community.names.id;
    let person = body.external_id.map(|one| person(&api, Some(one), "external_id")).transpose()?;
    require_unambiguous(&api, &community, &key)?;
    let now = api.context.clock.now_ms();
    let make = move |tx: &Tx<'_>| {
        if let Some(person) = &person
            && let Some((_, owner)) = tx.reader().account(id, &key)?
            && owner != person.primary
        {
            return Ok(Err(Problem::others_account(person.id)));
        }
        let view = View::Account(id, key.clone());
        let unlink = |tx: &Tx<'_>| tx.unlink_account(id, &key);
        let is_unlinked = tx.changing(Some(&told), id, &view, now, unlink)?;
        let answer = is_unlinked.then_some((StatusCode::OK, "true".to_owned()));
        Ok(answer.ok_or_else(Problem::unknown_account))
    };
    answering.write(&api, "identity.unlink", make).await?
}

/// Without a `community_platform_id` only an account that has none is meant.
fn require_unambiguous(api: &Api, community: &Community, key: &AccountKey) -> Answer<()> {
    if key.community_platform_id.is_some() {
        return Ok(());
    }
    let (platform, name) = (&key.platform_type, &key.platform_identifier);
    let read = api.context.store.read(|r| r.accounts_named(community.names.id, platform, name));
    let named = read?;
    if named.is_empty() || named.iter().any(|account| account.key == *key) {
        return Ok(());
    }
    Err(Problem::bad_request("This account has a community_platform_id; say which is meant"))
}

async fn get_user(
    State(api): State<Arc<Api>>,
    query: Result<Query<UserQuery>, QueryRejection>,
) -> Answer<Response> {
    let query = taken(query)?;
    let person = person(&api, query.external_id, "external_id")?;
    let user = api.context.store.read(|reader| reader.user(person.primary))?;
    Ok(json_text(user_json(person.id, &user, &person.slug)))
}

/// A page of people. The `Link` header leads to the next one.
async fn get_users(
    State(api): State<Arc<Api>>,
    query: Result<Query<UsersQuery>, QueryRejection>,
) -> Answer<(HeaderMap, Response)> {
    let query = taken(query)?;
    let community = community(&api, query.community.as_deref(), "community")?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let (id, after) = (community.names.id, query.after.unwrap_or(PersonId(0)));
    let filter = query.accounts();
    let users: Vec<User> = api.context.store.read(|reader| {
        let primaries = reader.primaries(id, &filter, after, limit)?;
        primaries.into_iter().map(|primary| reader.user(primary)).collect()
    })?;
    let slug = community.names.slug.as_str();
    let shown = list(users.iter().map(|user| user_json(user.primary, user, slug)));
    let last = users.last().filter(|_| users.len() == limit).map(|user| user.primary);
    Ok((last.map(|last| next_page(&query, last)).unwrap_or_default(), json_text(shown)))
}

fn next_page(query: &UsersQuery, last: PersonId) -> HeaderMap {
    let link = format!("</api/internal/identity/get_users?{}>; rel=\"next\"", query.after(last));
    let link = HeaderValue::try_from(link).ok().map(|link| (header::LINK, link));
    link.into_iter().collect()
}

/// Of the given people those who have such an account themselves.
async fn filter_users_by_account(
    State(api): State<Arc<Api>>,
    query: RawQuery,
) -> Answer<Json<Vec<PersonId>>> {
    let query = FilterQuery::parse(query.0.as_deref()).map_err(Problem::bad_request)?;
    let community = community(&api, query.community.as_deref(), "community")?;
    let (id, filter) = (community.names.id, &query.filter);
    let kept: Vec<PersonId> = api.context.store.read(|reader| {
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
    Ok(Json(kept))
}

/// The person's account on a platform, their own before one of those they are merged with.
async fn get_linked_account(
    State(api): State<Arc<Api>>,
    query: Result<Query<LinkedQuery>, QueryRejection>,
) -> Answer<Response> {
    let query = taken(query)?;
    let person = person(&api, query.external_id, "external_id")?;
    let platform = given(query.platform_type, "platform_type")?;
    let wanted = query.community_platform_id.filter(|id| !id.is_empty());
    let mut accounts = api.context.store.read(|reader| reader.user(person.primary))?.accounts;
    accounts.retain(|account| {
        account.key.platform_type == platform && account.key.community_platform_id == wanted
    });
    let own = accounts.iter().find(|account| account.person == person.id).or(accounts.first());
    Ok(json_text(own.map_or_else(|| "{}".to_owned(), |account| account.shown(&person.slug))))
}

fn taken<T>(query: Result<Query<T>, QueryRejection>) -> Answer<T> {
    query.map(|Query(query)| query).map_err(|_| Problem::unread_query())
}

fn given<T>(value: Option<T>, name: &str) -> Answer<T> {
    value.ok_or_else(|| Problem::bad_request(format!("`{name}` is missing")))
}

fn community(api: &Api, slug: Option<&str>, name: &str) -> Answer<Arc<Community>> {
    let slug = given(slug, name)?;
    api.context.communities.get(slug).ok_or_else(|| Problem::unknown_community(slug))
}

fn person(api: &Api, id: Option<PersonId>, name: &str) -> Answer<PersonRow> {
    let id = given(id, name)?;
    let row = api.context.store.read(|reader| reader.person(id))?;
    row.ok_or_else(|| Problem::unknown_person(id))
}

/// An account is on a platform that the community has: told apart as for an action.
fn require_instance(community: &Community, key: &AccountKey) -> Answer<()> {
    let (plugin, platform_id) = (&key.platform_type, key.community_platform_id.as_deref());
    match community.resolve(plugin, platform_id) {
        // None there has an id, so there is nothing to be told apart.
        Err(ResolveError::NoSuchPlatform(choices)) if choices.is_empty() => Ok(()),
        Err(error) => Err(unresolved(plugin, community, error).into()),
        Ok(_) => Ok(()),
    }
}

fn fresh() -> Answer<PersonId> {
    PersonId::random()
        .map_err(|error| Problem::internal(format!("there is no randomness: {error}")))
}

/// What `user_json` writes.
enum PersonJson {}

impl JsonSchema for PersonJson {
    fn schema_name() -> Cow<'static, str> {
        "Person".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A person, with what everybody they are merged with has.",
            "type": "object",
            "required": ["source_ID", "primary_ID", "linked_accounts"],
            "properties": {
                "source_ID": { "description": "Who was asked for", "type": "integer" },
                "primary_ID": { "description": "Who they are merged into", "type": "integer" },
                "linked_accounts": { "type": "array", "items": schemas.subschema_for::<Account>() },
            },
        })
    }
}

/// An account, or `{}` if there is none.
enum LinkedAccount {}

impl JsonSchema for LinkedAccount {
    fn schema_name() -> Cow<'static, str> {
        "LinkedAccount".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let nothing = json_schema!({ "type": "object", "maxProperties": 0 });
        json_schema!({ "anyOf": [schemas.subschema_for::<Account>(), nothing] })
    }
}

fn user_json(source: PersonId, user: &User, slug: &str) -> String {
    let accounts = list(user.accounts.iter().map(|account| account.shown(slug)));
    let shown = Object::new().with("source_ID", json!(source));
    shown.with("primary_ID", json!(user.primary)).carrying("linked_accounts", &accounts).end()
}
