//! Checks the operator's settings of a plugin, fills in defaults and takes out the secrets.

use serde_json::{Value, json};

use super::schemas::Schemas;
use crate::plugins::{LoadError, Manifest, Schema, Violation};
use moothall_core::config::PluginConfig;
use moothall_core::secrets;
use moothall_guest::Settings;

/// Checks the settings, fills in defaults and takes out the secrets.
pub fn settings(
    manifest: &Manifest,
    config: &PluginConfig,
    schemas: &mut Schemas,
) -> Result<Settings, Vec<LoadError>> {
    let bytes = schemas.limits.config_bytes;
    let schema = schemas.compile_any("settings_schema", &manifest.settings_schema, bytes)?;
    let schema = schema.unwrap_or_else(Schema::any_object);
    let mut value = Value::Object(config.settings.clone());
    keep_texts(&schema, config, &mut value);
    let say = |v: Violation| {
        let comma = if v.path.is_empty() { ":" } else { "," };
        format!("{}{comma} {v}", place(manifest, config, &v.path))
    };
    schema
        .fill_defaults(&mut value)
        .map_err(|one| LoadError::all("bad_settings", vec![say(one)]))?;
    schema
        .write_integers(&mut value, None)
        .map_err(|wrong| LoadError::all("bad_settings", wrong.into_iter().map(say).collect()))?;
    // Without any settings nothing is checked: a plugin that needs some says so itself.
    if !config.settings.is_empty() {
        schema.validate(&value).map_err(|violations| {
            LoadError::all("bad_settings", violations.into_iter().map(say).collect())
        })?;
    }
    let pointers = schema.secrets().find(&value);
    let no_strings = secrets::not_strings(&value, &pointers);
    if !no_strings.is_empty() {
        let say = |path: &String| {
            let place = place(manifest, config, path);
            format!("{place}, at `{path}`: a secret must be a string")
        };
        return Err(LoadError::all("bad_settings", no_strings.iter().map(say).collect()));
    }
    let wrong = manifest.wrong_signing_settings(&value);
    if !wrong.is_empty() {
        return Err(LoadError::all("bad_settings", wrong.into_iter().map(say).collect()));
    }
    let split = secrets::split(&value, &pointers).by_name();
    Ok(Settings { public: split.public.to_string(), secrets: split.secrets })
}

/// What came as the text of a variable is that text where the schema wants one: `123.4567890` may be a name, and a secret
/// always is one.
fn keep_texts(schema: &Schema, config: &PluginConfig, value: &mut Value) {
    let put = |value: &mut Value, pointer: &str, new: Value| {
        value.pointer_mut(pointer).map(|slot| std::mem::replace(slot, new))
    };
    let is_wrong = |value: &Value, pointer: &str| {
        let wrong = schema.validate(value).err().unwrap_or_default();
        wrong.iter().any(|one| one.path == *pointer)
    };
    for (pointer, variable) in &config.setting_variables {
        let is_text = value.pointer(pointer).is_none_or(Value::is_string);
        if is_text || !(schema.is_secret(pointer) || is_wrong(value, pointer)) {
            continue;
        }
        let before = put(value, pointer, json!(variable.text));
        if let Some(before) = before.filter(|_| is_wrong(value, pointer)) {
            put(value, pointer, before);
        }
    }
}

/// Where a setting comes from.
pub(super) fn place(manifest: &Manifest, config: &PluginConfig, pointer: &str) -> String {
    match config.setting_variables.get(pointer) {
        Some(variable) => format!("the variable {}", variable.name),
        None => format!("settings of [plugins.{}] in moothall.toml", manifest.name),
    }
}
