//! What the code written by `#[plugin]` stands on: from the contract's exports to an author's
//! methods. Not for authors. On a call it reads the parameters and nothing else.

mod checks;
mod entries;
mod process_functions;
mod received;

use serde::{Deserialize, Serialize};

use crate::bindings::host::types as wit;
pub use crate::bindings::{
    actions, global_webhooks, handshakes, hooks, lifecycle, monitoring, oauth, plugin, processes,
    producer, routes, schedules, webhooks, workers,
};
use crate::{Error, Plugin, Result, read, write};
pub use checks::{ConfigOfProcess, ProcessOf, SettingsOfProcess, are_distinct, listed};
pub use entries::{Filters, Monitoring, Routes, Schedules, Workers, data, unknown_entry};
pub use process_functions::{AnyType, ProcessFunctions, Processes, find_process, start};
pub use received::{
    GlobalWebhooks, Handshakes, OAuth, Producer, WebhookAnswer, Webhooks, received,
};

/// The actions of a plugin, by slug.
pub trait Actions: Plugin {
    fn perform(&self, slug: &str, parameters: &str) -> Result<Option<String>>;
}

/// The lifecycle functions of a plugin; those its author did not write do nothing.
pub trait Lifecycle: Plugin {
    fn initialize(&self) -> Result<()> {
        Ok(())
    }

    fn config_changed(&self, _previous: &str) -> Result<()> {
        Ok(())
    }

    fn upgraded(&self, _from_version: String) -> Result<()> {
        Ok(())
    }

    fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// Gives an action its parameters, and its result to the host.
pub fn answer<P, R>(parameters: &str, action: impl FnOnce(P) -> Result<R>) -> Result<Option<String>>
where
    P: for<'de> Deserialize<'de>,
    R: Serialize,
{
    let result = action(fitting(parameters)?)?;
    write::json(&result).map(Some).map_err(|error| {
        let message = error.message();
        Error::internal(format!("the action's result cannot be written as JSON: {message}"))
    })
}

/// Gives an action that has no result its parameters.
pub fn answer_nothing<P>(
    parameters: &str,
    action: impl FnOnce(P) -> Result<()>,
) -> Result<Option<String>>
where
    P: for<'de> Deserialize<'de>,
{
    action(fitting(parameters)?)?;
    Ok(None)
}

/// Uses a plugin where there is no component to export it, so that nothing of it counts as dead code.
pub const fn not_exported<T: Plugin>() {}

/// Refuses a slug that the manifest does not have.
pub fn unknown_action(slug: &str) -> Result<Option<String>> {
    Err(Error::not_found(format!("the plugin has no action '{slug}'")))
}

/// Gives `config_changed` the configuration until now.
pub fn config_changed<C: for<'de> Deserialize<'de>>(
    previous: &str,
    method: impl FnOnce(C) -> Result<()>,
) -> Result<()> {
    let previous = read::json(previous).map_err(|error| {
        Error::internal(format!("the previous configuration does not fit its type: {error}"))
    })?;
    method(previous)
}

/// The host has validated them, so what fails here is a rule that the type has and its schema cannot say.
fn fitting<P: for<'de> Deserialize<'de>>(parameters: &str) -> Result<P> {
    read::json(parameters)
        .map_err(|error| Error::invalid(format!("the parameters do not fit: {error}")))
}

impl<T: Plugin> plugin::exports::moothall::plugin::plugin::Guest for T {
    fn describe() -> String {
        T::PLUGIN.manifest().to_json()
    }
}

impl<T: Actions> actions::exports::moothall::plugin::actions::Guest for T {
    fn perform(
        slug: String,
        parameters: String,
    ) -> std::result::Result<Option<String>, wit::Error> {
        Ok(T::PLUGIN.perform(&slug, &parameters)?)
    }
}

impl<T: Lifecycle> lifecycle::exports::moothall::plugin::lifecycle::Guest for T {
    fn initialize() -> std::result::Result<(), wit::Error> {
        Ok(Lifecycle::initialize(&T::PLUGIN)?)
    }

    fn config_changed(previous: String) -> std::result::Result<(), wit::Error> {
        Ok(Lifecycle::config_changed(&T::PLUGIN, &previous)?)
    }

    fn upgraded(from_version: String) -> std::result::Result<(), wit::Error> {
        Ok(Lifecycle::upgraded(&T::PLUGIN, from_version)?)
    }

    fn close() -> std::result::Result<(), wit::Error> {
        Ok(Lifecycle::close(&T::PLUGIN)?)
    }
}
