//! `/api/internal/endpoints`: URLs that subscribe to events. Only the answer that makes a secret shows it; values of
//! headers are never shown.

mod fields;
mod shown;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::http::api::{Api, PUT_TRIES};
use crate::http::json_text::text_of;
use crate::http::middleware::body_schema::request_body;
use crate::http::middleware::changes::Changing;
use crate::http::middleware::idempotency::Asked;
use crate::http::middleware::path::Path;
use crate::http::middleware::{body, idempotency};
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::{Route, SECRET, delete, failure, get, post, put, query};
use crate::http::routes::events::PublishedId;
use crate::http::routes::events::declared;
use moothall_core::clock::{A_MOMENT, parse_rfc3339};
use moothall_core::endpoint::EndpointKind;
use moothall_core::ids::{CommunityId, EndpointId, RequestId, unguessable_ulid};
use moothall_core::scope::Scope;
use moothall_deliveries::SigningSecret;
use moothall_deliveries::endpoints::{append_ping, write_rows};
use moothall_store::{EndpointRow, Rotated, Tx, View};

use fields::{EndpointBody, EndpointChange, NewEndpoint, blank, endpoints};
use shown::{Endpoints, ShownEndpoint, endpoint_shown, listed};

/// The most endpoints on one page.
const PAGE: usize = 100;

pub fn routes() -> Vec<Route> {
    vec![
        get("/api/internal/endpoints", "listEndpoints", "Lists endpoints", list)
            .needs(Scope::Read)
            .query(&[query::AFTER, query::LIMIT])
            .answers::<Endpoints>(200),
        post(
            "/api/internal/endpoints",
            "createEndpoint",
            "Adds an endpoint; its secret is in the answer alone",
            create,
        )
        .needs(Scope::Operate)
        .never_once(SECRET)
        .body::<NewEndpoint>()
        .answers::<ShownEndpoint>(201)
        .changes(("endpoint", None))
        .fails(failure::COMMUNITY)
        .fails(&[(409, Code::TooManyEndpoints)]),
        get("/api/internal/endpoints/{id}", "getEndpoint", "An endpoint", show)
            .needs(Scope::Read)
            .answers::<ShownEndpoint>(200)
            .fails(failure::NOT_FOUND),
        put("/api/internal/endpoints/{id}", "changeEndpoint", "Changes an endpoint", change)
            .needs(Scope::Operate)
            .body::<EndpointChange>()
            .answers::<ShownEndpoint>(200)
            .changes(("endpoint", Some("id")))
            .fails(failure::NOT_FOUND)
            .fails(failure::COMMUNITY)
            .fails(&[(409, Code::ChangedMeanwhile)]),
        delete("/api/internal/endpoints/{id}", "deleteEndpoint", "Deletes an endpoint", remove)
            .needs(Scope::Operate)
            .answers_nothing(204)
            .changes(("endpoint", Some("id")))
            .fails(failure::NOT_FOUND)
            .fails(&[(409, Code::DriverEndpoint)]),
        post(
            "/api/internal/endpoints/{id}/rotate-secret",
            "rotateEndpointSecret",
            "Another secret; each that it replaces signs as well for 24 hours",
            rotate,
        )
        .needs(Scope::Operate)
        .never_once(SECRET)
        .answers::<ShownEndpoint>(200)
        .changes_of(("endpoint", Some("id")), ("secret", None))
        .fails(failure::NOT_FOUND)
        .fails(&[(409, Code::TooManySecrets)]),
        post(
            "/api/internal/endpoints/{id}/recover",
            "recoverDeliveries",
            "Sends deliveries since a time again",
            recover,
        )
        .needs(Scope::Operate)
        .body::<RecoverBody>()
        .answers::<Recovered>(202)
        .changes_of(("endpoint", Some("id")), ("deliveries", None))
        .fails(failure::NOT_FOUND),
        post(
            "/api/internal/endpoints/{id}/ping",
            "pingEndpoint",
            "Sends an event to this endpoint alone",
            ping,
        )
        .needs(Scope::Operate)
        .answers::<PublishedId>(202)
        .changes_nothing()
        .fails(failure::NOT_FOUND),
    ]
}

