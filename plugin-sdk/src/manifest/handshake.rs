//! Handshakes: what platforms ask unsigned before they use a URL for webhooks.

use std::collections::BTreeMap;

use serde::Serialize;

/// A request that is known by its method and by the platform's token in it.
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
    /// Any request of this method, unless more is said of it; the host answers with its token.
    pub fn new(method: &'static str) -> Self {
        Self { method, ..Self::default() }
    }

    /// The parameter with the token.
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

    /// `echo`, `hmac` or `export`.
    #[must_use]
    pub fn answer(mut self, answer: &'static str) -> Self {
        self.answer = Some(answer);
        self
    }

    /// A text of the JSON object that is answered, with `{token}` and `{hmac}` for what they are: `name=text`.
    #[must_use]
    pub fn json(mut self, pair: &'static str) -> Self {
        let (name, text) = pair.split_once('=').unwrap_or((pair, "{token}"));
        self.json.insert(name, text);
        self
    }

    /// How the HMAC is written: `hex` or `base64`.
    #[must_use]
    pub fn encoding(mut self, encoding: &'static str) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// What the HMAC is made with, or what [`secret_query`](Self::secret_query) has to be.
    #[must_use]
    pub fn secret(mut self, secret: &'static str) -> Self {
        self.secret = Some(secret);
        self
    }

    /// The parameter that has to be the secret.
    #[must_use]
    pub fn secret_query(mut self, name: &'static str) -> Self {
        self.secret_query = Some(name);
        self
    }
}
