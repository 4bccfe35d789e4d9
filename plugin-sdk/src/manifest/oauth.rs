//! What a manifest says of OAuth.

use super::document::Object;

/// What the plugin authorises by OAuth.
#[derive(Debug, Clone, Default)]
pub struct Authorization(pub(super) Object);

impl Authorization {
    /// Authorises this: `app` or `user`; by default both.
    #[must_use]
    pub fn authorizes(mut self, what: &'static str) -> Self {
        self.0.push_text("types", what);
        self
    }

    /// Leaves out PKCE, for platforms that do not support it.
    #[must_use]
    pub fn no_pkce(mut self) -> Self {
        self.0.bool("pkce", false);
        self
    }

    /// The platform's issuer identifier, or the place of it in the operator's settings: `settings:/issuer`.
    #[must_use]
    pub fn issuer(mut self, issuer: &'static str) -> Self {
        self.0.text("issuer", issuer);
        self
    }
}
