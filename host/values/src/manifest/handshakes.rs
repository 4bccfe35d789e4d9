//! Handshakes of a manifest: unsigned requests by which platforms check a URL before they send webhooks to it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Manifest;
use super::settings::SETTINGS;

/// The placeholder for the platform's token in an answer's texts.
pub const TOKEN: &str = "{token}";
/// The placeholder for the token's HMAC.
pub const HMAC: &str = "{hmac}";

/// One handshake: how the host recognises it, and how it answers.
#[derive(Clone, Debug, Deserialize)]
pub struct HandshakeManifest {
    #[serde(default = "get")]
    pub method: String,
    /// Where the platform's token is. With none of these three, any request of the method is the handshake.
    pub query: Option<String>,
    pub header: Option<String>,
    /// A JSON Pointer.
    pub body: Option<String>,
    #[serde(default)]
    pub answer: HandshakeAnswer,
    /// The members of a JSON object; if empty, the answer is plain text.
    #[serde(default)]
    pub json: BTreeMap<String, String>,
    #[serde(default)]
    pub encoding: Encoding,
    /// The secret for the HMAC, or the secret that the parameter `secret_query` has to equal.
    pub secret: Option<String>,
    pub secret_query: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HandshakeAnswer {
    #[default]
    Echo,
    Hmac,
    Export,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    #[default]
    Hex,
    Base64,
}

fn get() -> String {
    "GET".to_owned()
}

impl HandshakeManifest {
    /// What in it contradicts itself, or the rest of the manifest.
    fn mistake(&self, manifest: &Manifest) -> Option<&'static str> {
        let mut verified = manifest.verify.iter().chain(&manifest.global_verify);
        let has_key = verified.any(|how| how.scheme != "ed25519");
        let names_hmac = self.json.values().any(|text| text.contains(HMAC));
        let is_hmac = self.answer == HandshakeAnswer::Hmac;
        if self.secret_query.is_some() && (is_hmac || self.secret.is_none()) {
            Some(
                "`secret_query` is compared with `secret`, so it needs that, and another `answer` than `hmac`",
            )
        } else if self.secret.is_some() && self.secret_query.is_none() && !is_hmac {
            Some("`secret` is for the answer `hmac`, or to compare `secret_query` with")
        } else if is_hmac && !self.has_token() {
            Some("`hmac` is of a token: say where it is, by `query`, `header` or `body`")
        } else if is_hmac && self.secret.is_none() && !has_key {
            Some("`hmac` needs a `secret`, or a `verify` whose secret it is made with")
        } else if names_hmac && !is_hmac {
            Some("`{hmac}` stands for the HMAC of the answer `hmac`")
        } else if self.answer == HandshakeAnswer::Export && !self.json.is_empty() {
            Some("`export` is answered by the plugin: `json` has no effect")
        } else {
            None
        }
    }

    /// Whether the host recognises it by more than its method.
    pub fn has_token(&self) -> bool {
        self.query.is_some() || self.header.is_some() || self.body.is_some()
    }

    /// The place of the config's secret that it uses.
    pub fn config_secret(&self) -> Option<&str> {
        self.secret.as_deref().filter(|secret| !secret.starts_with(SETTINGS))
    }
}

impl Manifest {
    pub(super) fn wrong_handshakes(&self) -> Vec<String> {
        let all = self.handshakes.iter().enumerate();
        let wrong = all.filter_map(|(at, one)| Some((at, one.mistake(self)?)));
        wrong.map(|(at, mistake)| format!("manifest /handshakes/{at}: {mistake}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(handshake: &Value, verify: &Value) -> Result<Manifest, Vec<String>> {
        let manifest = json!({ "name": "a", "handshakes": [handshake], "verify": verify });
        let mut manifest = manifest.as_object().cloned().unwrap_or_default();
        manifest.retain(|_, value| !value.is_null());
        Manifest::parse(&Value::Object(manifest).to_string())
    }

    #[test]
    fn what_it_leaves_out_is_a_get_that_is_echoed() {
        let manifest = parse(&json!({ "query": "challenge" }), &Value::Null).unwrap();
        let one = &manifest.handshakes[0];
        assert_eq!(
            (one.method.as_str(), one.answer, one.encoding),
            ("GET", HandshakeAnswer::Echo, Encoding::Hex)
        );
    }

    #[test]
    fn one_that_contradicts_itself_is_refused_with_its_place() {
        let slack = json!({ "scheme": "slack-v0", "secret": "/key" });
        let discord = json!({ "scheme": "ed25519", "secret": "/key" });
        for (wrong, verify, why) in [
            (json!({ "query": "a", "header": "b" }), &slack, "/handshakes/0"),
            (json!({ "query": "a", "body": "/b" }), &slack, "/handshakes/0"),
            (json!({ "method": "DELETE" }), &slack, "/handshakes/0/method"),
            (json!({ "answer": "hmac" }), &slack, "say where it is"),
            (json!({ "query": "a", "answer": "hmac" }), &Value::Null, "needs a `secret`"),
            (json!({ "query": "a", "answer": "hmac" }), &discord, "needs a `secret`"),
            (json!({ "query": "a", "json": { "b": "{hmac}" } }), &slack, "stands for the HMAC"),
            (json!({ "query": "a", "secret_query": "b" }), &slack, "compared with `secret`"),
            (json!({ "query": "a", "secret": "/b" }), &slack, "to compare `secret_query` with"),
            (
                json!({ "query": "a", "answer": "export", "json": { "b": "c" } }),
                &slack,
                "`json` has no effect",
            ),
        ] {
            let said = parse(&wrong, verify).unwrap_err().join("; ");
            assert!(said.contains(why) && said.contains("/handshakes/0"), "{wrong}: {said}");
        }
        assert!(parse(&json!({ "query": "a", "answer": "hmac" }), &slack).is_ok());
    }
}
