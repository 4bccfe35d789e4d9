//! `monitoring.wit`: gives the plugin a batch of monitoring points.

use crate::bindings::host::types as wit;
use crate::bindings::monitoring;
use crate::export::data;
use crate::{Plugin, Point, Result};

/// A plugin that takes monitoring points.
pub trait Monitoring: Plugin {
    fn handle_points(&self, points: Vec<Point>) -> Result<()>;
}

impl<T: Monitoring> monitoring::exports::moothall::plugin::monitoring::Guest for T {
    fn handle_points(points: String) -> std::result::Result<(), wit::Error> {
        Ok(T::PLUGIN.handle_points(data(&points)?)?)
    }
}
