//! What a manifest says of hooks, workers, schedules and routes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::subscriptions::{names_event, pattern_fault};

/// What a plugin has instances for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// An instance for each community that enables the plugin.
    #[default]
    Community,
    /// One instance for the whole host.
    Host,
}

/// The host's own hooks, in the order of its points.
pub const HOST_HOOKS: [&str; 5] = [
    "org.moothall.action.requested.v1",
    "org.moothall.webhook.received.v1",
    "org.moothall.process.starting.v1",
    "org.moothall.process.closing.v1",
    "org.moothall.plugin.enabling.v1",
];

/// A filter point as a manifest or a driver declares it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(!deny_unknown_fields)]
pub struct HookManifest {
    #[serde(default)]
    pub name: String,
    pub alias: Option<String>,
    #[serde(default)]
    pub description: String,
    pub input_schema: Option<Value>,
    #[serde(default)]
    pub mutable: Vec<String>,
    #[serde(default)]
    pub sensitive: Vec<String>,
    #[serde(default)]
    pub exceptions: Vec<String>,
    pub halt_exception: Option<String>,
    #[serde(default = "budget_ms")]
    pub budget_ms: u64,
}

impl HookManifest {
    /// What of it contradicts itself.
    pub fn faults(&self) -> Vec<String> {
        let halts = self.halt_exception.as_ref();
        let unknown = halts.filter(|one| !self.exceptions.contains(one));
        let fault = unknown.map(|one| {
            format!("hook `{}`: halt_exception `{one}` is not one of its exceptions", self.name)
        });
        fault.into_iter().collect()
    }
}

fn budget_ms() -> u64 {
    10_000
}

/// A plugin's step of a hook.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FilterManifest {
    pub hook: String,
    #[serde(default)]
    pub description: String,
    #[serde(default = "order")]
    pub order: i64,
    #[serde(default = "yes")]
    pub fail_silently: bool,
}

fn order() -> i64 {
    100
}

fn yes() -> bool {
    true
}

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
    /// What of its patterns is none.
    pub fn faults(&self) -> Vec<String> {
        let fault = |pattern: &String| {
            let fault = pattern_fault(pattern)?;
            Some(format!("worker `{}`: event `{pattern}`: {fault}", self.name))
        };
        self.events.iter().filter_map(fault).collect()
    }

    /// Whether it names that event, whatever the event says.
    pub fn names(&self, source: &str, event_type: &str) -> bool {
        names_event(&self.events, source, event_type)
    }

    /// The pointer of its `match` at which the data of an event has another value.
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

#[derive(Clone, Debug, Deserialize)]
pub struct NamedScheduleManifest {
    pub name: String,
    #[serde(flatten)]
    pub when: super::ScheduleManifest,
}

#[derive(Clone, Debug, Deserialize)]
pub struct RouteManifest {
    pub path: String,
    #[serde(default = "get")]
    pub methods: Vec<String>,
    #[serde(default)]
    pub auth: RouteAuth,
}

fn get() -> Vec<String> {
    vec!["GET".to_owned()]
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteAuth {
    #[default]
    Driver,
    Public,
}