#[derive(Debug, Default, Deserialize)]
struct EndpointsQuery {
    /// Where the last page ended: its `next`.
    after: Option<i64>,
    limit: Option<usize>,
}

async fn list(
    State(api): State<Arc<Api>>,
    page: Result<Query<EndpointsQuery>, QueryRejection>,
) -> Result<Json<Endpoints>, Problem> {
    let Query(page) = page.map_err(|_| Problem::unread_query())?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let store = &api.context.store;
    write_rows(store).await;
    let rows = store.read(|reader| reader.endpoints(EndpointId(page.after.unwrap_or(0)), limit))?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.id.0);
    let declared = declared(&api);
    let shown: Result<Vec<_>, Problem> =
        rows.iter().map(|row| listed(&api, row, &declared)).collect();
    Ok(Json(Endpoints { endpoints: shown?.into_iter().flatten().collect(), next }))
}

async fn create(
    State(api): State<Arc<Api>>,
    Changing(change_event): Changing,
    body: Body,
) -> Result<(StatusCode, Json<ShownEndpoint>), Problem> {
    let body = EndpointBody::from(body::json::<NewEndpoint>(&api, body).await?);
    let now = api.context.clock.now_ms();
    let secret = match body.secret.as_deref() {
        Some(secret) => SigningSecret::parse(secret).map_err(|fault| {
            Problem::bad_request(format!("The field `secret` is not valid: {fault}"))
        })?,
        None => generate()?,
    };
    let id = unguessable_ulid(&api.context.clock)
        .map_err(|error| Problem::internal(error.to_string()))?;
    let row = body.apply(&api, blank(format!("ep_{id}"), now)).await?;
    let change_event =
        change_event.of(row.public_id.clone()).with_status(StatusCode::CREATED.as_u16());
    let most = api.settings.delivery.endpoints;
    if !endpoints(&api).add(row.clone(), &secret, most, change_event).await? {
        return Err(Problem::conflict(
            Code::TooManyEndpoints,
            format!(
                "There are {most} endpoints already; delete one, or raise [delivery] endpoints"
            ),
        ));
    }
    let shown = endpoint_shown(&api, &row)?.with_secret(secret.text());
    Ok((StatusCode::CREATED, Json(shown)))
}

async fn show(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<ShownEndpoint>, Problem> {
    write_rows(&api.context.store).await;
    Ok(Json(endpoint_shown(&api, &find(&api, &id)?)?))
}

/// Members that the body leaves out stay. If somebody else changed the endpoint meanwhile, the body is applied
/// again, to the new state.
async fn change(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Changing(change_event): Changing,
    body: Body,
) -> Result<Json<ShownEndpoint>, Problem> {
    find(&api, &id)?;
    let body = EndpointBody::from(body::json::<EndpointChange>(&api, body).await?);
    for _ in 0..PUT_TRIES {
        let before = find(&api, &id)?;
        let after = body.apply(&api, before.clone()).await?;
        if endpoints(&api).put(before, after, change_event.clone()).await? {
            return Ok(Json(endpoint_shown(&api, &find(&api, &id)?)?));
        }
    }
    Err(Problem::changed_meanwhile(&format!("endpoint '{id}'")))
}

async fn remove(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Changing(change_event): Changing,
) -> Result<StatusCode, Problem> {
    let row = find(&api, &id)?;
    if row.kind == EndpointKind::Driver {
        return Err(Problem::conflict(
            Code::DriverEndpoint,
            "The endpoint `driver` always exists; put `enabled: false` to pause it",
        ));
    }
    let change_event = change_event.with_status(StatusCode::NO_CONTENT.as_u16());
    match endpoints(&api).delete(row, change_event).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(&id)),
    }
}

