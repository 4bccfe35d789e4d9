//! The manifest, in which a plugin describes itself, checked against `wit/manifest.schema.json`.
//!
//! It reports every mistake at once. A field that this host does not know is a warning.

mod document;
mod doubts;
mod handshakes;
mod hook_names;
mod hooks;
mod oauth;
mod routes;
mod schedules;
mod settings;
mod signing_key;
mod unknown_fields;
mod workers;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::destination::web_url;
use crate::json;
use crate::schema::{Bounds, Room, Schema, SchemaError, SchemaLimits, Violation};

use document::MANIFEST_DOCUMENT;
use doubts::accepts_no_object;
pub use doubts::{Pointer, doubts, is_pointer};
pub use handshakes::{Encoding, HMAC, HandshakeAnswer, HandshakeManifest, TOKEN};
pub use hook_names::{is_of_host, mistyped, short_name};
pub use hooks::{FilterManifest, HOST_HOOKS, HookManifest};
pub use oauth::OAuthManifest;
pub use routes::{RouteAuth, RouteManifest};
pub use schedules::{NamedScheduleManifest, ScheduleManifest};
pub use settings::SETTINGS;
pub use signing_key::{KeyError, SigningKey, from_hex};
pub use unknown_fields::unknown_fields;
pub use workers::{Ordering, WorkerManifest};

/// Default: bytes of a manifest's text.
const MANIFEST_BYTES: usize = 1 << 20;

static MANIFEST_SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    manifest_schema().unwrap_or_else(|_| unreachable!("a test compiles the manifest's schema"))
});

/// Compiles the schema of manifests, with default limits: an operator's settings are for plugins' schemas.
fn manifest_schema() -> Result<Schema, Vec<SchemaError>> {
    compile(&MANIFEST_DOCUMENT)
}

/// The part of that schema for the declaration of a hook, by a plugin or by a driver.
static HOOK_SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let document = json!({ "$ref": "#/$defs/hook", "$defs": MANIFEST_DOCUMENT["$defs"] });
    compile(&document).unwrap_or_else(|_| unreachable!("a test compiles the manifest's schema"))
});

fn compile(document: &Value) -> Result<Schema, Vec<SchemaError>> {
    let limits = SchemaLimits::DEFAULT;
    Schema::compile(document, &Bounds::new(&limits, MANIFEST_BYTES), &mut Room::new(&limits))
}

/// What is wrong with a hook's declaration, a JSON object without nulls.
pub fn hook_faults(declaration: &Value) -> Vec<Violation> {
    let mut faults = HOOK_SCHEMA.validate(declaration).err().unwrap_or_default();
    if declaration.get("input_schema").is_some_and(accepts_no_object) {
        faults.push(Violation {
            path: "/input_schema".to_owned(),
            message: "it accepts no object, and a hook's data always is one".to_owned(),
        });
    }
    faults
}

/// A manifest.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub title: Option<String>,
    pub homepage: Option<String>,
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
    pub handshakes: Vec<HandshakeManifest>,
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

/// Who has instances of a plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// An instance for each community that enables the plugin.
    #[default]
    Community,
    /// One instance for the whole host.
    Host,
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

/// A function of a process besides `start` that does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessFunction {
    Update,
    Close,
    ReceiveWebhook,
}

/// How the host checks the signature of a webhook.
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

impl Manifest {
    /// Parses what `describe` answered.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        json::check(text).map_err(|refusal| vec![refusal.of("the manifest")])?;
        let mut value: Value = serde_json::from_str(text)
            .map_err(|error| vec![format!("the manifest is not JSON: {error}")])?;
        MANIFEST_SCHEMA.fill_defaults(&mut value).map_err(|one| vec![said(one)])?;
        fill_action_defaults(&mut value);
        let all = |wrong: Vec<Violation>| wrong.into_iter().map(said).collect::<Vec<_>>();
        MANIFEST_SCHEMA.write_integers(&mut value, None).map_err(all)?;
        MANIFEST_SCHEMA.validate(&value).map_err(all)?;
        let manifest: Self = serde_json::from_value(value)
            .map_err(|error| vec![format!("the manifest cannot be understood: {error}")])?;
        manifest.consistent()?;
        Ok(manifest)
    }

    pub fn has(&self, function: Lifecycle) -> bool {
        self.lifecycle.contains(&function)
    }

    /// Parts of the manifest whose interface the component does not export.
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
            ("handshakes", self.handshakes.iter().any(|one| one.answer == HandshakeAnswer::Export)),
        ];
        let missing = named.into_iter().filter(|(name, has)| *has && !capabilities.contains(name));
        missing
            .map(|(name, _)| {
                format!("the manifest has `{name}`, but the component does not export `moothall:plugin/{name}`")
            })
            .collect()
    }

    /// Why `community_platform_id_key` cannot be the key that the manifest names.
    pub fn wrong_platform_id_key(&self, config: &Schema) -> Option<String> {
        let key = self.community_platform_id_key.as_ref()?;
        let properties = config.document().get("properties");
        if properties.and_then(|properties| properties.get(key)).is_none() {
            return Some(format!(
                "community_platform_id_key names `{key}`, which the config_schema has not"
            ));
        }
        let is_secret = !config.secrets().find(&json!({ key: "x" })).is_empty();
        is_secret.then(|| {
            format!("community_platform_id_key names `{key}`, which is a secret and would be shown")
        })
    }

    /// The `community_platform_id` in a config; none if it is not set.
    pub fn platform_id(&self, config: &Value) -> Result<Option<String>, Violation> {
        let Some(key) = &self.community_platform_id_key else { return Ok(None) };
        match config.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => {
                let message = "it tells instances apart and must be a string or a number";
                Err(Violation { path: format!("/{key}"), message: message.to_owned() })
            }
        }
    }

    /// Why people cannot be sent to the homepage.
    fn wrong_homepage(&self) -> Option<String> {
        let wrong = web_url(self.homepage.as_deref()?).err()?;
        Some(format!("manifest /homepage: {wrong}"))
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
        mistakes.extend(self.wrong_handshakes());
        mistakes.extend(self.wrong_homepage());
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }
}

fn said(wrong: Violation) -> String {
    match wrong.path.as_str() {
        "" => format!("the manifest: {}", wrong.message),
        path => format!("manifest {path}: {}", wrong.message),
    }
}

fn twice<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).collect()
}

/// Fills in the defaults of actions: `fill_defaults` does not fill in items of arrays.
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

#[cfg(test)]
mod tests;
