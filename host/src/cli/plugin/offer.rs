//! What a plugin has for others: what is compared when a new version is to replace an old one.

use serde_json::{Map, Value, json};

use crate::cli::plugin::host_client::{HostClient, in_path};
use crate::http::plugin_metadata;
use moothall_core::ids::PluginName;
use moothall_engine::plugins::Plugin;

/// What a version of a plugin offers.
pub struct Offer {
    pub version: String,
    /// By the names under which the API lists it.
    parts: Map<String, Value>,
}

impl Offer {
    pub fn of(plugin: &Plugin) -> Self {
        let metadata = json!(plugin_metadata(plugin));
        let mut parts = schemas(&metadata);
        parts.insert("capabilities".to_owned(), json!(plugin.capabilities));
        parts.insert("requested".to_owned(), json!(plugin.context.grants.requested()));
        let settings = plugin.manifest.settings_schema.clone();
        parts.insert("settings".to_owned(), json!(settings));
        Self { version: plugin.manifest.version.clone(), parts }
    }

    /// What a host serves under that name; none if it serves nothing.
    pub fn of_running(host: &HostClient, name: &PluginName) -> anyhow::Result<Option<Self>> {
        let files = host.plugin_files()?;
        let serves = |file: &&Value| file["name"] == name.as_str() && !file["serving"].is_null();
        let Some(file) = files.iter().find(serves) else { return Ok(None) };
        let metadata =
            host.get(&format!("/api/internal/plugin/{}/metadata", in_path(name.as_str())))?;
        let mut parts = schemas(&metadata);
        for part in ["capabilities", "requested"] {
            parts.insert(part.to_owned(), file[part].clone());
        }
        let version = file["serving"]["version"].as_str().unwrap_or_default().to_owned();
        Ok(Some(Self { version, parts }))
    }

    /// Both, with the parts that are known of both: a host does not show the schema of settings.
    pub fn comparable_with(&self, other: &Self) -> (Value, Value) {
        let shared = |one: &Self, two: &Self| {
            let parts = one.parts.iter().filter(|(part, _)| two.parts.contains_key(*part));
            Value::Object(parts.map(|(part, value)| (part.clone(), value.clone())).collect())
        };
        (shared(self, other), shared(other, self))
    }
}

/// The schemas of a plugin's metadata, with lists as objects, so that an entry is compared with the one of the same name.
fn schemas(metadata: &Value) -> Map<String, Value> {
    let mut parts = Map::new();
    for part in ["auth_type", "uses_webhook"] {
        parts.insert(part.to_owned(), metadata[part].clone());
    }
    let schemas = &metadata["schemas"];
    parts.insert("config".to_owned(), schemas["config"].clone());
    for (list, key) in [("actions", "id"), ("events", "event_type"), ("processes", "id")] {
        parts.insert(list.to_owned(), by(key, &schemas[list]));
    }
    parts
}

fn by(key: &str, list: &Value) -> Value {
    let entries = list.as_array().into_iter().flatten();
    let entries =
        entries.filter_map(|entry| Some((entry[key].as_str()?.to_owned(), entry.clone())));
    Value::Object(entries.collect())
}
