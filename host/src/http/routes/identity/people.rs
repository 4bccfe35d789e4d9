//! People of communities: making, merging, finding.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::json;

use crate::http::api::Api;
use crate::http::json_text::json_text;
use crate::http::middleware::body_schema::{person as person_id, request_body};
use crate::http::middleware::changes::Changing;
use crate::http::middleware::idempotency::Asked;
use crate::http::middleware::{body, idempotency};
use crate::http::problem::Problem;
use crate::http::routes::identity::asked::{FilterQuery, UserQuery, UsersQuery};
use crate::http::routes::identity::lookup::{community, fresh, person, taken};
use moothall_core::effects::Account;
use moothall_core::ids::PersonId;
use moothall_store::{MERGED, Tx, User, View};
use moothall_values::json::{Object, list};

/// The most people on one page of `get_users`.
const PAGE: usize = 10_000;

/// People that are to be made.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "NewPeople")]
pub struct CreateBody {
    community_slug: String,
    #[schemars(range(min = 1, max = 1_000))]
    count: Option<usize>,
}

request_body!(CreateBody);

pub async fn create_id(
    State(api): State<Arc<Api>>,
    Changing(change_event): Changing,
    request: Request,
) -> Result<Response, Problem> {
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let body: CreateBody = body::parse(&bytes)?;
    let community = community(&api, Some(&body.community_slug), "community_slug")?;
    let count = body.count.unwrap_or(1);
    let people: Vec<_> = (0..count).map(|_| fresh()).collect::<Result<_, _>>()?;
    let (id, now, made) = (community.names.id, api.context.clock.now_ms(), people.clone());
    let change_event =
        change_event.of(people[0].to_string()).with_status(StatusCode::CREATED.as_u16());
    let view = View::Person(people[0]);
    let make = move |tx: &Tx<'_>| {
        tx.require_community(id)?;
        tx.changing(Some(&change_event), id, &view, now, |tx| {
            made.iter().try_for_each(|person| tx.add_person(id, *person, now))
        })?;
        Ok(Ok::<_, Infallible>((StatusCode::CREATED, json!(people).to_string())))
    };
    let Ok(response) = answering.write(&api, "identity.create", make).await?;
    Ok(response)
}

/// Two people who are one.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Merge")]
pub struct MergeBody {
    #[schemars(schema_with = "person_id")]
    primary_instance_id: PersonId,
    #[schemars(schema_with = "person_id")]
    secondary_instance_id: PersonId,
}

request_body!(MergeBody);

/// Merges two people, with everyone that each was merged with before.
pub async fn merge_ids(
    State(api): State<Arc<Api>>,
    Changing(change_event): Changing,
    request: Request,
) -> Result<Response, Problem> {
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let body: MergeBody = body::parse(&bytes)?;
    let into = person(&api, Some(body.primary_instance_id), "primary_instance_id")?;
    let other = person(&api, Some(body.secondary_instance_id), "secondary_instance_id")?;
    if into.community != other.community {
        return Err(Problem::bad_request("People of different communities cannot be merged"));
    }
    let (into_id, other_id) = (into.id, other.id);
    let (change_event, of, now) =
        (change_event.of(into_id.to_string()), into.community, api.context.clock.now_ms());
    let make = move |tx: &Tx<'_>| {
        let view = View::Person(into_id);
        let merge = |tx: &Tx<'_>| tx.merge_people(into_id, other_id);
        let Some(primary) = tx.changing(Some(&change_event), of, &view, now, merge)? else {
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

pub async fn get_user(
    State(api): State<Arc<Api>>,
    query: Result<Query<UserQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let query = taken(query)?;
    let person = person(&api, query.external_id, "external_id")?;
    let user = api.context.store.read(|reader| reader.user(person.primary))?;
    Ok(json_text(user_json(person.id, &user, &person.slug)))
}

/// A page of people. The `Link` header leads to the next one.
pub async fn get_users(
    State(api): State<Arc<Api>>,
    query: Result<Query<UsersQuery>, QueryRejection>,
) -> Result<(HeaderMap, Response), Problem> {
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

/// The given people who have such an account themselves.
pub async fn filter_users_by_account(
    State(api): State<Arc<Api>>,
    query: RawQuery,
) -> Result<Json<Vec<PersonId>>, Problem> {
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

/// The schema of what `user_json` writes.
pub enum PersonJson {}

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

fn user_json(source: PersonId, user: &User, slug: &str) -> String {
    let accounts = list(user.accounts.iter().map(|account| account.shown(slug)));
    let shown = Object::new().with("source_ID", json!(source));
    shown.with("primary_ID", json!(user.primary)).carrying("linked_accounts", &accounts).end()
}
