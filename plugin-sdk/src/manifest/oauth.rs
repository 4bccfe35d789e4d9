//! What a manifest says of OAuth.

use serde::Serialize;

/// What the plugin authorises by OAuth.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Authorization {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    types: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pkce: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'static str>,
}

impl Authorization {
    /// Authorises this: `app` or `user`; by default both.
    #[must_use]
    pub fn authorizes(mut self, what: &'static str) -> Self {
        self.types.push(what);
        self
    }

    /// Leaves out PKCE, for platforms that do not support it.
    #[must_use]
    pub fn no_pkce(mut self) -> Self {
        self.pkce = Some(false);
        self
    }

    /// The platform's issuer identifier, or the place of it in the operator's settings: `settings:/issuer`.
    #[must_use]
    pub fn issuer(mut self, issuer: &'static str) -> Self {
        self.issuer = Some(issuer);
        self
    }
}
