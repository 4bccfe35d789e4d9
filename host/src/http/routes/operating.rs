//! `/healthz`, `/readyz`, `/metrics`: for supervisors and monitoring.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::api::Api;
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::{Route, get};
use moothall_core::scope::Scope;
use moothall_core::telemetry::metric::{
    CALLS_IN_FLIGHT, COMMUNITIES, GUEST_MEMORY, LIMIT_USED, PLUGINS, PLUGINS_COMPILING,
    STATE_CACHE, STORE_OLDEST_WRITE, STORE_QUEUED_WRITES,
};
use moothall_engine::calls::Calls;
use moothall_engine::plugins::Seen;

pub fn routes() -> Vec<Route> {
    vec![
        get("/healthz", "getHealth", "Whether the host is alive", alive)
            .public()
            .of_others()
            .answers::<Health>(200),
        get("/readyz", "getReadiness", "Whether the host can serve calls", ready)
            .public()
            .of_others()
            .answers::<Health>(200)
            .fails(&[(503, Code::NotReady)]),
        get("/metrics", "getMetrics", "Metrics for Prometheus", metrics)
            .needs(Scope::Metrics)
            .of_others()
            .answers_text(200, "text/plain"),
    ]
}

/// Closes the connection, so that the next request comes on a new one, which a thread takes that does not hang:
/// a thread that hangs answers nothing until its disk does.
const LAST: [(HeaderName, HeaderValue); 1] =
    [(header::CONNECTION, HeaderValue::from_static("close"))];

#[derive(Serialize, JsonSchema)]
struct Health {
    status: &'static str,
}

/// The process answers.
async fn alive() -> impl IntoResponse {
    (LAST, Json(Health { status: "ok" }))
}

/// Ready: the store writes, and the files of the plugin directory serve. A newer file that is being compiled
/// does not count: what served before it still serves.
async fn ready(State(api): State<Arc<Api>>) -> impl IntoResponse {
    (LAST, readiness(&api))
}

fn readiness(api: &Api) -> Result<Json<Health>, Problem> {
    if let Some(trouble) = api.context.store.trouble() {
        return Err(Problem::not_ready(format!("{}; the log says why", trouble.sentence())));
    }
    if let Some(fault) = directory_fault(&api.calls) {
        return Err(Problem::not_ready(fault));
    }
    Ok(Json(Health { status: "ready" }))
}

/// Why the plugin directory keeps the host from being ready.
fn directory_fault(calls: &Calls) -> Option<Cow<'static, str>> {
    match calls.context.plugins.seen() {
        Seen::Starting => Some(starting(&calls.context.plugins.blocked())),
        // If no community has them, nobody misses them.
        Seen::Nothing if misses_plugins(calls) => Some(
            "The plugin directory has no plugin file, but plugins are enabled; see that it is the right one and mounted".into(),
        ),
        Seen::Nothing | Seen::Files => None,
    }
}

fn starting(blocked: &BTreeSet<String>) -> Cow<'static, str> {
    let Some(first) = blocked.first() else {
        return "Plugin files are looked at for the first time; see /api/internal/plugins".into();
    };
    let others = match blocked.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    format!(
        "Of the plugin files that were there at the start, {first}{others} cannot be read in time (directory.read_ms): \
         see that the file system answers, or take it out; the others serve"
    )
    .into()
}

fn misses_plugins(calls: &Calls) -> bool {
    let instances = calls.context.communities.all_instances();
    instances.iter().any(|instance| calls.context.plugins.get(instance.plugin.as_str()).is_none())
}

/// Prometheus' text format, 0.0.4.
async fn metrics(State(api): State<Arc<Api>>) -> impl IntoResponse {
    CALLS_IN_FLIGHT.set(&[], f64::from(api.calls.in_flight()));
    COMMUNITIES.set(&[], api.context.communities.len() as f64);
    GUEST_MEMORY.set(&[], api.quotas.memory.used() as f64);
    STATE_CACHE.set(&[], api.state_cache.used() as f64);
    PLUGINS_COMPILING.set(&[], api.context.plugins.compiling().len() as f64);
    PLUGINS.set(&[], api.context.plugins.all().len() as f64);
    STORE_QUEUED_WRITES.set(&[], api.context.store.queued() as f64);
    STORE_OLDEST_WRITE.set(&[], api.context.store.health().oldest_write().as_secs_f64());
    set_used(&api);
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    (LAST, [kind], api.metrics.render())
}

/// How much of each limit is in use whose use is counted in memory.
fn set_used(api: &Api) {
    let limits = &api.settings.limits;
    for (limit, used, most) in [
        ("limits.calls", f64::from(api.calls.in_flight()), limits.calls as f64),
        (
            "limits.guest_memory_bytes",
            api.quotas.memory.used() as f64,
            limits.guest_memory_bytes as f64,
        ),
        (
            "store.queued_writes",
            api.context.store.queued() as f64,
            api.settings.store.queued_writes as f64,
        ),
    ] {
        LIMIT_USED.set(&[("limit", limit)], used / most.max(1.0));
    }
}
