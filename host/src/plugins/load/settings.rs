//! The operator's settings of a plugin: checked, defaults filled in, secrets taken out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::errors;
use super::schemas::Schemas;
use crate::config::PluginConfig;
use crate::guest::Settings;
use crate::plugins::{LoadError, Manifest, Schema, Violation};
use crate::secrets;

/// The operator's settings: checked, defaults filled in, secrets taken out.
pub fn settings(
    manifest: &Manifest,
    config: &PluginConfig,
    schemas: &mut Schemas,
) -> Result<Settings, Vec<LoadError>> {
    let bytes = schemas.limits.config_bytes;
    let schema = schemas.compile_any("settings_schema", &manifest.settings_schema, bytes)?;
    let schema = schema.unwrap_or_else(Schema::any_object);
    let mut value = Value::Object(config.settings.clone());
    let say = |v: Violation| {
        format!(
            "settings of [plugins.{}] in moothall.toml, at `{}`: {}",
            manifest.name, v.path, v.message
        )
    };
    schema.fill_defaults(&mut value).map_err(|one| errors("bad_settings", vec![say(one)]))?;
    // Settings that nobody gave are no mistake until a plugin needs them: it then says so itself.
    if !config.settings.is_empty() {
        schema.validate(&value).map_err(|violations| {
            errors("bad_settings", violations.into_iter().map(say).collect())
        })?;
    }
    let pointers = schema.secrets().find(&value);
    let no_strings = secrets::not_strings(&value, &pointers);
    if !no_strings.is_empty() {
        let say = |path: &String| {
            format!(
                "settings of [plugins.{}] in moothall.toml, at `{path}`: a secret must be a string",
                manifest.name
            )
        };
        return Err(errors("bad_settings", no_strings.iter().map(say).collect()));
    }
    Ok(by_name(secrets::split(&value, &pointers)))
}

/// Settings' secrets go by name (`client_secret`), not by pointer.
fn by_name(split: secrets::SplitConfig) -> Settings {
    let mut public = split.public;
    let mut by_name = BTreeMap::new();
    for (pointer, secret) in split.secrets {
        let name = pointer.trim_start_matches('/').to_owned();
        if let Some(slot) = public.pointer_mut(&pointer) {
            *slot = json!({ "$secret": name });
        }
        by_name.insert(name, secret);
    }
    Settings { public: public.to_string(), secrets: by_name }
}
