//! `/api/internal/deliveries`: the state of each event's delivery to each endpoint.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::api::Api;
use crate::http::json_text::text_of;
use crate::http::middleware::idempotency;
use crate::http::middleware::idempotency::Asked;
use crate::http::middleware::path::Path;
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::{Route, failure, get, post, query};
use moothall_core::clock::Moment;
use moothall_core::endpoint::AttemptError;
use moothall_core::ids::{DeliveryId, parse_number};
use moothall_core::scope::Scope;
use moothall_deliveries::endpoints::write_rows;
use moothall_store::{AttemptRow, DeliveredEvent, DeliveryFilter, DeliveryRow, STATES, Tx};

/// The most deliveries on one page.
const PAGE: usize = 100;

pub fn routes() -> Vec<Route> {
    vec![
        get("/api/internal/deliveries", "listDeliveries", "Lists deliveries", list)
            .needs(Scope::Read)
            .query(&[
                query::ENDPOINT,
                query::DELIVERY_STATE,
                query::COMMUNITY,
                query::AFTER,
                query::LIMIT,
            ])
            .answers::<Deliveries>(200)
            .fails(failure::COMMUNITY)
            .fails(&[(400, Code::UnknownEndpoint)]),
        get("/api/internal/deliveries/{id}", "getDelivery", "A delivery with its attempts", show)
            .needs(Scope::Read)
            .answers::<DeliveryInFull>(200)
            .fails(failure::NOT_FOUND),
        post(
            "/api/internal/deliveries/{id}/resend",
            "resendDelivery",
            "Sends a delivery again",
            resend,
        )
        .needs(Scope::Operate)
        .answers::<DeliveryRow>(202)
        .changes_nothing()
        .fails(failure::NOT_FOUND)
        .fails(&[(409, Code::NotResendable)]),
    ]
}

#[derive(Debug, Default, Deserialize)]
struct DeliveriesQuery {
    endpoint: Option<String>,
    state: Option<String>,
    community: Option<String>,
    /// Where the last page ended: its `next`.
    after: Option<i64>,
    limit: Option<usize>,
}

/// The newest first.
async fn list(
    State(api): State<Arc<Api>>,
    page: Result<Query<DeliveriesQuery>, QueryRejection>,
) -> Result<Json<Deliveries>, Problem> {
    let Query(page) = page.map_err(|_| Problem::unread_query())?;
    let filter = filter(&api, &page)?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let before = DeliveryId(page.after.unwrap_or(i64::MAX));
    write_rows(&api.context.store).await;
    let (deliveries, next) =
        api.context.store.read(|reader| reader.deliveries(&filter, before, limit))?;
    Ok(Json(Deliveries { deliveries, next }))
}

fn filter(api: &Api, page: &DeliveriesQuery) -> Result<DeliveryFilter, Problem> {
    let mut filter = DeliveryFilter { state: page.state.clone(), ..DeliveryFilter::default() };
    if page.state.as_deref().is_some_and(|state| !STATES.contains(&state)) {
        return Err(Problem::bad_request(format!("A state is one of {}", STATES.join(", "))));
    }
    if let Some(id) = &page.endpoint {
        let row = api.context.store.read(|reader| reader.endpoint(id))?;
        let row = row.ok_or_else(|| Problem::unknown_endpoint(id))?;
        filter.endpoint = Some(row.id);
    }
    if let Some(slug) = &page.community {
        let community = api.context.communities.get(slug);
        let community = community.ok_or_else(|| Problem::unknown_community(slug))?;
        filter.community = Some(community.names.id.0);
    }
    Ok(filter)
}

async fn show(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<DeliveryInFull>, Problem> {
    let row = find(&api, &id)?;
    let attempts = api.context.store.read(|reader| reader.attempts(row.id))?;
    Ok(Json(DeliveryInFull {
        id: row.id,
        endpoint: row.endpoint,
        event: row.event,
        state: row.state,
        attempts: attempts.into_iter().map(Attempt::of).collect(),
        due_at: row.due_at,
        expires_at: row.expires_at,
        finished_at: row.finished_at,
    }))
}

/// The newest first.
#[derive(Serialize, JsonSchema)]
struct Deliveries {
    deliveries: Vec<DeliveryRow>,
    /// The `after` of the next page.
    next: Option<DeliveryId>,
}

/// A delivery with its attempts.
#[derive(Serialize, JsonSchema)]
struct DeliveryInFull {
    id: DeliveryId,
    endpoint: String,
    /// Null once the event is no longer kept.
    event: Option<DeliveredEvent>,
    #[schemars(extend("enum" = STATES))]
    state: String,
    attempts: Vec<Attempt>,
    due_at: Option<Moment>,
    expires_at: Option<Moment>,
    finished_at: Option<Moment>,
}

/// One attempt to send a delivery.
#[derive(Serialize, JsonSchema)]
struct Attempt {
    attempt: u32,
    time: Moment,
    ms: i64,
    /// The status of the receiver's answer, if there was one.
    status: Option<u16>,
    error: Option<AttemptError>,
    detail: Option<String>,
    /// The beginning of the receiver's answer.
    response: Option<String>,
}

impl Attempt {
    fn of(row: AttemptRow) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            attempt: row.attempt,
            time: Moment(row.started_at),
            ms: row.duration_ms,
            status: row.status,
            error: row.error,
            detail: row.detail,
            response: row.response.map(text),
        }
    }
}

/// Sends it again, with the same `webhook-id`, whatever its state.
async fn resend(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (delivery, now) = (find(&api, &id)?.id, api.context.clock.now_ms());
    let answering = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(_, answering) => answering,
    };
    let make = move |tx: &Tx<'_>| {
        let sent = tx.resend_delivery(delivery, now)?;
        let row = tx.reader().delivery(delivery)?.filter(|_| sent);
        Ok(row.map(|row| (StatusCode::ACCEPTED, text_of(&row))).ok_or(()))
    };
    let sent = answering.write(&api, "delivery.resend", make).await?;
    sent.map_err(|()| {
        Problem::conflict(
            Code::NotResendable,
            "Its event is no longer kept, or its endpoint was deleted",
        )
    })
}

fn find(api: &Api, id: &str) -> Result<DeliveryRow, Problem> {
    let unknown = || Problem::not_found(format!("There is no delivery '{id}'"));
    let number = parse_number(id).ok_or_else(unknown)?;
    api.context.store.read(|reader| reader.delivery(DeliveryId(number)))?.ok_or_else(unknown)
}
