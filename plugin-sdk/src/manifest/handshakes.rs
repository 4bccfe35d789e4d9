//! What a manifest says of handshakes: unsigned requests by which platforms check a URL before they send
//! webhooks.

use std::collections::BTreeMap;

use serde::Serialize;

/// A handshake, which the host recognises by its method and by the platform's token in it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Handshake {
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    json: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_query: Option<&'static str>,
}

impl Handshake {
    /// A handshake by any request of this method, if you add nothing; the host answers with its token.
    pub fn new(method: &'static str) -> Self {
        Self { method, ..Self::default() }
    }

    /// The query parameter with the token.
    #[must_use]
    pub fn query(mut self, name: &'static str) -> Self {
        self.query = Some(name);
        self
    }

    /// The header with the token.
    #[must_use]
    pub fn header(mut self, name: &'static str) -> Self {
        self.header = Some(name);
        self
    }

    /// The JSON Pointer to the token in the body.
    #[must_use]
    pub fn body(mut self, pointer: &'static str) -> Self {
        self.body = Some(pointer);
        self
    }

    /// How it is answered: `echo`, `hmac` or `export`.
    #[must_use]
    pub fn answer(mut self, answer: &'static str) -> Self {
        self.answer = Some(answer);
        self
    }

    /// Adds a member to the JSON object of the answer: `name=text`, where `{token}` and `{hmac}` in the text
    /// are replaced.
    #[must_use]
    pub fn json(mut self, pair: &'static str) -> Self {
        let (name, text) = pair.split_once('=').unwrap_or((pair, "{token}"));
        self.json.insert(name, text);
        self
    }

    /// The encoding of the HMAC: `hex` or `base64`.
    #[must_use]
    pub fn encoding(mut self, encoding: &'static str) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// The secret for the HMAC, or the one that [`secret_query`](Self::secret_query) has to equal.
    #[must_use]
    pub fn secret(mut self, secret: &'static str) -> Self {
        self.secret = Some(secret);
        self
    }

    /// The query parameter that has to equal the secret.
    #[must_use]
    pub fn secret_query(mut self, name: &'static str) -> Self {
        self.secret_query = Some(name);
        self
    }
}
