//! What the code that `#[plugin]` writes calls: a file for each export interface, named like its WIT file,
//! leads from the interface's functions to the author's methods. Not for authors.

mod actions;
mod bounds;
mod checks;
mod global_webhooks;
mod handshakes;
mod hooks;
mod lifecycle;
mod monitoring;
mod oauth;
mod processes;
mod producer;
mod routes;
mod schedules;
mod webhooks;
mod workers;

use crate::{Error, Plugin, Result, read};
pub use actions::{Actions, answer, answer_nothing, unknown_action};
pub use bounds::{HasSchema, Read, Written};
pub use checks::{are_distinct, is_listed};
pub use global_webhooks::GlobalWebhooks;
pub use handshakes::Handshakes;
pub use hooks::Filters;
pub use lifecycle::{Lifecycle, config_changed};
pub use monitoring::Monitoring;
pub use oauth::OAuth;
pub use processes::{ProcessFunctions, Processes, find_process, start};
pub use producer::Producer;
pub use routes::Routes;
pub use schedules::Schedules;
pub use webhooks::{WebhookAnswer, Webhooks, received};
pub use workers::Workers;

/// The generated modules, each with the macro that makes a component export its interface.
pub mod bindings {
    pub use crate::bindings::{
        actions, global_webhooks, handshakes, hooks, lifecycle, monitoring, oauth, plugin,
        processes, producer, routes, schedules, webhooks, workers,
    };
}

/// Uses a plugin where no component exports it, so that the compiler does not report it as dead code.
pub const fn not_exported<T: Plugin>() {}

/// Reads what the host hands over as the author's type.
pub fn data<T: Read>(json: &str) -> Result<T> {
    read::json(json)
        .map_err(|error| Error::internal(format!("what the host sent does not fit: {error}")))
}

/// Refuses a name that the manifest does not have.
pub fn unknown_name<T>(what: &str, name: &str) -> Result<T> {
    Err(Error::not_found(format!("the plugin has no {what} '{name}'")))
}

/// Reads the parameters of an action or a process. The host has validated them, so what fails here is a rule
/// that the type has and its schema cannot say.
fn parameters_as<P: Read>(parameters: &str) -> Result<P> {
    read::json(parameters)
        .map_err(|error| Error::invalid(format!("the parameters do not fit: {error}")))
}

impl<T: Plugin> bindings::plugin::exports::moothall::plugin::plugin::Guest for T {
    fn describe() -> String {
        T::PLUGIN.manifest().to_json()
    }
}
