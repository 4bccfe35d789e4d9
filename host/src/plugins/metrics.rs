//! A call's metrics: handles looked up once when the plugin is loaded, not at each call.

use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

/// The metrics of one action, or of another kind of call.
pub struct CallMetrics {
    ok: Counter,
    refused: Counter,
    failed: Counter,
    seconds: Histogram,
}

/// How a call ended, as metrics tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    /// By the plugin's own error.
    Refused,
    Failed,
}

impl CallMetrics {
    pub fn new(plugin: &str, origin: &'static str, name: &str) -> Self {
        let labels = |outcome: &'static str| {
            [
                ("plugin", plugin.to_owned()),
                ("origin", origin.to_owned()),
                ("name", name.to_owned()),
                ("outcome", outcome.to_owned()),
            ]
        };
        Self {
            ok: counter!("moothall_calls_total", &labels("ok")),
            refused: counter!("moothall_calls_total", &labels("refused")),
            failed: counter!("moothall_calls_total", &labels("failed")),
            seconds: histogram!("moothall_call_seconds", &labels("ok")[..3]),
        }
    }

    pub fn record(&self, outcome: Outcome, duration: Duration) {
        match outcome {
            Outcome::Ok => self.ok.increment(1),
            Outcome::Refused => self.refused.increment(1),
            Outcome::Failed => self.failed.increment(1),
        }
        self.seconds.record(duration.as_secs_f64());
    }
}
