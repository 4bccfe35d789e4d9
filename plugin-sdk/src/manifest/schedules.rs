//! What a manifest says of schedules: of the producer, of processes, and of the plugin's own.

use super::document::Object;

/// When the host calls something.
#[derive(Debug, Clone, Default)]
pub struct Schedule(pub(super) Object);

impl Schedule {
    /// An interval: `30s`, `5m`, `2h`, `1d`.
    #[must_use]
    pub fn every(mut self, interval: &'static str) -> Self {
        self.0.text("every", interval);
        self
    }

    /// A cron expression of five or six fields.
    #[must_use]
    pub fn cron(mut self, expression: &'static str) -> Self {
        self.0.text("cron", expression);
        self
    }

    /// The IANA name of the time zone of `cron`.
    #[must_use]
    pub fn time_zone(mut self, name: &'static str) -> Self {
        self.0.text("time_zone", name);
        self
    }

    /// Delays each tick by a random part of this interval.
    #[must_use]
    pub fn jitter(mut self, interval: &'static str) -> Self {
        self.0.text("jitter", interval);
        self
    }
}
