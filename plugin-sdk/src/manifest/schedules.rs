//! What a manifest says of schedules: of the producer, of processes, and of the plugin's own.

use serde::Serialize;

/// When the host calls something.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Schedule {
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter: Option<&'static str>,
}

impl Schedule {
    /// An interval: `30s`, `5m`, `2h`, `1d`.
    #[must_use]
    pub fn every(mut self, interval: &'static str) -> Self {
        self.every = Some(interval);
        self
    }

    /// A cron expression of five or six fields.
    #[must_use]
    pub fn cron(mut self, expression: &'static str) -> Self {
        self.cron = Some(expression);
        self
    }

    /// The IANA name of the time zone of `cron`.
    #[must_use]
    pub fn time_zone(mut self, name: &'static str) -> Self {
        self.time_zone = Some(name);
        self
    }

    /// Delays each tick by a random part of this interval.
    #[must_use]
    pub fn jitter(mut self, interval: &'static str) -> Self {
        self.jitter = Some(interval);
        self
    }
}

/// A schedule with a name.
#[derive(Debug, Clone, Serialize)]
pub(super) struct NamedSchedule {
    pub name: &'static str,
    #[serde(flatten)]
    pub schedule: Schedule,
}
