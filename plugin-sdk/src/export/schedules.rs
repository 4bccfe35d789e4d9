//! `schedules.wit`: finds a schedule by its name and calls it when it is due.

use crate::bindings::host::types as wit;
use crate::bindings::schedules;
use crate::{Plugin, Result};

/// A plugin with schedules.
pub trait Schedules: Plugin {
    fn tick(&self, name: &str, scheduled_at: String) -> Result<()>;
}

impl<T: Schedules> schedules::exports::moothall::plugin::schedules::Guest for T {
    fn tick(name: String, scheduled_at: String) -> std::result::Result<(), wit::Error> {
        Ok(T::PLUGIN.tick(&name, scheduled_at)?)
    }
}
