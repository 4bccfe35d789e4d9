//! HTTP: all routes, and nothing that decides what they do.
//!
//! Handlers take requests apart and put answers together; `calls` and `mutations` do the rest.
//! `axum` is named here alone, and statuses of failures are chosen in `error` alone.

mod accept;
mod access;
mod actions;
mod asked;
mod bodies;
mod body;
mod changes;
mod communities;
mod deliveries;
mod door;
mod dry_run;
mod endpoints;
mod error;
mod event_stream;
mod events;
mod failed_calls;
mod guard;
mod hooks;
mod html;
mod idempotency;
mod identity;
mod oauth;
mod openapi;
mod operating;
mod path;
mod plugin_routes;
mod plugins;
mod processes;
mod route;
mod schedules;
pub mod serve;
mod table;
mod webhooks;
mod workers;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

use crate::calls::{CallError, Calls};
use crate::config::{Config, HttpConfig};
use crate::day_budget::{DayBudgets, Spent, UsedUp};
use crate::egress::Egress;
use crate::guest::Quotas;
use crate::hooks::Hooks;
use crate::monitoring::Monitoring;
use crate::mutations::Mutations;
use crate::oauth::OAuth;
use crate::outbox::{Circuits, LocalReach};
use crate::webhooks::Webhooks;
use moothall_engine::context::Context;

use error::Problem;
use route::Route;

pub use access::{Keys, is_loopback, new_key};
pub use bodies::Bodies;
pub use door::Door;
pub use endpoints::OLD_SECRET_MS;
pub use event_stream::Streams;
pub use idempotency::{REMEMBERED_MS, Running};
pub use openapi::Cache as DocumentCache;

/// How often a body is applied to what others change meanwhile.
const PUT_TRIES: usize = 8;

/// What handlers need.
pub struct Api {
    pub calls: Arc<Calls>,
    pub context: Arc<Context>,
    pub mutations: Mutations,
    pub oauth: OAuth,
    pub webhooks: Webhooks,
    pub hooks: Arc<Hooks>,
    pub egress: Egress,
    pub monitoring: Arc<Monitoring>,
    pub config: Arc<HttpConfig>,
    /// The whole of it, as it was at start.
    pub settings: Arc<Config>,
    pub keys: ArcSwap<Keys>,
    pub running: Running,
    pub openapi: DocumentCache,
    pub metrics: PrometheusHandle,
    pub quotas: Arc<Quotas>,
    /// Whether what drivers name may be on this machine.
    pub local: LocalReach,
    /// What is known against endpoints.
    pub circuits: Circuits,
    pub streams: Streams,
    pub bodies: Arc<Bodies>,
    pub budgets: Arc<DayBudgets>,
}

impl Api {
    /// What a driver had stored today, if there is room for so many bytes more. `key` is the id of its API key, or
    /// nothing where none is needed.
    fn driver_has_room(&self, key: &str, bytes: usize) -> Result<Arc<Spent>, Problem> {
        let (spent, now) = (self.budgets.of_driver(key), self.context.clock.now_ms());
        let room = spent.has_room(now, bytes as u64, self.settings.limits.driver_day_bytes());
        room.map(|()| spent).map_err(|used_up| self.day_used_up(used_up))
    }

    fn day_used_up(&self, used_up: UsedUp) -> Problem {
        let seconds = (used_up.until - self.context.clock.now_ms()).max(0) / 1000 + 1;
        Problem::day_used_up(self.settings.limits.driver_day_bytes(), seconds)
    }
}

/// That a community which a list is asked for is there.
fn require_community(api: &Api, slug: &str) -> Result<(), Problem> {
    let found = api.context.communities.get(slug);
    found.map(drop).ok_or_else(|| Problem::unknown_community(slug))
}

/// That a plugin which a list is asked for is there, or was: a community may still have it.
fn require_plugin(api: &Api, name: &str) -> Result<(), Problem> {
    match api.calls.serving(name) {
        Err(CallError::UnknownPlugin { meant, .. }) => Err(Problem::unknown_plugin(name, &meant)),
        Err(_) | Ok(_) => Ok(()),
    }
}

/// The same of the plugin in a path.
fn require_plugin_of_path(api: &Api, name: &str) -> Result<(), Problem> {
    match api.calls.serving(name) {
        Err(unknown @ CallError::UnknownPlugin { .. }) => Err(unknown.into()),
        Err(_) | Ok(_) => Ok(()),
    }
}

/// Where the routes of a module come from.
type Routes = fn() -> Vec<Route>;

/// The whole HTTP surface: modules with routes, and the group in which OpenAPI shows those of each.
const NOUNS: [(&str, Routes); 18] = [
    ("actions", actions::routes),
    ("communities", communities::routes),
    ("plugins", plugins::routes),
    ("processes", processes::routes),
    ("webhooks", webhooks::routes),
    ("plugins", plugin_routes::routes),
    ("oauth", oauth::routes),
    ("identity", identity::routes),
    ("events", events::routes),
    ("events", endpoints::routes),
    ("events", deliveries::routes),
    ("events", changes::routes),
    ("hooks", hooks::routes),
    ("operating", workers::routes),
    ("operating", schedules::routes),
    ("operating", failed_calls::routes),
    ("operating", operating::routes),
    ("operating", openapi::routes),
];

/// An answer as a text, for what remembers it.
fn text_of(answer: &impl Serialize) -> String {
    serde_json::to_string(answer)
        .expect("the members of an answer have names, and its numbers ends")
}

/// A text that is JSON already, as an answer.
fn json_text(text: String) -> Response {
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    ([json], text).into_response()
}
