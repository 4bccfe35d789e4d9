//! What a manifest says of schedules: of the producer, of processes, and of the plugin's own.

use serde::Deserialize;

/// How often something happens: an interval, or a cron expression.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ScheduleManifest {
    pub every: Option<String>,
    pub cron: Option<String>,
    pub time_zone: Option<String>,
    pub jitter: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct NamedScheduleManifest {
    pub name: String,
    #[serde(flatten)]
    pub when: ScheduleManifest,
}
