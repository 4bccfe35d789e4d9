//! `/healthz`, `/readyz`, `/metrics`: for supervisors and monitoring.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Api;
use super::error::Problem;
use crate::calls::Calls;
use crate::plugins::Seen;
use crate::telemetry::metric::{
    CALLS_IN_FLIGHT, COMMUNITIES, GUEST_MEMORY, PLUGINS, PLUGINS_COMPILING, STORE_OLDEST_WRITE,
    STORE_QUEUED_WRITES,
};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// The process answers.
async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Calls can be answered: the store can be written, and what is in the plugin directory serves. A file that comes later
/// and is being compiled is in the listing alone: whatever served before it still serves.
async fn ready(State(api): State<Arc<Api>>) -> Result<Json<Value>, Problem> {
    if let Some(wrong) = api.calls.store.wrong() {
        return Err(Problem::not_ready(format!("{}; the log says why", wrong.sentence())));
    }
    if let Some(fault) = directory_fault(&api.calls) {
        return Err(Problem::not_ready(fault));
    }
    Ok(Json(json!({ "status": "ready" })))
}

/// Why the plugin directory keeps the host from being ready.
fn directory_fault(calls: &Calls) -> Option<&'static str> {
    match calls.plugins.seen() {
        Seen::Starting => {
            Some("Plugin files are looked at for the first time; see /api/internal/plugins")
        }
        // Where nothing is enabled nobody misses them.
        Seen::Nothing if misses_plugins(calls) => Some(
            "The plugin directory has no plugin file, but plugins are enabled; see that it is the right one and mounted",
        ),
        Seen::Nothing | Seen::Files => None,
    }
}

fn misses_plugins(calls: &Calls) -> bool {
    let instances = calls.communities.all_instances();
    instances.iter().any(|instance| calls.plugins.get(instance.plugin.as_str()).is_none())
}

/// Prometheus' text format, 0.0.4.
async fn metrics(State(api): State<Arc<Api>>) -> impl IntoResponse {
    CALLS_IN_FLIGHT.set(&[], f64::from(api.calls.in_flight()));
    COMMUNITIES.set(&[], api.calls.communities.len() as f64);
    GUEST_MEMORY.set(&[], api.quotas.memory.used() as f64);
    PLUGINS_COMPILING.set(&[], api.calls.plugins.compiling().len() as f64);
    PLUGINS.set(&[], api.calls.plugins.all().len() as f64);
    STORE_QUEUED_WRITES.set(&[], api.calls.store.queued() as f64);
    STORE_OLDEST_WRITE.set(&[], api.calls.store.health().oldest_write().as_secs_f64());
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    ([kind], api.metrics.render())
}
