//! `producer.wit`: calls the producer when it is due.

use crate::bindings::host::types as wit;
use crate::bindings::producer;
use crate::{Plugin, Result};

/// A plugin whose producer is called on a schedule.
pub trait Producer: Plugin {
    fn tick(&self) -> Result<()>;
}

impl<T: Producer> producer::exports::moothall::plugin::producer::Guest for T {
    fn tick() -> std::result::Result<(), wit::Error> {
        Ok(T::PLUGIN.tick()?)
    }
}
