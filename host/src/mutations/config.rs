//! The check of a submitted configuration, and its split into what may be seen and what may not.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::moved::{moved, needed_again};
use super::{MutationError, Mutations, Outcome};
use crate::communities::Community;
use crate::instance::Instance;
use crate::plugins::{Budget, Plugin, Violation};
use crate::secrets::{self, SplitConfig};

/// A configuration that the plugin's schema accepts.
pub struct CheckedConfig {
    /// JSON with `{"$secret": pointer}` for each secret.
    pub public: String,
    pub secrets: BTreeMap<String, SecretString>,
    pub platform_id: Option<String>,
    /// Whether the community's instance has exactly this configuration.
    pub is_same: bool,
}

impl Mutations {
    pub(super) fn check_config(
        &self,
        plugin: &Plugin,
        community: &Community,
        mut config: Value,
        budget: &mut Budget,
    ) -> Outcome<CheckedConfig> {
        let invalid =
            |violations| MutationError::InvalidConfig { plugin: plugin.name.clone(), violations };
        if !config.is_object() {
            return Err(invalid(vec![violation("", "a config is a JSON object")]));
        }
        plugin.config_schema.fill_defaults(&mut config).map_err(|one| invalid(vec![one]))?;
        let platform_id = platform_id(plugin, &config).map_err(|one| invalid(vec![one]))?;
        let existing = community.find(plugin.name.as_str(), platform_id.as_deref());
        let stored = existing
            .map(|instance| self.stored_secrets(plugin, instance))
            .transpose()?
            .unwrap_or_default();
        let kept = restore(plugin, &mut config, &stored).map_err(invalid)?;
        if let Some(existing) = existing.filter(|_| !kept.is_empty()) {
            let moved = moved_from(plugin, existing, &stored, &config);
            if !moved.is_empty() {
                secrets::wipe(&mut config);
                return Err(invalid(needed_again(&kept, &moved)));
            }
        }
        if let Err(violations) = plugin.config_schema.validate_within(&config, budget) {
            secrets::wipe(&mut config);
            return Err(invalid(violations));
        }
        let split = secrets::split(&config, &plugin.config_schema.secrets().find(&config));
        secrets::wipe(&mut config);
        let public = split.public.to_string();
        let secret_bytes =
            split.secrets.values().map(|secret| secret.expose_secret().len()).sum::<usize>();
        if public.len() + secret_bytes > self.limits.config_bytes {
            let limit = self.limits.config_bytes;
            let message =
                format!("a config has at most {limit} bytes, its secrets included (config_bytes)");
            return Err(invalid(vec![violation("", &message)]));
        }
        let is_same = existing.is_some_and(|existing| is_same(plugin, existing, &split, &stored));
        Ok(CheckedConfig { public, secrets: split.secrets, platform_id, is_same })
    }

    fn stored_secrets(
        &self,
        plugin: &Plugin,
        instance: &Instance,
    ) -> Outcome<BTreeMap<String, SecretString>> {
        let sealed = self.calls.store.read(|reader| reader.secrets(instance.id))?;
        Ok(plugin.guest.open_secrets(instance.id, &sealed)?)
    }
}

fn violation(path: &str, message: &str) -> Violation {
    Violation { path: path.to_owned(), message: message.to_owned() }
}

/// What names another host than in the stored config.
fn moved_from(
    plugin: &Plugin,
    existing: &Instance,
    stored: &BTreeMap<String, SecretString>,
    config: &Value,
) -> Vec<String> {
    let public = serde_json::from_str(existing.stored_config()).unwrap_or_default();
    let mut before = secrets::join(&public, stored);
    // Where too many are missing to be filled in, what is missing counts as moved.
    drop(plugin.config_schema.fill_defaults(&mut before));
    let moved = moved(plugin, &before, config);
    secrets::wipe(&mut before);
    moved
}

/// Keeps the stored secrets where the placeholder was sent back, and says where; secrets must be strings.
fn restore(
    plugin: &Plugin,
    config: &mut Value,
    stored: &BTreeMap<String, SecretString>,
) -> Result<Vec<String>, Vec<Violation>> {
    let pointers = plugin.config_schema.secrets().find(config);
    let kept =
        "the placeholder keeps a stored secret, and none is stored here; send the secret itself";
    let found = secrets::restore_placeholders(config, &pointers, stored);
    let mut wrong: Vec<_> = found.unknown.iter().map(|path| violation(path, kept)).collect();
    let no_strings = secrets::not_strings(config, &pointers);
    wrong.extend(no_strings.iter().map(|path| violation(path, "a secret must be a string")));
    if wrong.is_empty() { Ok(found.kept) } else { Err(wrong) }
}

/// The value of the config key that the manifest names; none where it is not set.
fn platform_id(plugin: &Plugin, config: &Value) -> Result<Option<String>, Violation> {
    let Some(key) = &plugin.manifest.community_platform_id_key else { return Ok(None) };
    match config.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(violation(
            &format!("/{key}"),
            "it tells instances apart and must be a string or a number",
        )),
    }
}

/// Whether the stored config, with the defaults of the version that is loaded, is what was sent.
fn is_same(
    plugin: &Plugin,
    existing: &Instance,
    split: &SplitConfig,
    stored: &BTreeMap<String, SecretString>,
) -> bool {
    let Ok(mut public) = serde_json::from_str::<Value>(existing.stored_config()) else {
        return false;
    };
    plugin.config_schema.fill_defaults(&mut public).is_ok()
        && public == split.public
        && stored.len() == split.secrets.len()
        && stored.iter().all(|(pointer, secret)| {
            let sent = split.secrets.get(pointer);
            sent.is_some_and(|sent| sent.expose_secret() == secret.expose_secret())
        })
}
