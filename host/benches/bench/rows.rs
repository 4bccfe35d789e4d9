//! The rows of the table: their names, their bars, and the verdict on a measurement. Must never be
//! changed to fit a measurement.

/// The bar of a ratio.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    AtLeast { bar: f64, stretch: f64 },
    AtMost { bar: f64, stretch: f64 },
}

use Bar::{AtLeast, AtMost};

#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    pub what: &'static str,
    pub bar: Bar,
    /// The unit of the measured value; a plain ratio has none.
    pub unit: &'static str,
}

pub const PLAIN_CPU: Row = Row {
    name: "http-cpu",
    what: "server CPU per request: plain axum route ÷ times-two",
    bar: AtLeast { bar: 0.35, stretch: 0.45 },
    unit: "",
};
pub const PLAIN_RATE: Row = Row {
    name: "http-rate",
    what: "requests/s: times-two ÷ plain axum route",
    bar: AtLeast { bar: 0.45, stretch: 0.6 },
    unit: "",
};
pub const SANDBOX_SETTINGS: Row = Row {
    name: "sandbox-settings",
    what: "one call in-process: our engine settings ÷ default pooling",
    bar: AtMost { bar: 0.4, stretch: 0.25 },
    unit: "",
};
pub const SANDBOX_THREADS: Row = Row {
    name: "sandbox-threads",
    what: "calls/s: two threads ÷ one",
    bar: AtLeast { bar: 1.4, stretch: 1.7 },
    unit: "",
};
// A call of a component that has more of one thing ÷ of a small component: these bars say where such a call may not get
// dearer.
pub const SANDBOX_NUMBERS: Row = Row {
    name: "sandbox-numbers",
    what: "CPU of one call in-process: 50 imported functions on numbers ÷ none",
    bar: AtMost { bar: 2.2, stretch: 1.3 },
    unit: "",
};
pub const SANDBOX_STRINGS: Row = Row {
    name: "sandbox-strings",
    what: "the same: 50 imported functions on strings, as a tool chain links them ÷ none",
    bar: AtMost { bar: 4.2, stretch: 2.0 },
    unit: "",
};
pub const SANDBOX_EXPORTS: Row = Row {
    name: "sandbox-exports",
    what: "the same: 50 exported functions ÷ one",
    bar: AtMost { bar: 3.0, stretch: 1.2 },
    unit: "",
};
pub const SANDBOX_FUNCTIONS: Row = Row {
    name: "sandbox-functions",
    what: "the same: 5,000 functions ÷ 10",
    bar: AtMost { bar: 1.2, stretch: 1.05 },
    unit: "",
};
pub const SANDBOX_TABLE: Row = Row {
    name: "sandbox-table",
    what: "the same: a table of 5,000 functions ÷ of one",
    bar: AtMost { bar: 1.5, stretch: 1.1 },
    unit: "",
};
pub const SANDBOX_PAGES: Row = Row {
    name: "sandbox-pages",
    what: "the same: 170 pages of memory ÷ 17",
    bar: AtMost { bar: 1.2, stretch: 1.05 },
    unit: "",
};
pub const SANDBOX_MODULES: Row = Row {
    name: "sandbox-modules",
    what: "the same: ten more core modules ÷ none",
    bar: AtMost { bar: 2.2, stretch: 1.3 },
    unit: "",
};
pub const SANDBOX_RELINKED: Row = Row {
    name: "sandbox-relinked",
    what: "the same, 50 imported functions on strings: as the host links them ÷ as a tool chain does",
    bar: AtMost { bar: 0.75, stretch: 0.5 },
    unit: "",
};
pub const WRITE_CALLS: Row = Row {
    name: "write-calls",
    what: "durable write, 64 clients on 64 instances ÷ times-two",
    bar: AtLeast { bar: 0.4, stretch: 0.6 },
    unit: "",
};
pub const WRITE_LOOP: Row = Row {
    name: "write-loop",
    what: "the same ÷ SQLite with one commit per write",
    bar: AtLeast { bar: 4.0, stretch: 8.0 },
    unit: "",
};
pub const WRITE_ONE: Row = Row {
    name: "write-one",
    what: "durable write, 64 clients on one instance ÷ that SQLite loop",
    bar: AtLeast { bar: 0.7, stretch: 1.0 },
    unit: "",
};
pub const INSTANCES_LATENCY: Row = Row {
    name: "instances-latency",
    what: "p50 of an action: 100,000 instances called uniformly ÷ one",
    bar: AtMost { bar: 1.2, stretch: 1.05 },
    unit: "",
};
pub const INSTANCES_MEMORY: Row = Row {
    name: "instances-memory",
    what: "resident memory for each enabled idle instance, of 100,000",
    bar: AtMost { bar: 1.5, stretch: 0.7 },
    unit: " KiB",
};
pub const PLUGINS_START: Row = Row {
    name: "plugins-start",
    what: "start from the compiled cache, for each of 1,000 plugins",
    bar: AtMost { bar: 1.5, stretch: 0.6 },
    unit: " ms",
};
pub const FAIRNESS: Row = Row {
    name: "fairness",
    what: "requests/s of a good plugin: another spins on 64 connections ÷ alone",
    bar: AtLeast { bar: 0.4, stretch: 0.5 },
    unit: "",
};
pub const TICKS: Row = Row {
    name: "ticks",
    what: "100,000 due no-op ticks, committed: ticks/s ÷ calls/s in-process on as many threads",
    bar: AtLeast { bar: 0.4, stretch: 0.6 },
    unit: "",
};
pub const DELIVERIES_RATE: Row = Row {
    name: "deliveries-rate",
    what: "events committed and delivered, 64 fifo keys ÷ plain POSTs to the same receiver",
    bar: AtLeast { bar: 0.4, stretch: 0.6 },
    unit: "",
};
pub const DELIVERIES_HANGING: Row = Row {
    name: "deliveries-hanging",
    what: "durable write: 10,000 deliveries wait for a driver that hangs ÷ a healthy driver",
    bar: AtLeast { bar: 0.9, stretch: 1.0 },
    unit: "",
};
pub const WEBHOOKS: Row = Row {
    name: "webhooks",
    what: "signed webhook that emits one event, 64 instances ÷ durable write, 64 instances",
    bar: AtLeast { bar: 0.7, stretch: 0.9 },
    unit: "",
};
pub const EVENTS_LATENCY: Row = Row {
    name: "events-latency",
    what: "p50 of an action that emits: 1,000,000 events and deliveries in the file ÷ none",
    bar: AtMost { bar: 1.2, stretch: 1.0 },
    unit: "",
};

