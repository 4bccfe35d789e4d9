//! A call's metrics: handles looked up at the first call that ends so, not at each, and not for what never happens.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Histogram};

use moothall_core::telemetry::metric::{CALL_SECONDS, CALLS};

/// The metrics of one action, or of another kind of call.
pub struct CallMetrics {
    plugin: Box<str>,
    origin: &'static str,
    name: Box<str>,
    ok: OnceLock<Counter>,
    refused: OnceLock<Counter>,
    failed: OnceLock<Counter>,
    seconds: OnceLock<Histogram>,
}

/// How a call ended, as metrics tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    Ok,
    /// By the plugin's own error.
    Refused,
    Failed,
}

impl CallMetrics {
    pub fn new(plugin: &str, origin: &'static str, name: &str) -> Self {
        Self {
            plugin: plugin.into(),
            origin,
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
        [("plugin", &self.plugin), ("origin", self.origin), ("name", &self.name)]
    }
}
