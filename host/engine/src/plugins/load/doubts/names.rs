//! Warns of names under `[plugins.<name>]` in the configuration that the plugin does not have.

use serde_json::Value;

use super::super::settings::place;
use crate::plugins::{Lead, Manifest, Scope};
use moothall_core::config::{PluginConfig, nearest};

/// Settings that the plugin's schema does not name: most likely mistyped.
pub fn settings(manifest: &Manifest, operator: &PluginConfig) -> Vec<String> {
    // Without a schema the host does not know which settings the plugin reads.
    let Some(schema) = &manifest.settings_schema else { return Vec::new() };
    // For a plugin of host scope the settings are also its config.
    let config = manifest.config_schema.as_ref().filter(|_| manifest.scope == Scope::Host);
    let is_known =
        |pointer: &str| config.is_some_and(|config| Lead::of(config, pointer) == Lead::Somewhere);
    let mut doubts = Vec::new();
    let mut waiting = members("", &operator.settings);
    while let Some((pointer, value)) = waiting.pop() {
        match Lead::of(schema, &pointer) {
            Lead::Nowhere(known) if !is_known(&pointer) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                doubts.push(format!(
                    "{}: the settings_schema does not have `{pointer}`{}",
                    place(manifest, operator, &pointer),
                    nearest(&pointer, &known)
                ));
            }
            _ => waiting.extend(value.as_object().into_iter().flat_map(|of| members(&pointer, of))),
        }
    }
    doubts
}

fn members<'a>(above: &str, of: &'a serde_json::Map<String, Value>) -> Vec<(String, &'a Value)> {
    let pointer = |key: &str| format!("{above}/{}", key.replace('~', "~0").replace('/', "~1"));
    of.iter().map(|(key, value)| (pointer(key), value)).collect()
}

/// Names under `every` that are no tick of the plugin's.
pub fn schedules(
    manifest: &Manifest,
    operator: &PluginConfig,
    capabilities: &[&str],
) -> Vec<String> {
    let producer = capabilities.contains(&"producer").then_some("producer");
    let processes = manifest.processes.iter().map(|one| one.name.as_str());
    let schedules = manifest.schedules.iter().map(|one| one.name.as_str());
    let known: Vec<&str> = producer.into_iter().chain(processes).chain(schedules).collect();
    let unknown = operator.every.keys().filter(|name| !known.contains(&name.as_str()));
    unknown
        .map(|name| {
            format!(
                "`every` of [plugins.{}] in moothall.toml names `{name}`, and the plugin has no such tick: it has no effect{}",
                manifest.name,
                nearest(name, &known)
            )
        })
        .collect()
}
