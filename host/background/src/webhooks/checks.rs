//! Checks of a webhook before any guest runs: the secret part of its URL, and its signature.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::coding::{Failed, Room, decoded, is_coded};
use super::verify::{Rejection, verify};
use super::{WebhookError, Webhooks};
use moothall_core::instance::{Instance, WebhookSecrets};
use moothall_core::telemetry::metric::WEBHOOKS_REJECTED;
use moothall_core::web::Request;
use moothall_engine::plugins::manifest::VerifyManifest;
use moothall_engine::plugins::{Plugin, SETTINGS, SigningKey};
use moothall_guest::Fault;

/// A signing key, or why the configured secret is none.
type Key = Result<SigningKey, String>;

impl Webhooks {
    /// Whether the request came to the instance's own URL.
    pub(super) fn check_slug(
        &self,
        plugin: &Plugin,
        instance: &Instance,
        given: Option<&str>,
    ) -> Result<(), WebhookError> {
        match (&self.webhook_secrets(plugin, instance)?.slug, given) {
            (None, None) => Ok(()),
            (Some(wanted), Some(given)) if same(wanted.expose_secret(), given) => Ok(()),
            _ => Err(WebhookError::NotFound),
        }
    }

    /// Checks the signature as the plugin's manifest says. Returns the request with a plain body.
    pub(super) fn check(
        &self,
        plugin: &Plugin,
        instance: &Instance,
        request: Arc<Request>,
        room: &Room<'_>,
    ) -> Result<Arc<Request>, WebhookError> {
        let Some(how) = &plugin.manifest.verify else { return Ok(request) };
        let secrets = self.webhook_secrets(plugin, instance)?;
        let of_settings = key_of_settings(plugin, how);
        let key = of_settings.as_ref().or(secrets.key.as_ref());
        self.check_signature(plugin, how, key, request, room)
    }

    /// The same for a platform-wide request.
    pub(super) fn check_global(
        &self,
        plugin: &Plugin,
        request: Arc<Request>,
        room: &Room<'_>,
    ) -> Result<Arc<Request>, WebhookError> {
        let Some(how) = &plugin.manifest.global_verify else { return Ok(request) };
        self.check_signature(plugin, how, key_of_settings(plugin, how).as_ref(), request, room)
    }

    /// The key with which webhooks at that URL are signed.
    pub(super) fn verifying_key(
        &self,
        plugin: &Plugin,
        of: Option<&Arc<Instance>>,
    ) -> Result<SigningKey, WebhookError> {
        let manifest = &plugin.manifest;
        let how = if of.is_some() { &manifest.verify } else { &manifest.global_verify };
        let key = match (how.as_ref().and_then(|how| key_of_settings(plugin, how)), of) {
            (None, Some(instance)) => self.webhook_secrets(plugin, instance)?.key.clone(),
            (key, _) => key,
        };
        let name = || plugin.name.to_string();
        let key = key.ok_or_else(|| WebhookError::NoSecret(name()))?;
        key.map_err(|why| WebhookError::UnusableSecret(name(), why))
    }

    /// The text at `pointer` of an instance's config, secret or not.
    pub(super) fn text_of(
        &self,
        plugin: &Plugin,
        instance: &Instance,
        pointer: &str,
    ) -> Result<Option<SecretString>, WebhookError> {
        self.config_text(plugin, instance, &config_of(instance)?, pointer)
    }

    /// The secret part of the instance's URL, and its signing key. Kept until the instance or its plugin changes.
    fn webhook_secrets(
        &self,
        plugin: &Plugin,
        instance: &Instance,
    ) -> Result<Arc<WebhookSecrets>, WebhookError> {
        let known = instance.webhook_secrets.load_full();
        if let Some(known) = known.filter(|known| known.plugin_digest_id == plugin.digest_id) {
            return Ok(known);
        }
        let config = config_of(instance)?;
        let key = match &plugin.manifest.verify {
            Some(how) if !how.secret.starts_with(SETTINGS) => {
                let secret = self.config_text(plugin, instance, &config, &how.secret)?;
                secret.map(|secret| key_of(how, &secret))
            }
            _ => None,
        };
        // If the config has a `webhook_slug`, only the URL with it exists.
        let slug = self.config_text(plugin, instance, &config, "/webhook_slug")?;
        let slug = slug.filter(|slug| !slug.expose_secret().is_empty());
        let secrets = Arc::new(WebhookSecrets { plugin_digest_id: plugin.digest_id, slug, key });
        instance.webhook_secrets.store(Some(secrets.clone()));
        Ok(secrets)
    }

