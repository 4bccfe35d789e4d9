//! `/healthz`, `/readyz`, `/metrics`: for supervisors and monitoring.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::Api;
use super::error::Problem;
use crate::telemetry::metric::{
    CALLS_IN_FLIGHT, COMMUNITIES, GUEST_MEMORY, PLUGINS, STORE_QUEUED_WRITES,
};

/// The process answers.
pub async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Calls can be answered: the store can be written, and no plugin waits to be compiled.
pub async fn ready(State(api): State<Arc<Api>>) -> Result<Json<Value>, Problem> {
    if let Some(wrong) = api.calls.store.health().wrong() {
        return Err(Problem::not_ready(format!("{}; the log says why", wrong.sentence())));
    }
    if api.calls.plugins.is_compiling() {
        return Err(Problem::not_ready("Plugins are being compiled; see /api/internal/plugins"));
    }
    Ok(Json(json!({ "status": "ready" })))
}

/// Prometheus' text format, 0.0.4.
pub async fn metrics(State(api): State<Arc<Api>>) -> impl IntoResponse {
    CALLS_IN_FLIGHT.set(&[], f64::from(api.calls.in_flight()));
    COMMUNITIES.set(&[], api.calls.communities.len() as f64);
    GUEST_MEMORY.set(&[], api.memory.used() as f64);
    PLUGINS.set(&[], api.calls.plugins.all().len() as f64);
    STORE_QUEUED_WRITES.set(&[], api.calls.store.queued() as f64);
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    ([kind], api.metrics.render())
}
