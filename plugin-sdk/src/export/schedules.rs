//! `schedules.wit`: finds a schedule by its name and calls it when it is due.

use crate::bindings::host::types as wit;
use crate::bindings::schedules;
use crate::{Error, Moment, Plugin, Result};

/// A plugin with schedules.
pub trait Schedules: Plugin {
    fn tick(&self, name: &str, scheduled_at: Moment) -> Result<()>;
}

fn moment(scheduled_at: &str) -> Result<Moment> {
    scheduled_at.parse().map_err(|error: Error| Error::internal(error))
}

impl<T: Schedules> schedules::exports::moothall::plugin::schedules::Guest for T {
    fn tick(name: String, scheduled_at: String) -> std::result::Result<(), wit::Error> {
        Ok(T::PLUGIN.tick(&name, moment(&scheduled_at)?)?)
    }
}
