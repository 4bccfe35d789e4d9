//! What a manifest says of the signature of webhooks.

use serde::Serialize;

/// How the host checks the signature of webhooks.
#[derive(Debug, Clone, Serialize)]
pub struct Verify {
    scheme: &'static str,
    secret: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerance_s: Option<u32>,
}

impl Verify {
    /// A signature by `scheme`, made with the secret at this place.
    pub fn new(scheme: &'static str, secret: &'static str) -> Self {
        Self { scheme, secret, header: None, prefix: None, encoding: None, tolerance_s: None }
    }

    /// The header with the signature.
    #[must_use]
    pub fn header(mut self, name: &'static str) -> Self {
        self.header = Some(name);
        self
    }

    /// The text before the signature in the header.
    #[must_use]
    pub fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// The encoding of the signature: `hex` or `base64`.
    #[must_use]
    pub fn encoding(mut self, encoding: &'static str) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// The largest difference between a signed timestamp and now, in seconds.
    #[must_use]
    pub fn tolerance_s(mut self, seconds: u32) -> Self {
        self.tolerance_s = Some(seconds);
        self
    }
}
