//! `/api/internal/endpoints`: URLs that subscribe to events. Secrets are shown once, in the answer
//! that makes them; values of headers never.

mod fields;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use super::{Api, body};
use crate::changes::Change;
use crate::clock::parse_rfc3339;
use crate::ids::{CommunityId, RequestId, new_event_id, unguessable_ulid};
use crate::outbox::{SigningSecret, secret_context};
use crate::store::{Audience, EndpointRow, NewEvent, StoreError, Tx, View};

use fields::{EndpointBody, blank, endpoint_json};

/// Endpoints on one page at most.
const PAGE: usize = 100;
/// How long a secret that was replaced still signs, in milliseconds.
pub const OLD_SECRET_MS: i64 = 24 * 60 * 60 * 1000;
/// How often a body is applied to an endpoint that others change meanwhile.
const PUT_TRIES: usize = 8;
/// Deliveries that one write sends again.
const RECOVER_ROWS: usize = 500;

type Answer = Result<(StatusCode, Json<Value>), Problem>;

pub fn routes() -> Router<Arc<Api>> {
    let one = get(show).put(put).delete(delete);
    Router::new()
        .route("/api/internal/endpoints", get(list).post(create))
        .route("/api/internal/endpoints/{id}", one)
        .route("/api/internal/endpoints/{id}/rotate-secret", post(rotate))
        .route("/api/internal/endpoints/{id}/recover", post(recover))
        .route("/api/internal/endpoints/{id}/ping", post(ping))
}

#[derive(Debug, Default, Deserialize)]
struct Page {
    /// Where the last page ended: its `next`.
    after: Option<i64>,
    limit: Option<usize>,
}

async fn list(
    State(api): State<Arc<Api>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(page) = page.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let store = &api.calls.store;
    let rows = store.read(|reader| reader.endpoints(page.after.unwrap_or(0), limit))?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.id);
    let shown: Result<Vec<Value>, Problem> =
        rows.iter().map(|row| endpoint_json(&api, row)).collect();
    Ok(Json(json!({ "endpoints": shown?, "next": next })))
}

async fn create(State(api): State<Arc<Api>>, told: Change, body: Body) -> Answer {
    let body: EndpointBody = body::json(&api, body).await?;
    let now = api.clock.now_ms();
    let secret = match body.secret.as_deref() {
        Some(secret) => SigningSecret::parse(secret).map_err(|fault| {
            Problem::bad_request(format!("The field `secret` is not valid: {fault}"))
        })?,
        None => generate()?,
    };
    let id = unguessable_ulid(&api.clock).map_err(|error| Problem::internal(error.to_string()))?;
    let mut row = body.apply(&api, blank(format!("ep_{id}"), now))?;
    row.secret = seal(&api, &row.public_id, &secret)?;
    let (added, most) = (row.clone(), api.settings.delivery.endpoints);
    let store = &api.calls.store;
    let told = told.of(row.public_id.clone()).with_status(StatusCode::CREATED.as_u16());
    let id = store.write("endpoint.create", move |tx| {
        let view = View::Endpoint(added.public_id.clone());
        let of = CommunityId(added.community);
        tx.changing(Some(&told), of, &view, now, |tx| tx.add_endpoint(&added, most))
    });
    let id = id.await?;
    if id.is_none() {
        return Err(Problem::conflict(
            "too_many_endpoints",
            format!(
                "There are {most} endpoints already; delete one, or raise [delivery] endpoints"
            ),
        ));
    }
    let mut shown = endpoint_json(&api, &row)?;
    shown["secret"] = json!(secret.text());
    Ok((StatusCode::CREATED, Json(shown)))
}

async fn show(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(endpoint_json(&api, &find(&api, &id)?)?))
}

/// What is absent stays as it is. What somebody else changed meanwhile stays too: the body is applied again.
async fn put(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    told: Change,
    body: Body,
) -> Result<Json<Value>, Problem> {
    find(&api, &id)?;
    let body: EndpointBody = body::json(&api, body).await?;
    if body.secret.is_some() {
        find(&api, &id)?;
        return Err(Problem::bad_request(
            "The field `secret` cannot be put; POST to rotate-secret replaces it",
        ));
    }
    for _ in 0..PUT_TRIES {
        let before = find(&api, &id)?;
        let after = body.apply(&api, before.clone())?;
        if put_once(&api, before, after, told.clone()).await? {
            return Ok(Json(endpoint_json(&api, &find(&api, &id)?)?));
        }
    }
    Err(Problem::conflict(
        "changed_meanwhile",
        format!("The endpoint '{id}' was changed by others again and again; put it again"),
    ))
}

/// False: it is not as it was before any more.
async fn put_once(
    api: &Api,
    before: EndpointRow,
    after: EndpointRow,
    told: Change,
) -> Result<bool, StoreError> {
    let now = api.clock.now_ms();
    let put = move |tx: &Tx<'_>| {
        if !tx.is_still(&before)? {
            return Ok(false);
        }
        let (of, view) = (CommunityId(before.community), View::Endpoint(before.public_id));
        tx.changing(Some(&told), of, &view, now, |tx| tx.put_endpoint(&after))
    };
    api.calls.store.write("endpoint.put", put).await
}

