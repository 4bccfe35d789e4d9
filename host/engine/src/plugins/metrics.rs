//! Metrics of calls. A handle is made when a call first ends in that way, so that metrics list only what has happened.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Histogram};

use moothall_core::telemetry::metric::{CALL_SECONDS, CALLS};
use moothall_guest::CallGroup;

/// Metrics of calls that are counted by group and not by name.
pub struct PluginMetrics([CallMetrics; CallGroup::ALL.len()]);

impl PluginMetrics {
    pub fn new(plugin: &str) -> Self {
        Self(CallGroup::ALL.map(|group| CallMetrics::new(plugin, group, "")))
    }

    pub fn of(&self, group: CallGroup) -> &CallMetrics {
        // `ALL` is in the order in which the groups are declared.
        &self.0[group as usize]
    }
}

/// The metrics of one action, or of another kind of call.
pub struct CallMetrics {
    plugin: Box<str>,
    group: CallGroup,
    name: Box<str>,
    ok: OnceLock<Counter>,
    refused: OnceLock<Counter>,
    failed: OnceLock<Counter>,
    seconds: OnceLock<Histogram>,
}

/// How a call ended, as metrics distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    Ok,
    /// With the plugin's own error.
    Refused,
    Failed,
}

impl CallMetrics {
    pub fn new(plugin: &str, group: CallGroup, name: &str) -> Self {
        Self {
            plugin: plugin.into(),
            group,
            name: name.into(),
            ok: OnceLock::new(),
            refused: OnceLock::new(),
            failed: OnceLock::new(),
            seconds: OnceLock::new(),
        }
    }

    pub fn record(&self, outcome: CallOutcome, duration: Duration) {
        let (ended, outcome) = match outcome {
            CallOutcome::Ok => (&self.ok, "ok"),
            CallOutcome::Refused => (&self.refused, "refused"),
            CallOutcome::Failed => (&self.failed, "failed"),
        };
        let [plugin, origin, name] = self.labels();
        ended.get_or_init(|| CALLS.of(&[plugin, origin, name, ("outcome", outcome)])).increment(1);
        self.seconds.get_or_init(|| CALL_SECONDS.of(&self.labels())).record(duration.as_secs_f64());
    }

    fn labels(&self) -> [(&'static str, &str); 3] {
        [("plugin", &self.plugin), ("origin", self.group.as_str()), ("name", &self.name)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_metrics_of_its_own() {
        let metrics = PluginMetrics::new("probe");
        for group in CallGroup::ALL {
            assert_eq!(metrics.of(group).group, group);
        }
    }
}
