//! What a manifest says of OAuth.

use serde::Deserialize;
use serde_json::Value;

use super::settings::SETTINGS;

#[derive(Clone, Debug, Deserialize)]
pub struct OAuthManifest {
    pub types: Option<Vec<String>>,
    pub pkce: Option<bool>,
    pub issuer: Option<String>,
}

impl OAuthManifest {
    /// The issuer that must have sent a browser back: the one in the manifest, or the one in the operator's
    /// settings (JSON).
    pub fn issuer(&self, settings: &str) -> Option<String> {
        let issuer = self.issuer.as_deref()?;
        let Some(pointer) = issuer.strip_prefix(SETTINGS) else { return Some(issuer.to_owned()) };
        let settings: Value = serde_json::from_str(settings).unwrap_or_default();
        settings.pointer(pointer)?.as_str().map(str::to_owned)
    }

    /// Whether the plugin authorises this: `app`, `user`.
    pub fn has(&self, kind: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.iter().any(|one| one == kind))
    }
}