async fn delete(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    told: Change,
) -> Result<StatusCode, Problem> {
    let row = find(&api, &id)?;
    if row.kind == "driver" {
        return Err(Problem::conflict(
            "driver_endpoint",
            "The endpoint `driver` always exists; put `enabled: false` to pause it",
        ));
    }
    let (store, now) = (&api.calls.store, api.clock.now_ms());
    let told = told.with_status(StatusCode::NO_CONTENT.as_u16());
    let delete = store.write("endpoint.delete", move |tx| {
        let (of, view) = (CommunityId(row.community), View::Endpoint(row.public_id.clone()));
        tx.changing(Some(&told), of, &view, now, |tx| tx.delete_endpoint(row.id))
    });
    match delete.await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(&id)),
    }
}

/// A new secret; the one before it signs as well for a day.
async fn rotate(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    told: Change,
) -> Result<Json<Value>, Problem> {
    let row = find(&api, &id)?;
    let secret = generate()?;
    let (sealed, until) = (seal(&api, &id, &secret)?, api.clock.now_ms() + OLD_SECRET_MS);
    let number = row.id;
    let rotate = move |tx: &Tx<'_>| tx.rotate_secret(number, &sealed, until);
    let Json(mut shown) = change(&api, "endpoint.rotate", row, told, rotate).await?;
    shown["secret"] = json!(secret.text());
    Ok(Json(shown))
}

/// Changes an endpoint that is there; as it is from then on.
async fn change(
    api: &Api,
    name: &'static str,
    before: EndpointRow,
    told: Change,
    make: impl FnOnce(&Tx<'_>) -> Result<bool, StoreError> + Send + 'static,
) -> Result<Json<Value>, Problem> {
    let (now, id) = (api.clock.now_ms(), before.public_id.clone());
    let changed = api.calls.store.write(name, move |tx| {
        let (of, view) = (CommunityId(before.community), View::Endpoint(before.public_id));
        tx.changing(Some(&told), of, &view, now, make)
    });
    if !changed.await? {
        return Err(unknown(&id));
    }
    Ok(Json(endpoint_json(api, &find(api, &id)?)?))
}

/// `{since, states}`
#[derive(Default, Deserialize)]
struct RecoverBody {
    since: Option<String>,
    states: Option<Vec<String>>,
}

/// Sends again what ended in one of the states since then: `dead`, unless others are named.
async fn recover(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    told: Change,
    body: Body,
) -> Answer {
    let row = find(&api, &id)?;
    let body: RecoverBody = body::json(&api, body).await?;
    let since = body.since.as_deref().and_then(parse_rfc3339).ok_or_else(|| {
        Problem::bad_request(
            "The field `since` is a time as in RFC 3339, like 2026-01-31T12:00:00Z",
        )
    })?;
    let states = body.states.unwrap_or_else(|| vec!["dead".to_owned()]);
    if states.iter().any(|state| !matches!(state.as_str(), "dead" | "delivered")) {
        return Err(Problem::bad_request("The field `states` lists `dead` or `delivered`"));
    }
    let mut recovered = 0;
    for state in states {
        recovered += recover_state(&api, row.id, &state, since).await?;
    }
    let told = told.with_status(StatusCode::ACCEPTED.as_u16());
    let (view, now) = (View::Endpoint(row.public_id), api.clock.now_ms());
    let of = CommunityId(row.community);
    let tell = api
        .calls
        .store
        .write("endpoint.recover", move |tx| tx.changing(Some(&told), of, &view, now, |_| Ok(())));
    tell.await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "recovered": recovered }))))
}

async fn recover_state(api: &Api, row: i64, state: &str, since: i64) -> Result<usize, Problem> {
    let (store, now) = (&api.calls.store, api.clock.now_ms());
    let (mut after, mut recovered) = (0, 0);
    loop {
        let (ids, next) = store
            .read(|reader| reader.recoverable_deliveries(row, state, after, since, RECOVER_ROWS))?;
        recovered += store
            .write("delivery.recover", move |tx| {
                let sent = ids.iter().map(|id| tx.resend_delivery(*id, now));
                Ok(sent.collect::<Result<Vec<bool>, _>>()?.into_iter().filter(|sent| *sent).count())
            })
            .await?;
        match next {
            Some(next) => after = next,
            None => return Ok(recovered),
        }
    }
}

/// A signed event `ping`, for this endpoint alone.
async fn ping(
    State(api): State<Arc<Api>>,
    Extension(request): Extension<RequestId>,
    Path(id): Path<String>,
) -> Answer {
    let row = find(&api, &id)?;
    let now = api.clock.now_ms();
    let event = NewEvent {
        id: new_event_id(now),
        community: None,
        slug: String::new(),
        key: format!("ping/{id}"),
        source: "moothall".into(),
        event_type: "ping".into(),
        time: now,
        data: json!({ "endpoint": id }).to_string(),
        initiator: None,
        dedupe: None,
        origin: "ping",
        instance: None,
        request_id: request.to_string(),
        audience: Audience::Endpoint(row.id),
    };
    let event_id = event.id.clone();
    api.calls.store.write("endpoint.ping", move |tx| tx.append_event(&event)).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": event_id }))))
}

fn find(api: &Api, id: &str) -> Result<EndpointRow, Problem> {
    let row = api.calls.store.read(|reader| reader.endpoint(id))?;
    let row = row.filter(|row| matches!(row.kind.as_str(), "driver" | "endpoint"));
    row.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("There is no endpoint '{id}'"))
}

fn generate() -> Result<SigningSecret, Problem> {
    SigningSecret::generate().map_err(|error| Problem::internal(error.to_string()))
}

fn seal(api: &Api, id: &str, secret: &SigningSecret) -> Result<Vec<u8>, Problem> {
    let sealed = api.mutations.keyring.seal(&secret_context(id), secret.text().as_bytes());
    sealed.map_err(|error| Problem::internal(error.to_string()))
}
