//! `/healthz`, `/readyz`, `/metrics`: for supervisors and monitoring.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use metrics::gauge;
use serde_json::{Value, json};

use super::Api;
use super::error::Problem;

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
    gauge!("moothall_calls_in_flight").set(f64::from(api.calls.in_flight()));
    gauge!("moothall_communities").set(api.calls.communities.len() as f64);
    gauge!("moothall_guest_memory_bytes").set(api.memory.used() as f64);
    gauge!("moothall_plugins").set(api.calls.plugins.all().len() as f64);
    gauge!("moothall_store_queued_writes").set(api.calls.store.queued() as f64);
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    ([kind], api.metrics.render())
}