    fn check_signature(
        &self,
        plugin: &Plugin,
        how: &VerifyManifest,
        key: Option<&Key>,
        request: Arc<Request>,
        room: &Room<'_>,
    ) -> Result<Arc<Request>, WebhookError> {
        let name = || plugin.name.to_string();
        let key = key.ok_or_else(|| WebhookError::NoSecret(name()))?.as_ref();
        let key = key.map_err(|why| WebhookError::UnusableSecret(name(), why.clone()))?;
        let now = self.context.clock.now_ms().div_euclid(1000);
        let is_signed = |request: &Request| verify(how, key.expose_secret(), request, now);
        plain_if_signed(request, is_signed, room).inspect_err(|error| {
            WEBHOOKS_REJECTED.of(&[("plugin", plugin.name.as_str())]).increment(1);
            tracing::warn!(plugin = plugin.name.as_str(), "a webhook was rejected: {error}");
        })
    }

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
                let sealed = self.context.store.read(|reader| reader.secrets(instance.id))?;
                let mut opened = plugin.guest.open_secrets(instance.id, &sealed)?;
                Ok(opened.remove(pointer))
            }
        }
    }
}

/// Accepts a signature over the compressed body or over the plain one, because platforms differ. Returns the request with
/// its plain body.
fn plain_if_signed(
    request: Arc<Request>,
    is_signed: impl Fn(&Request) -> Result<(), Rejection>,
    room: &Room<'_>,
) -> Result<Arc<Request>, WebhookError> {
    let signed = is_signed(&request);
    // A request without a signature, or with an old one, would be refused over the other body too.
    let is_final = signed.is_err_and(|rejection| rejection != Rejection::Wrong);
    if is_final || !is_coded(&request) {
        return signed.map(|()| request).map_err(WebhookError::Rejected);
    }
    match (decoded(&request, room), signed) {
        (Ok(plain), Ok(())) => Ok(Arc::new(plain)),
        (Ok(plain), Err(_)) => {
            is_signed(&plain).map_err(WebhookError::Rejected)?;
            Ok(Arc::new(plain))
        }
        (Err(Failed::TooLarge(limit)), _) => Err(WebhookError::TooLarge(limit)),
        (Err(Failed::NoRoom), _) => Err(WebhookError::NoRoom),
        // The sender is verified: the plugin gets the body as it came.
        (Err(_), Ok(())) => Ok(request),
        (Err(Failed::Unknown(coding)), Err(_)) => Err(WebhookError::Coding(coding)),
        (Err(Failed::Garbled), Err(rejection)) => Err(WebhookError::Rejected(rejection)),
    }
}

pub fn same(a: &str, b: &str) -> bool {
    use subtle::ConstantTimeEq;
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// An unreadable config refuses every webhook: nobody knows which URL and signature are right.
fn config_of(instance: &Instance) -> Result<Value, Fault> {
    serde_json::from_str(instance.stored_config())
        .map_err(|error| Fault::Host(format!("the stored config cannot be read: {error}")))
}

fn key_of(how: &VerifyManifest, secret: &SecretString) -> Key {
    how.key(secret.expose_secret()).map_err(|error| error.to_string())
}

/// The key from the settings, if the manifest names a secret there and the operator has set it.
fn key_of_settings(plugin: &Plugin, how: &VerifyManifest) -> Option<Key> {
    let secret = setting(plugin, how.secret.strip_prefix(SETTINGS)?)?;
    Some(key_of(how, &secret))
}

pub fn setting(plugin: &Plugin, name: &str) -> Option<SecretString> {
    let settings = &plugin.context.settings;
    if let Some(secret) = settings.secrets.get(name) {
        return Some(secret.clone());
    }
    let public: Value = serde_json::from_str(&settings.public).unwrap_or_default();
    public.get(name).and_then(|value| value.as_str()).map(|text| text.to_owned().into())
}
