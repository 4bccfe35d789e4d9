//! The exports of which a plugin has several: filters, workers, schedules, routes; and monitoring. The
//! attribute writes the choice between an author's methods.

use serde::de::DeserializeOwned;

use crate::bindings::host::types as wit;
use crate::bindings::{hooks, monitoring, routes, schedules, workers};
use crate::hook::Kind;
use crate::{Envelope, Error, Plugin, Point, Result, RouteRequest, Verdict, WebhookResponse, read};

/// A plugin with steps of hooks.
pub trait Filters: Plugin {
    fn filter(&self, hook: &str, data: &str) -> Result<Verdict>;
}

/// A plugin that handles events.
pub trait Workers: Plugin {
    fn enabled(&self, worker: &str, config: &str) -> Result<bool>;
    fn handle(&self, worker: &str, event: Envelope) -> Result<()>;
}

/// A plugin that measures the host's requests.
pub trait Monitoring: Plugin {
    fn handle_points(&self, points: Vec<Point>) -> Result<()>;
}

/// A plugin with schedules.
pub trait Schedules: Plugin {
    fn tick(&self, name: &str, scheduled_at: String) -> Result<()>;
}

/// A plugin with routes.
pub trait Routes: Plugin {
    fn route(&self, path: &str, request: RouteRequest) -> Result<WebhookResponse>;
}

/// What the host hands over, as the author's type.
pub fn data<T: DeserializeOwned>(json: &str) -> Result<T> {
    read::json(json)
        .map_err(|error| Error::internal(format!("what the host sent does not fit: {error}")))
}

/// Refuses what the manifest does not have.
pub fn unknown_entry<T>(what: &str, name: &str) -> Result<T> {
    Err(Error::not_found(format!("the plugin has no {what} '{name}'")))
}

impl<T: Filters> hooks::exports::moothall::plugin::hooks::Guest for T {
    fn filter(
        hook: String,
        json: String,
    ) -> std::result::Result<hooks::exports::moothall::plugin::hooks::Verdict, wit::Error> {
        use hooks::exports::moothall::plugin::hooks::Verdict as Wit;
        Ok(match T::PLUGIN.filter(&hook, &json)?.0 {
            Kind::Pass => Wit::Pass,
            Kind::Update(value) => Wit::Update(value.to_string()),
            Kind::Stop => Wit::Stop,
            Kind::Halt(name, more) => Wit::Halt(serde_json::json!({ name: more }).to_string()),
        })
    }
}

impl<T: Workers> workers::exports::moothall::plugin::workers::Guest for T {
    fn enabled(worker: String, config: String) -> std::result::Result<bool, wit::Error> {
        Ok(T::PLUGIN.enabled(&worker, &config)?)
    }

    fn handle(worker: String, event: String) -> std::result::Result<(), wit::Error> {
        Ok(T::PLUGIN.handle(&worker, data(&event)?)?)
    }
}

impl<T: Monitoring> monitoring::exports::moothall::plugin::monitoring::Guest for T {
    fn handle_points(points: String) -> std::result::Result<(), wit::Error> {
        Ok(T::PLUGIN.handle_points(data(&points)?)?)
    }
}

impl<T: Schedules> schedules::exports::moothall::plugin::schedules::Guest for T {
    fn tick(name: String, scheduled_at: String) -> std::result::Result<(), wit::Error> {
        Ok(T::PLUGIN.tick(&name, scheduled_at)?)
    }
}

impl<T: Routes> routes::exports::moothall::plugin::routes::Guest for T {
    fn handle(
        path: String,
        captures: Vec<(String, String)>,
        request: crate::bindings::host::web::Incoming,
    ) -> std::result::Result<crate::bindings::host::web::Response, wit::Error> {
        let request = RouteRequest { request: request.into(), captures };
        Ok(T::PLUGIN.route(&path, request)?.into())
    }
}
