//! What every handler is given: the parts of the host, and look-ups of what a request names.

pub mod document;
pub mod known_keys;
pub mod streams;

use std::sync::Arc;

use arc_swap::ArcSwap;
use metrics_exporter_prometheus::PrometheusHandle;
use moothall_background::monitoring::Monitoring;
use moothall_background::webhooks::Webhooks;
use moothall_core::config::{Config, HttpConfig};
use moothall_core::day_budget::{DayBudgets, Spent, UsedUp};
use moothall_core::state_cache::StateCache;
use moothall_deliveries::{Circuits, LocalReach};
use moothall_egress::Egress;
use moothall_engine::calls::{CallError, Calls};
use moothall_engine::context::Context;
use moothall_engine::hooks::Hooks;
use moothall_engine::idempotency::RunningKeys;
use moothall_engine::mutations::Mutations;
use moothall_engine::oauth::OAuth;
use moothall_guest::Quotas;

use crate::http::api::document::CachedDocument;
use crate::http::api::known_keys::KnownKeys;
use crate::http::api::streams::Streams;
use crate::http::keys::Keys;
use crate::http::middleware::body_budget::Bodies;
use crate::http::problem::Problem;

/// How often a body is applied again because others changed the resource meanwhile.
pub const PUT_TRIES: usize = 8;

/// What handlers use.
pub struct Api {
    pub context: Arc<Context>,
    pub calls: Arc<Calls>,
    pub mutations: Mutations,
    pub oauth: OAuth,
    pub webhooks: Webhooks,
    pub hooks: Arc<Hooks>,
    pub egress: Egress,
    pub monitoring: Arc<Monitoring>,
    pub config: Arc<HttpConfig>,
    /// The whole configuration, as it was at start.
    pub settings: Arc<Config>,
    pub keys: ArcSwap<Keys>,
    pub known_keys: KnownKeys,
    pub running: RunningKeys,
    pub openapi: CachedDocument,
    pub metrics: PrometheusHandle,
    pub quotas: Arc<Quotas>,
    pub state_cache: Arc<StateCache>,
    /// Whether URLs that drivers set may be on this machine.
    pub local: LocalReach,
    /// The circuits of endpoints.
    pub circuits: Circuits,
    pub streams: Streams,
    pub bodies: Arc<Bodies>,
    pub budgets: Arc<DayBudgets>,
}

impl Api {
    /// The driver's day budget, if it has room for this many bytes. `key` is the id of its API key, or none if
    /// no key is needed.
    pub fn driver_has_room(&self, key: &str, bytes: usize) -> Result<Arc<Spent>, Problem> {
        let (spent, now) = (self.budgets.of_driver(key), self.context.clock.now_ms());
        let room = spent.has_room(now, bytes as u64, self.settings.limits.driver_day_bytes());
        room.map(|()| spent).map_err(|used_up| self.day_used_up(used_up))
    }

    pub fn day_used_up(&self, used_up: UsedUp) -> Problem {
        let seconds = (used_up.until - self.context.clock.now_ms()).max(0) / 1000 + 1;
        Problem::day_used_up(self.settings.limits.driver_day_bytes(), seconds)
    }
}

/// Fails unless the community of a list's filter exists.
pub fn require_community(api: &Api, slug: &str) -> Result<(), Problem> {
    let found = api.context.communities.get(slug);
    found.map(drop).ok_or_else(|| Problem::unknown_community(slug))
}

/// Fails unless the plugin of a list's filter exists or existed: a community may still have it.
pub fn require_plugin(api: &Api, name: &str) -> Result<(), Problem> {
    match api.calls.serving(name) {
        Err(CallError::UnknownPlugin { meant, .. }) => Err(Problem::unknown_plugin(name, &meant)),
        Err(_) | Ok(_) => Ok(()),
    }
}

/// The same for the plugin in a path.
pub fn require_plugin_of_path(api: &Api, name: &str) -> Result<(), Problem> {
    match api.calls.serving(name) {
        Err(unknown @ CallError::UnknownPlugin { .. }) => Err(unknown.into()),
        Err(_) | Ok(_) => Ok(()),
    }
}
