//! `workers.wit`: finds a worker by its name and gives it an event.

use crate::bindings::host::types as wit;
use crate::bindings::workers;
use crate::export::data;
use crate::{Envelope, Plugin, Result};

/// A plugin that handles events.
pub trait Workers: Plugin {
    fn enabled(&self, worker: &str, config: &str) -> Result<bool>;
    fn handle(&self, worker: &str, event: Envelope) -> Result<()>;
}

impl<T: Workers> workers::exports::moothall::plugin::workers::Guest for T {
    fn enabled(worker: String, config: String) -> std::result::Result<bool, wit::Error> {
        Ok(T::PLUGIN.enabled(&worker, &config)?)
    }

    fn handle(worker: String, event: String) -> std::result::Result<(), wit::Error> {
        Ok(T::PLUGIN.handle(&worker, data(&event)?)?)
    }
}
