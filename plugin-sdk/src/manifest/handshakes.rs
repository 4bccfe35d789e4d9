//! What a manifest says of handshakes: unsigned requests by which platforms check a URL before they send
//! webhooks.

use super::document::Object;

/// A handshake, which the host recognises by its method and by the platform's token in it.
#[derive(Debug, Clone, Default)]
pub struct Handshake(pub(super) Object);

impl Handshake {
    /// A handshake by any request of this method, if you add nothing; the host answers with its token.
    pub fn new(method: &'static str) -> Self {
        Self(Object::with("method", method))
    }

    /// The query parameter with the token.
    #[must_use]
    pub fn query(mut self, name: &'static str) -> Self {
        self.0.text("query", name);
        self
    }

    /// The header with the token.
    #[must_use]
    pub fn header(mut self, name: &'static str) -> Self {
        self.0.text("header", name);
        self
    }

    /// The JSON Pointer to the token in the body.
    #[must_use]
    pub fn body(mut self, pointer: &'static str) -> Self {
        self.0.text("body", pointer);
        self
    }

    /// How it is answered: `echo`, `hmac` or `export`.
    #[must_use]
    pub fn answer(mut self, answer: &'static str) -> Self {
        self.0.text("answer", answer);
        self
    }

    /// Adds a member to the JSON object of the answer: `name=text`, where `{token}` and `{hmac}` in the text
    /// are replaced.
    #[must_use]
    pub fn json(mut self, pair: &'static str) -> Self {
        let (name, text) = pair.split_once('=').unwrap_or((pair, "{token}"));
        self.0.text_in("json", name, text);
        self
    }

    /// The encoding of the HMAC: `hex` or `base64`.
    #[must_use]
    pub fn encoding(mut self, encoding: &'static str) -> Self {
        self.0.text("encoding", encoding);
        self
    }

    /// The secret for the HMAC, or the one that [`secret_query`](Self::secret_query) has to equal.
    #[must_use]
    pub fn secret(mut self, secret: &'static str) -> Self {
        self.0.text("secret", secret);
        self
    }

    /// The query parameter that has to equal the secret.
    #[must_use]
    pub fn secret_query(mut self, name: &'static str) -> Self {
        self.0.text("secret_query", name);
        self
    }
}
