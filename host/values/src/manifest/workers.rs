//! What a manifest says of workers: which events each takes, and how often it tries.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::subscriptions::{names_event, pattern_fault};

#[derive(Clone, Debug, Deserialize)]
pub struct WorkerManifest {
    pub name: String,
    pub events: Vec<String>,
    #[serde(default, rename = "match")]
    pub matching: BTreeMap<String, Value>,
    #[serde(default)]
    pub ordering: Ordering,
    #[serde(default = "max_attempts")]
    pub max_attempts: u32,
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
}

impl WorkerManifest {
    /// What is wrong with its patterns.
    pub fn faults(&self) -> Vec<String> {
        let fault = |pattern: &String| {
            let fault = pattern_fault(pattern)?;
            Some(format!("worker `{}`: event `{pattern}`: {fault}", self.name))
        };
        self.events.iter().filter_map(fault).collect()
    }

    /// Whether its patterns name that event; this ignores its `match`.
    pub fn names(&self, source: &str, event_type: &str) -> bool {
        names_event(&self.events, source, event_type)
    }

    /// The pointer of its `match` at which the event's data has another value.
    pub fn mismatch(&self, data: &Value) -> Option<&str> {
        let mut other = self.matching.iter().filter(|(at, value)| data.pointer(at) != Some(value));
        other.next().map(|(at, _)| at.as_str())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ordering {
    Fifo,
    #[default]
    Unordered,
}

fn max_attempts() -> u32 {
    8
}

fn timeout_ms() -> u64 {
    30_000
}