pub const HOOKS_IDLE: Row = Row {
    name: "hooks-idle",
    what: "times-two: hooks on and no step ÷ [hooks] enabled = false",
    bar: AtLeast { bar: 0.97, stretch: 1.0 },
    unit: "",
};
pub const HOOKS_STEP: Row = Row {
    name: "hooks-step",
    what: "times-two: one plugin's filter before it ÷ none",
    bar: AtLeast { bar: 0.55, stretch: 0.7 },
    unit: "",
};
pub const MONITORING: Row = Row {
    name: "monitoring",
    what: "times-two: a monitoring plugin takes the points ÷ none",
    bar: AtLeast { bar: 0.85, stretch: 0.93 },
    unit: "",
};
pub const MONITORING_BLOCKED: Row = Row {
    name: "monitoring-blocked",
    what: "times-two: a monitoring plugin blocks ÷ none",
    bar: AtLeast { bar: 0.95, stretch: 1.0 },
    unit: "",
};
pub const WORKERS: Row = Row {
    name: "workers",
    what: "events handled by 4 workers, each with a write ÷ durable write, 64 instances",
    bar: AtLeast { bar: 0.5, stretch: 2.0 },
    unit: "",
};
pub const RESIDENT: Row = Row {
    name: "resident",
    what: "one call in-process: of an instance that lives on ÷ of a fresh one",
    bar: AtMost { bar: 0.5, stretch: 0.15 },
    unit: "",
};

/// One of the two sides that a row compares.
#[derive(Clone, Debug)]
pub struct Side {
    pub name: &'static str,
    pub per_second: f64,
    /// CPU time of the server, in microseconds; none if there is no request to count it for.
    pub cpu_us: Option<f64>,
}

/// The measurement of a row.
#[derive(Debug)]
pub struct Measured {
    pub row: &'static Row,
    /// The ratio of each round.
    pub ratios: Vec<f64>,
    pub sides: Vec<Side>,
    /// Why this machine cannot show whether the bar is met.
    pub not_judged: Option<String>,
    /// Figures for readers who want to know more than the ratio.
    pub note: Option<String>,
}

impl Measured {
    pub fn new(row: &'static Row, ratios: Vec<f64>, sides: Vec<Side>) -> Self {
        Self { row, ratios, sides, not_judged: None, note: None }
    }

    pub fn note(self, note: String) -> Self {
        Self { note: Some(note), ..self }
    }

    pub fn not_judged(self, because: Option<String>) -> Self {
        Self { not_judged: because, ..self }
    }
}

impl Bar {
    pub fn verdict(self, ratio: f64) -> &'static str {
        let (bar, stretch) = match self {
            AtLeast { bar, stretch } => (ratio >= bar, ratio >= stretch),
            AtMost { bar, stretch } => (ratio <= bar, ratio <= stretch),
        };
        match (bar, stretch) {
            (_, true) => "stretch",
            (true, false) => "met",
            (false, false) => "MISSED",
        }
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

pub fn median_of<T>(all: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    median(&all.iter().map(figure).collect::<Vec<_>>())
}
