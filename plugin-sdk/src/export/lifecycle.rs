//! `lifecycle.wit`: calls the methods that the host calls by their names.

use crate::bindings::host::types as wit;
use crate::bindings::lifecycle;
use crate::export::Read;
use crate::{Error, Plugin, Result, read};

/// The lifecycle functions of a plugin. A function that its author did not write does nothing.
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

/// Calls `config_changed` with the previous configuration.
pub fn config_changed<C: Read>(previous: &str, method: impl FnOnce(C) -> Result<()>) -> Result<()> {
    let previous = read::json(previous).map_err(|error| {
        Error::internal(format!("the previous configuration does not fit its type: {error}"))
    })?;
    method(previous)
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
