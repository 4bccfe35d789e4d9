//! The manifest: what a plugin says of itself, checked against `wit/manifest.schema.json`.
//!
//! Every mistake is found at once. A field this host does not know is a warning.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::schema::{Bounds, Room, Schema, SchemaError};
use crate::config::Limits;
use crate::ids::PluginName;

pub use super::background::{
    FilterManifest, HookManifest, NamedScheduleManifest, RouteManifest, Scope, WorkerManifest,
};

static MANIFEST_DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../wit/manifest.schema.json"))
        .expect("the manifest's schema is part of this program, and a test compiles it")
});
static MANIFEST_SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    manifest_schema().unwrap_or_else(|_| unreachable!("a test compiles the manifest's schema"))
});

/// Its own bounds are the defaults: it is no plugin's.
fn manifest_schema() -> Result<Schema, Vec<SchemaError>> {
    let limits = Limits::default();
    let bounds = Bounds::new(&limits, limits.manifest_bytes);
    Schema::compile(&MANIFEST_DOCUMENT, &bounds, &mut Room::new(&limits))
}

/// What a plugin says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub description: String,
    pub auth_type: String,
    pub config_schema: Option<Value>,
    pub settings_schema: Option<Value>,
    pub community_platform_id_key: Option<String>,
    pub on_config_change: OnConfigChange,
    pub lifecycle: Vec<Lifecycle>,
    pub actions: Vec<ActionManifest>,
    pub events: Vec<EventManifest>,
    pub processes: Vec<ProcessManifest>,
    pub producer: Option<ScheduleManifest>,
    pub verify: Option<VerifyManifest>,
    pub global_verify: Option<VerifyManifest>,
    pub route_keys: Vec<String>,
    pub oauth: Option<OAuthManifest>,
    pub scope: Scope,
    pub resident: bool,
    pub hooks: Vec<HookManifest>,
    pub filters: Vec<FilterManifest>,
    pub workers: Vec<WorkerManifest>,
    pub schedules: Vec<NamedScheduleManifest>,
    pub routes: Vec<RouteManifest>,
    #[serde(default)]
    pub requests: Requests,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConfigChange {
    /// The instance is destroyed with its state, and a new one is made.
    Recreate,
    /// The instance stays, and `config-changed` is called.
    Keep,
}

/// A function of the `lifecycle` interface that does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    Initialize,
    ConfigChanged,
    Upgraded,
    Close,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ActionManifest {
    pub slug: String,
    pub description: String,
    pub parameters_schema: Option<Value>,
    pub response_schema: Option<Value>,
    pub public: bool,
    pub read_only: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct EventManifest {
    pub event_type: String,
    #[serde(default)]
    pub description: String,
    pub schema: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ProcessManifest {
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub parameters_schema: Option<Value>,
    pub outcome_schema: Option<Value>,
    #[serde(default)]
    pub functions: Vec<ProcessFunction>,
    pub schedule: Option<ScheduleManifest>,
}

/// A function of a process beside `start` that does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessFunction {
    Update,
    Close,
    ReceiveWebhook,
}

/// How often something happens: an interval, or a cron expression.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ScheduleManifest {
    pub every: Option<String>,
    pub cron: Option<String>,
    pub time_zone: Option<String>,
    pub jitter: Option<String>,
}

/// The signature that a webhook must have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VerifyManifest {
    pub scheme: String,
    /// A JSON Pointer into the config, or `settings:<name>`.
    pub secret: String,
    pub header: Option<String>,
    pub prefix: Option<String>,
    pub encoding: Option<String>,
    pub tolerance_s: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct OAuthManifest {
    pub types: Option<Vec<String>>,
    pub pkce: Option<bool>,
    pub issuer: Option<String>,
}

/// What the plugin asks the operator to grant.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Requests {
    #[serde(default)]
    pub reveal: Vec<String>,
    #[serde(default)]
    pub http: Vec<String>,
    #[serde(default)]
    pub tcp: Vec<String>,
    #[serde(default)]
    pub accounts: Vec<String>,
}

impl OAuthManifest {
    /// Whether it authorises that: `app`, `user`.
    pub fn has(&self, kind: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.iter().any(|one| one == kind))
    }
}

