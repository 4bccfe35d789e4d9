//! Checks a submitted configuration, and takes its secrets out of it.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::moved::{moved, needed_again};
use super::{MutationError, MutationResult, Mutations};
use crate::communities::Community;
use crate::plugins::{Budget, Plugin, Violation};
use moothall_core::instance::Instance;
use moothall_core::secrets::{self, ConfigChange};
use moothall_values::json::{self, Exact};

/// A configuration that the plugin's schema accepts.
pub struct CheckedConfig {
    /// JSON with `{"$secret": pointer}` for each secret.
    pub public: String,
    pub secrets: BTreeMap<String, SecretString>,
    pub platform_id: Option<String>,
    /// How it differs from the config of the existing instance.
    pub change: ConfigChange,
}

impl Mutations {
    pub(super) fn check_config(
        &self,
        plugin: &Plugin,
        community: &Community,
        written: &str,
        budget: &mut Budget,
    ) -> MutationResult<CheckedConfig> {
        let invalid =
            |violations| MutationError::InvalidConfig { plugin: plugin.name.clone(), violations };
        let mut config: Value = serde_json::from_str(written)
            .map_err(|error| invalid(vec![violation("", &error.to_string())]))?;
        let mut tokens = Exact::of(written).ok();
        if !config.is_object() {
            return Err(invalid(vec![violation("", "a config is a JSON object")]));
        }
        plugin.config_schema.fill_defaults(&mut config).map_err(|one| invalid(vec![one]))?;
        plugin.config_schema.write_integers(&mut config, tokens.as_mut()).map_err(invalid)?;
        let platform_id = plugin.manifest.platform_id(&config);
        let platform_id = platform_id.map_err(|one| invalid(vec![one]))?;
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
        let wrong = plugin.manifest.wrong_signing_secret(&config);
        let split = secrets::seal(&plugin.config_schema, config, budget).map_err(invalid)?;
        if let Some(wrong) = wrong {
            return Err(invalid(vec![wrong]));
        }
        let public = json::rewritten(&split.public, &tokens.iter().collect::<Vec<_>>());
        let secret_bytes =
            split.secrets.values().map(|secret| secret.expose_secret().len()).sum::<usize>();
        if public.len() + secret_bytes > self.limits.config_bytes {
            let limit = self.limits.config_bytes;
            let message =
                format!("a config has at most {limit} bytes, its secrets included (config_bytes)");
            return Err(invalid(vec![violation("", &message)]));
        }
        let change = existing.map_or(ConfigChange::Config, |existing| {
            let public = serde_json::from_str(existing.stored_config()).unwrap_or_default();
            split.change_from(&plugin.config_schema, public, &stored)
        });
        Ok(CheckedConfig { public, secrets: split.secrets, platform_id, change })
    }

    fn stored_secrets(
        &self,
        plugin: &Plugin,
        instance: &Instance,
    ) -> MutationResult<BTreeMap<String, SecretString>> {
        let sealed = self.context.store.read(|reader| reader.secrets(instance.id))?;
        Ok(plugin.guest.open_secrets(instance.id, &sealed)?)
    }
}

fn violation(path: &str, message: &str) -> Violation {
    Violation { path: path.to_owned(), message: message.to_owned() }
}

/// The violations of places that name another host than the stored config does, while their secrets are kept.
fn moved_from(
    plugin: &Plugin,
    existing: &Instance,
    stored: &BTreeMap<String, SecretString>,
    config: &Value,
) -> Vec<String> {
    let public = serde_json::from_str(existing.stored_config()).unwrap_or_default();
    let mut before = secrets::join(&public, stored);
    // If there are too many defaults to fill in, a missing value counts as changed.
    drop(plugin.config_schema.fill_defaults(&mut before));
    let moved = moved(plugin, &before, config);
    secrets::wipe(&mut before);
    moved
}

/// Puts the stored secrets in place of their placeholders, and returns where. Secrets must be strings.
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
