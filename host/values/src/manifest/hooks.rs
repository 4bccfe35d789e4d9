//! What a manifest says of hooks, and of a plugin's steps of hooks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The host's own hooks.
pub const HOST_HOOKS: [&str; 5] = [
    "org.moothall.action.requested.v1",
    "org.moothall.webhook.received.v1",
    "org.moothall.process.starting.v1",
    "org.moothall.process.closing.v1",
    "org.moothall.plugin.enabling.v1",
];

/// A hook, as a manifest or a driver declares it.
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
    /// What in it contradicts itself.
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
