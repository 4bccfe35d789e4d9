//! Takes values of secrets out of a recording, wherever they turned up: a platform may send a token back, a guest may store
//! it. The same value becomes the same stand-in everywhere, so that the guest, which reads the stand-in, writes it too.

use serde_json::Value;

use super::{Noted, Recording};

/// A shorter text is no secret that could be told from others.
const SHORTEST: usize = 4;
/// Names under which OAuth hands out secrets (RFC 6749, RFC 7591, OpenID Connect).
const TOKENS: &[&str] =
    &["access_token", "refresh_token", "id_token", "client_secret", "registration_access_token"];
/// Headers that authenticate whoever sends them.
const HEADERS: &[&str] =
    &["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];

/// Replaces secrets by stand-ins.
#[derive(Debug, Default)]
pub struct Scrubber {
    /// The longest first: one may be part of another.
    secrets: Vec<String>,
}

impl Scrubber {
    /// For these values, and for those that are secrets by where they stand in the recording.
    pub fn new(known: impl IntoIterator<Item = String>, recording: &Recording) -> Self {
        let mut secrets: Vec<String> = known.into_iter().collect();
        let arguments = recording.input.iter().flat_map(|input| &input.arguments);
        arguments.for_each(|one| headers(one, &mut secrets));
        recording.imports.iter().for_each(|noted| sent(noted, &mut secrets));
        secrets.retain(|secret| secret.len() >= SHORTEST);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets }
    }

    /// Replaces the secrets in every text of the recording.
    pub fn scrub(&self, recording: &mut Recording) {
        if self.secrets.is_empty() {
            return;
        }
        recording.change_texts(&mut |text| self.scrub_text(text));
    }

    fn scrub_text(&self, text: &mut String) {
        for (number, secret) in self.secrets.iter().enumerate() {
            let stand_in = format!("[secret {}]", number + 1);
            for form in forms(secret) {
                if text.contains(&form) {
                    *text = text.replace(&form, &stand_in);
                }
            }
        }
    }
}

/// How a secret may be written in a text: as it is, in JSON, in JSON that is a text in JSON, in a URL or a form. The longest
/// first: one may be part of another.
fn forms(secret: &str) -> Vec<String> {
    let in_json = in_json(secret);
    let in_url = form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
    let in_path = in_url.replace('+', "%20");
    let mut forms = vec![secret.to_owned(), self::in_json(&in_json), in_json, in_url, in_path];
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms
}

/// A text as JSON writes it, without the quotes around it.
fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

/// The secrets in a request or an answer of the guest's.
fn sent(noted: &Noted, secrets: &mut Vec<String>) {
    if !matches!(noted.import.as_str(), "http.send" | "wasi-http.send") {
        return;
    }
    noted.arguments.iter().for_each(|one| headers(one, secrets));
    let Some(answer) = noted.answer.as_ref().and_then(|answer| answer.get("ok")) else { return };
    headers(answer, secrets);
    if let Some(body) = answer["body"].as_str() {
        tokens(body, secrets);
    }
}

/// The values of headers that authenticate, with and without the name of their scheme.
fn headers(message: &Value, secrets: &mut Vec<String>) {
    for header in message["headers"].as_array().into_iter().flatten() {
        let text = |at: usize| header[at].as_str().unwrap_or_default();
        if HEADERS.iter().any(|name| text(0).eq_ignore_ascii_case(name)) {
            secrets.push(text(1).to_owned());
            secrets.extend(text(1).split_once(' ').map(|(_, rest)| rest.to_owned()));
        }
    }
}

/// The tokens in the body of an answer, as JSON or as a form.
pub fn tokens(body: &str, secrets: &mut Vec<String>) {
    if !TOKENS.iter().any(|name| body.contains(name)) {
        return;
    }
    match serde_json::from_str::<Value>(body) {
        Ok(value) => json_tokens(&value, secrets),
        Err(_) => {
            let fields = form_urlencoded::parse(body.as_bytes());
            let is_token = |name: &str| TOKENS.contains(&name);
            let tokens = fields.filter(|(name, _)| is_token(name));
            secrets.extend(tokens.map(|(_, value)| value.into_owned()));
        }
    }
}

fn json_tokens(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(token) if TOKENS.contains(&name.as_str()) => {
                        secrets.push(token.clone());
                    }
                    field => json_tokens(field, secrets),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| json_tokens(item, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
