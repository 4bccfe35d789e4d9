//! HTTP: all routes, and nothing that decides what they do.
//!
//! Handlers take requests apart and put answers together; `calls` and `mutations` do the rest.
//! `axum` is named here alone, and statuses of failures are chosen in `error` alone.

mod access;
mod actions;
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
mod idempotency;
mod identity;
mod oauth;
mod openapi;
mod operating;
mod plugin_routes;
mod plugins;
mod processes;
mod schedules;
pub mod serve;
mod webhooks;
mod workers;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::routing::{delete, get, post};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::calls::Calls;
use crate::clock::Clock;
use crate::config::{Config, HttpConfig};
use crate::egress::Egress;
use crate::guest::Quotas;
use crate::hooks::Hooks;
use crate::monitoring::Monitoring;
use crate::mutations::Mutations;
use crate::oauth::OAuth;
use crate::outbox::LocalReach;
use crate::webhooks::Webhooks;

pub use access::{Keys, is_loopback, new_key};
pub use bodies::Bodies;
pub use door::Door;
pub use endpoints::OLD_SECRET_MS;
pub use event_stream::Streams;
pub use idempotency::{REMEMBERED_MS, Running};
pub use openapi::Cache as DocumentCache;
pub use openapi::route_of;

/// What handlers need.
pub struct Api {
    pub calls: Arc<Calls>,
    pub mutations: Mutations,
    pub oauth: OAuth,
    pub webhooks: Webhooks,
    pub hooks: Arc<Hooks>,
    pub egress: Egress,
    pub monitoring: Arc<Monitoring>,
    pub clock: Clock,
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
    pub streams: Streams,
    pub bodies: Arc<Bodies>,
}

/// The whole HTTP surface.
pub fn routes(api: Arc<Api>) -> Router {
    Router::new()
        // Actions
        .route("/api/internal/action/{target}", post(actions::internal))
        .route("/api/action/{target}", post(actions::public))
        // Communities
        .route("/api/internal/community", get(communities::list).post(communities::create))
        .route(
            "/api/internal/community/{slug}",
            get(communities::show).put(communities::put).delete(communities::delete),
        )
        .route("/api/internal/community/{slug}/hooks", get(communities::hooks))
        .route("/api/internal/community/{slug}/actions", get(communities::actions))
        .route("/api/internal/community/{slug}/processes", get(communities::processes))
        .route("/api/internal/community/{slug}/events", get(communities::events))
        // Plugins
        .route("/api/internal/plugins", get(plugins::files))
        .route("/api/internal/plugin-schemas", get(plugins::schemas))
        .route("/api/internal/plugin/{name}", post(plugins::enable))
        .route("/api/internal/plugin/{name}/metadata", get(plugins::metadata))
        .route("/api/internal/plugin/{name}/{id}", delete(plugins::disable))
        // What has several routes of its own
        .merge(processes::routes())
        .merge(webhooks::routes())
        .merge(plugin_routes::routes())
        .merge(oauth::routes())
        .merge(identity::routes())
        .merge(events::routes())
        .merge(endpoints::routes())
        .merge(deliveries::routes())
        .merge(workers::routes())
        .merge(changes::routes())
        .merge(hooks::routes())
        .merge(schedules::routes())
        .merge(openapi::routes())
        // Operating
        .route("/api/internal/calls", get(failed_calls::list))
        .route("/api/internal/calls/{id}", get(failed_calls::show))
        .merge(operating::routes())
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::no_method)
        .with_state(api)
}

/// What a listener for operators has.
pub fn operations(api: Arc<Api>) -> Router {
    operating::routes()
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::no_method)
        .with_state(api)
}
