//! `/api/internal/deliveries`: what became of each event on its way to each endpoint.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::error::Problem;
use crate::clock::rfc3339;
use crate::store::{AttemptRow, DeliveryFilter, DeliveryRow, STATES};

/// Deliveries on one page at most.
const PAGE: usize = 100;

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/internal/deliveries", get(list))
        .route("/api/internal/deliveries/{id}", get(show))
        .route("/api/internal/deliveries/{id}/resend", post(resend))
}

#[derive(Debug, Default, Deserialize)]
struct Page {
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
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(page) = page.map_err(|error| Problem::bad_request(error.body_text()))?;
    let filter = filter(&api, &page)?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let before = page.after.unwrap_or(i64::MAX);
    let (deliveries, next) =
        api.calls.store.read(|reader| reader.deliveries(&filter, before, limit))?;
    Ok(Json(json!({ "deliveries": deliveries, "next": next })))
}

fn filter(api: &Api, page: &Page) -> Result<DeliveryFilter, Problem> {
    let mut filter = DeliveryFilter { state: page.state.clone(), ..DeliveryFilter::default() };
    if page.state.as_deref().is_some_and(|state| !STATES.contains(&state)) {
        return Err(Problem::bad_request(format!("A state is one of {}", STATES.join(", "))));
    }
    if let Some(id) = &page.endpoint {
        let row = api.calls.store.read(|reader| reader.endpoint(id))?;
        let row = row.ok_or_else(|| Problem::not_found(format!("There is no endpoint '{id}'")))?;
        filter.endpoint = Some(row.id);
    }
    if let Some(slug) = &page.community {
        let community = api.calls.communities.get(slug);
        let community = community.ok_or_else(|| Problem::unknown_community(slug))?;
        filter.community = Some(community.names.id.0);
    }
    Ok(filter)
}

async fn show(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let row = find(&api, &id)?;
    let attempts = api.calls.store.read(|reader| reader.attempts(row.id))?;
    let mut shown = json!(row);
    shown["attempts"] = attempts.iter().map(attempt_json).collect();
    Ok(Json(shown))
}

fn attempt_json(attempt: &AttemptRow) -> Value {
    json!({
        "attempt": attempt.attempt,
        "time": rfc3339(attempt.started_at),
        "ms": attempt.duration_ms,
        "status": attempt.status,
        "error": attempt.error,
        "detail": attempt.detail,
        "response": attempt.response.as_ref().map(|bytes| String::from_utf8_lossy(bytes)),
    })
}

/// Sends it again, with the same `webhook-id`, whatever became of it.
async fn resend(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<DeliveryRow>), Problem> {
    let (delivery, now) = (find(&api, &id)?.id, api.clock.now_ms());
    let store = &api.calls.store;
    let sent = store.write("delivery.resend", move |tx| tx.resend_delivery(delivery, now)).await?;
    if !sent {
        return Err(Problem::conflict(
            "not_resendable",
            "Its event is no longer kept, or its endpoint was deleted",
        ));
    }
    Ok((StatusCode::ACCEPTED, Json(find(&api, &id)?)))
}

fn find(api: &Api, id: &str) -> Result<DeliveryRow, Problem> {
    let unknown = || Problem::not_found(format!("There is no delivery '{id}'"));
    let number = id.parse().map_err(|_| unknown())?;
    api.calls.store.read(|reader| reader.delivery(number))?.ok_or_else(unknown)
}