impl Manifest {
    /// Parses what `describe` answered.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut value: Value = serde_json::from_str(text)
            .map_err(|error| vec![format!("the manifest is not JSON: {error}")])?;
        MANIFEST_SCHEMA
            .fill_defaults(&mut value)
            .map_err(|one| vec![format!("manifest {}: {}", one.path, one.message)])?;
        fill_action_defaults(&mut value);
        MANIFEST_SCHEMA.validate(&value).map_err(|violations| {
            violations
                .into_iter()
                .map(|v| format!("manifest {}: {}", v.path, v.message))
                .collect::<Vec<_>>()
        })?;
        let manifest: Self = serde_json::from_value(value)
            .map_err(|error| vec![format!("the manifest cannot be understood: {error}")])?;
        manifest.consistent()?;
        Ok(manifest)
    }

    pub fn plugin_name(&self) -> Result<PluginName, Vec<String>> {
        PluginName::parse(&self.name)
            .map_err(|error| vec![format!("the plugin's name `{}`: {error}", self.name)])
    }

    pub fn has(&self, function: Lifecycle) -> bool {
        self.lifecycle.contains(&function)
    }

    /// What the manifest says that its component does not export.
    pub fn unexported(&self, capabilities: &[&str]) -> Vec<String> {
        let named = [
            ("actions", !self.actions.is_empty()),
            ("lifecycle", !self.lifecycle.is_empty()),
            ("processes", !self.processes.is_empty()),
            ("producer", self.producer.is_some()),
            ("oauth", self.oauth.is_some()),
            ("hooks", !self.filters.is_empty()),
            ("workers", !self.workers.is_empty()),
            ("schedules", !self.schedules.is_empty()),
            ("routes", !self.routes.is_empty()),
        ];
        let missing = named.into_iter().filter(|(name, has)| *has && !capabilities.contains(name));
        missing
            .map(|(name, _)| {
                format!("the manifest has `{name}`, but the component does not export `moothall:plugin/{name}`")
            })
            .collect()
    }

    fn consistent(&self) -> Result<(), Vec<String>> {
        let twice = [
            ("actions", "slug", twice(self.actions.iter().map(|one| &one.slug))),
            ("processes", "name", twice(self.processes.iter().map(|one| &one.name))),
            ("events", "type", twice(self.events.iter().map(|one| &one.event_type))),
            ("hooks", "name", twice(self.hooks.iter().map(|one| &one.name))),
            ("filters", "hook", twice(self.filters.iter().map(|one| &one.hook))),
            ("workers", "name", twice(self.workers.iter().map(|one| &one.name))),
            ("schedules", "name", twice(self.schedules.iter().map(|one| &one.name))),
            ("routes", "path", twice(self.routes.iter().map(|one| &one.path))),
        ];
        let mut mistakes: Vec<String> = twice
            .iter()
            .flat_map(|(what, which, names)| {
                names.iter().map(move |name| format!("two {what} have the {which} `{name}`"))
            })
            .collect();
        let reserved = ["producer", "update", "closing"];
        let taken = self.schedules.iter().filter(|one| reserved.contains(&one.name.as_str()));
        mistakes.extend(taken.map(|one| format!("no schedule can be called `{}`", one.name)));
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }
}

fn twice<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).collect()
}

/// Defaults of array items, which `fill_defaults` leaves to whoever knows the array.
fn fill_action_defaults(manifest: &mut Value) {
    let defaults = [
        ("description", Value::from("")),
        ("public", Value::from(false)),
        ("read_only", Value::from(false)),
    ];
    for action in manifest.get_mut("actions").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(action) = action.as_object_mut() else { continue };
        for (key, value) in &defaults {
            action.entry(*key).or_insert_with(|| value.clone());
        }
    }
}

/// Fields of a manifest that this host does not know.
pub fn unknown_fields(text: &str) -> Vec<String> {
    let manifest: Value = serde_json::from_str(text).unwrap_or_default();
    let known = |pointer: &str| MANIFEST_DOCUMENT.pointer(pointer).and_then(Value::as_object);
    let unknown = |value: &Value,
                   known: Option<&serde_json::Map<String, Value>>,
                   place: &str|
     -> Vec<String> {
        let fields = value.as_object().into_iter().flat_map(|fields| fields.keys());
        fields
            .filter(|key| known.is_some_and(|known| !known.contains_key(*key)))
            .map(|key| format!("{place}{key}"))
            .collect()
    };
    let mut fields = unknown(&manifest, known("/properties"), "/");
    for (at, action) in
        manifest.get("actions").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        fields.extend(unknown(
            action,
            known("/$defs/action/properties"),
            &format!("/actions/{at}/"),
        ));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_own_schema_compiles() {
        assert!(manifest_schema().is_ok(), "{:?}", manifest_schema().err());
    }

    #[test]
    fn a_manifest_needs_only_a_name() {
        let manifest = Manifest::parse(r#"{"name":"small"}"#).unwrap();
        assert_eq!(manifest.version, "0.0.0");
        assert_eq!(manifest.on_config_change, OnConfigChange::Recreate);
    }

    #[test]
    fn every_mistake_is_named() {
        let mistakes =
            Manifest::parse(r#"{"name":"api","actions":[{"slug":"Bad"}],"auth_type":"magic"}"#)
                .unwrap_err();
        assert_eq!(mistakes.len(), 3, "{mistakes:?}");
    }

    #[test]
    fn two_actions_with_one_slug_are_refused() {
        let mistakes =
            Manifest::parse(r#"{"name":"a","actions":[{"slug":"x"},{"slug":"x"}]}"#).unwrap_err();
        assert_eq!(mistakes, ["two actions have the slug `x`"]);
    }

    #[test]
    fn unknown_fields_are_only_named() {
        assert_eq!(
            unknown_fields(r#"{"name":"a","x_future":1,"actions":[{"slug":"x","y":2}]}"#),
            ["/x_future", "/actions/0/y"]
        );
    }
}
