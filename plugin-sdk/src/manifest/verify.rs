//! What a manifest says of the signature of webhooks.

use super::document::Object;

/// How the host checks the signature of webhooks.
#[derive(Debug, Clone)]
pub struct Verify(pub(super) Object);

impl Verify {
    /// A signature by `scheme`, made with the secret at this place.
    pub fn new(scheme: &'static str, secret: &'static str) -> Self {
        let mut verify = Object::with("scheme", scheme);
        verify.text("secret", secret);
        Self(verify)
    }

    /// The header with the signature.
    #[must_use]
    pub fn header(mut self, name: &'static str) -> Self {
        self.0.text("header", name);
        self
    }

    /// The text before the signature in the header.
    #[must_use]
    pub fn prefix(mut self, prefix: &'static str) -> Self {
        self.0.text("prefix", prefix);
        self
    }

    /// The encoding of the signature: `hex` or `base64`.
    #[must_use]
    pub fn encoding(mut self, encoding: &'static str) -> Self {
        self.0.text("encoding", encoding);
        self
    }

    /// The largest difference between a signed timestamp and now, in seconds.
    #[must_use]
    pub fn tolerance_s(mut self, seconds: u32) -> Self {
        self.0.number("tolerance_s", seconds);
        self
    }
}
