//! `actions.wit`: finds an action by its slug, and converts between JSON and its types.

use super::{Read, Written, parameters_as};
use crate::bindings::actions;
use crate::bindings::host::types as wit;
use crate::{Error, Plugin, Result, write};

/// The actions of a plugin, by slug.
pub trait Actions: Plugin {
    fn perform(&self, slug: &str, parameters: &str) -> Result<Option<String>>;
}

/// Calls an action with its parameters, and returns its result as JSON.
pub fn answer<P: Read, R: Written>(
    parameters: &str,
    action: impl FnOnce(P) -> Result<R>,
) -> Result<Option<String>> {
    let result = action(parameters_as(parameters)?)?;
    write::json(&result).map(Some).map_err(|error| {
        let message = error.message();
        Error::internal(format!("the action's result cannot be written as JSON: {message}"))
    })
}

/// Calls an action that has no result with its parameters.
pub fn answer_nothing<P: Read>(
    parameters: &str,
    action: impl FnOnce(P) -> Result<()>,
) -> Result<Option<String>> {
    action(parameters_as(parameters)?)?;
    Ok(None)
}

/// Refuses a slug that the manifest does not have.
pub fn unknown_action(slug: &str) -> Result<Option<String>> {
    Err(Error::not_found(format!("the plugin has no action '{slug}'")))
}

impl<T: Actions> actions::exports::moothall::plugin::actions::Guest for T {
    fn perform(
        slug: String,
        parameters: String,
    ) -> std::result::Result<Option<String>, wit::Error> {
        Ok(T::PLUGIN.perform(&slug, &parameters)?)
    }
}