/// A new secret; those that it replaces also sign for a day.
async fn rotate(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Changing(change_event): Changing,
) -> Result<Json<ShownEndpoint>, Problem> {
    let row = find(&api, &id)?;
    let most = api.settings.delivery.endpoint_secrets;
    let (rotated, secret) = endpoints(&api).rotate(row, most, change_event).await?;
    match rotated {
        Rotated::Done => {}
        Rotated::Gone => return Err(unknown(&id)),
        Rotated::TooMany => {
            let detail = format!(
                "{most} secrets of this endpoint sign already; each that was replaced does so for 24 hours. \
                 Wait, or raise [delivery] endpoint_secrets"
            );
            return Err(Problem::conflict(Code::TooManySecrets, detail));
        }
    }
    Ok(Json(endpoint_shown(&api, &find(&api, &id)?)?.with_secret(secret.text())))
}

/// How many deliveries are sent again.
#[derive(Serialize, JsonSchema)]
struct Recovered {
    recovered: usize,
}

/// Which deliveries are sent again.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Recovery")]
struct RecoverBody {
    #[schemars(extend("format" = "date-time"))]
    since: String,
    /// `dead`, unless others are named.
    #[serde(default)]
    #[schemars(schema_with = "recoverable")]
    states: Option<Vec<String>>,
}

request_body!(RecoverBody);

fn recoverable(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "minItems": 1, "items": { "enum": ["dead", "delivered"] } })
}

/// Sends again what ended in one of the states since then: `dead`, unless others are named.
async fn recover(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Changing(change_event): Changing,
    request: Request,
) -> Result<Response, Problem> {
    let row = find(&api, &id)?;
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let body: RecoverBody = body::parse(&bytes)?;
    let since = parse_rfc3339(&body.since)
        .ok_or_else(|| Problem::bad_request(format!("The field `since` is not {A_MOMENT}")))?;
    let states = body.states.unwrap_or_else(|| vec!["dead".to_owned()]);
    if states.iter().any(|state| !matches!(state.as_str(), "dead" | "delivered")) {
        return Err(Problem::bad_request("The field `states` lists `dead` or `delivered`"));
    }
    let mut recovered = 0;
    for state in states {
        recovered += endpoints(&api).recover(row.id, &state, since).await?;
    }
    let change_event = change_event.with_status(StatusCode::ACCEPTED.as_u16());
    let (view, now) = (View::Endpoint(row.public_id), api.context.clock.now_ms());
    let of = CommunityId(row.community);
    let make = move |tx: &Tx<'_>| {
        tx.changing(Some(&change_event), of, &view, now, |_| Ok(()))?;
        Ok(Ok::<_, Infallible>((StatusCode::ACCEPTED, text_of(&Recovered { recovered }))))
    };
    let Ok(response) = answering.write(&api, "endpoint.recover", make).await?;
    Ok(response)
}

/// A signed event `ping`, for this endpoint alone.
async fn ping(
    State(api): State<Arc<Api>>,
    Extension(request_id): Extension<RequestId>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let row = find(&api, &id)?;
    let answering = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(_, answering) => answering,
    };
    let now = api.context.clock.now_ms();
    let make = move |tx: &Tx<'_>| {
        let id = append_ping(tx, &row, now, request_id.to_string())?;
        Ok(Ok::<_, Infallible>((StatusCode::ACCEPTED, text_of(&PublishedId { id }))))
    };
    let Ok(response) = answering.write(&api, "endpoint.ping", make).await?;
    Ok(response)
}

fn find(api: &Api, id: &str) -> Result<EndpointRow, Problem> {
    let row = api.context.store.read(|reader| reader.endpoint(id))?;
    let row = row.filter(|row| row.kind.subscribes());
    row.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("There is no endpoint '{id}'"))
}

fn generate() -> Result<SigningSecret, Problem> {
    SigningSecret::generate().map_err(|error| Problem::internal(error.to_string()))
}
