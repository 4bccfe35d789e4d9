//! What webhooks are checked against before any guest runs: the end of their URL, and their signature.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{WebhookError, Webhooks, verify};
use crate::guest::Fault;
use crate::instance::{Instance, WebhookTerms};
use crate::plugins::Plugin;
use crate::plugins::manifest::VerifyManifest;
use crate::telemetry::metric::WEBHOOKS_REJECTED;
use crate::web::Request;

/// How a manifest's `verify` names a secret of the settings.
const SETTINGS: &str = "settings:";

impl Webhooks {
    /// Whether the request came to the instance's own URL.
    pub(super) fn check_slug(
        &self,
        plugin: &Plugin,
        instance: &Instance,
        given: Option<&str>,
    ) -> Result<(), WebhookError> {
        match (&self.terms(plugin, instance)?.slug, given) {
            (None, None) => Ok(()),
            (Some(wanted), Some(given)) if same(wanted.expose_secret(), given) => Ok(()),
            _ => Err(WebhookError::NotFound),
        }
    }

    /// Whether the request is signed as the instance's plugin says.
    pub(super) fn check(
        &self,
        plugin: &Plugin,
        instance: &Instance,
        request: &Request,
    ) -> Result<(), WebhookError> {
        let terms = self.terms(plugin, instance)?;
        let Some(how) = &plugin.manifest.verify else { return Ok(()) };
        let secret = match how.secret.strip_prefix(SETTINGS) {
            Some(name) => setting(plugin, name),
            None => terms.secret.clone(),
        };
        self.check_signature(plugin, how, secret, request)
    }

    /// The same of a request for a whole platform.
    pub(super) fn check_global(
        &self,
        plugin: &Plugin,
        request: &Request,
    ) -> Result<(), WebhookError> {
        let Some(how) = &plugin.manifest.global_verify else { return Ok(()) };
        let secret = how.secret.strip_prefix(SETTINGS).and_then(|name| setting(plugin, name));
        self.check_signature(plugin, how, secret, request)
    }

    /// What webhooks of the instance are checked against.
    fn terms(
        &self,
        plugin: &Plugin,
        instance: &Instance,
    ) -> Result<Arc<WebhookTerms>, WebhookError> {
        let known = instance.webhook_terms.load_full();
        if let Some(known) = known.filter(|known| known.plugin_mark == plugin.mark) {
            return Ok(known);
        }
        // Without it nobody knows which URL and which signature are right: nothing is let in.
        let config: Value = serde_json::from_str(instance.stored_config())
            .map_err(|error| Fault::Host(format!("the stored config cannot be read: {error}")))?;
        let secret = match &plugin.manifest.verify {
            Some(how) if !how.secret.starts_with(SETTINGS) => {
                self.config_text(plugin, instance, &config, &how.secret)?
            }
            _ => None,
        };
        // Where the config has a `webhook_slug`, only the URL with it exists.
        let slug = self.config_text(plugin, instance, &config, "/webhook_slug")?;
        let slug = slug.filter(|slug| !slug.expose_secret().is_empty());
        let terms = Arc::new(WebhookTerms { plugin_mark: plugin.mark, slug, secret });
        instance.webhook_terms.store(Some(terms.clone()));
        Ok(terms)
    }

    fn check_signature(
        &self,
        plugin: &Plugin,
        how: &VerifyManifest,
        secret: Option<SecretString>,
        request: &Request,
    ) -> Result<(), WebhookError> {
        // Anybody can sign with nothing.
        let secret = secret.filter(|secret| !secret.expose_secret().is_empty());
        let secret = secret.ok_or_else(|| WebhookError::NoSecret(plugin.name.to_string()))?;
        let now = self.calls.clock.now_ms().div_euclid(1000);
        verify::verify(how, secret.expose_secret(), request, now).map_err(|rejection| {
            WEBHOOKS_REJECTED.of(&[("plugin", plugin.name.as_str())]).increment(1);
            tracing::warn!(plugin = plugin.name.as_str(), "a webhook was rejected: {rejection}");
            WebhookError::Rejected(rejection)
        })
    }

    /// The text at `pointer` of an instance's config, secret or not.
    fn config_text(
        &self,
        plugin: &Plugin,
        instance: &Instance,
        config: &Value,
        pointer: &str,
    ) -> Result<Option<SecretString>, WebhookError> {
        match config.pointer(pointer) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone().into())),
            Some(_) => {
                let sealed = self.calls.store.read(|reader| reader.secrets(instance.id))?;
                let mut opened = plugin.guest.open_secrets(instance.id, &sealed)?;
                Ok(opened.remove(pointer))
            }
        }
    }
}

fn same(a: &str, b: &str) -> bool {
    use subtle::ConstantTimeEq;
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

fn setting(plugin: &Plugin, name: &str) -> Option<SecretString> {
    let settings = &plugin.terms.settings;
    if let Some(secret) = settings.secrets.get(name) {
        return Some(secret.clone());
    }
    let public: Value = serde_json::from_str(&settings.public).unwrap_or_default();
    public.get(name).and_then(|value| value.as_str()).map(|text| text.to_owned().into())
}
