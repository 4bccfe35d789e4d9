//! Handshakes: the unsigned requests by which a platform checks a URL before it uses it. The host answers as the plugin's
//! manifest says, or calls a function of the plugin that can only read. Nothing is stored, and the status is chosen in
//! `http`.
//!
//! If a handshake answered with the HMAC of any text, an attacker could have a webhook signed. So a token is one word: no
//! scheme signs such a text, and no platform would understand it as a webhook.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::verify::mac;
use super::{Found, WebhookError, Webhooks, response_of};
use moothall_core::ids::RequestId;
use moothall_core::instance::Instance;
use moothall_core::web::{Request, Response};
use moothall_engine::calls::{Mode, ValidatedCall};
use moothall_engine::plugins::manifest::{
    Encoding, HMAC, HandshakeAnswer, HandshakeManifest, TOKEN,
};
use moothall_engine::plugins::{Plugin, SETTINGS, SigningKey};
use moothall_guest::exports::AnswerHandshake;

/// The longest token, in bytes.
const TOKEN_BYTES: usize = 2_048;
/// The largest body of a handshake, in bytes.
const BODY_BYTES: usize = 64 << 10;

const WRONG_SECRET: &str = "its secret is not the one that the plugin was given";
const LONG_TOKEN: &str = "its token is too long";
const ODD_TOKEN: &str = "its token is not one word of letters, digits, `+`, `/`, `-` and `_`";

/// The answer to the sender of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeReply {
    /// The URL exists, and there is nothing to say.
    Exists,
    /// The URL takes any method.
    AnyMethod,
    /// The token, or what was made of it: plain text, which no browser shows as a page.
    Text(String),
    /// The same in a JSON object.
    Json(String),
    /// The response of the plugin, if it has one.
    OfPlugin(Option<Response>),
}

/// Where a request came in: at the URL of an instance, or of the whole platform.
type Of<'a> = Option<&'a Arc<Instance>>;

impl Webhooks {
    /// The answer to a handshake; none if the request is a webhook.
    pub async fn handshake(
        &self,
        found: &Found<Arc<Instance>>,
        request: &Arc<Request>,
        request_id: &RequestId,
    ) -> Result<Option<HandshakeReply>, WebhookError> {
        let is_verified = found.plugin.manifest.verify.is_some();
        self.greeted(&found.plugin, Some(&found.of), is_verified, request, request_id).await
    }

    /// The same at the platform-wide URL of a plugin.
    pub async fn handshake_global(
        &self,
        found: &Found<()>,
        request: &Arc<Request>,
        request_id: &RequestId,
    ) -> Result<Option<HandshakeReply>, WebhookError> {
        let is_verified = found.plugin.manifest.global_verify.is_some();
        self.greeted(&found.plugin, None, is_verified, request, request_id).await
    }

    async fn greeted(
        &self,
        plugin: &Arc<Plugin>,
        of: Of<'_>,
        is_verified: bool,
        request: &Arc<Request>,
        request_id: &RequestId,
    ) -> Result<Option<HandshakeReply>, WebhookError> {
        // No instance's config counts at the platform-wide URL.
        let declared = plugin.manifest.handshakes.iter();
        let mut here = declared.filter(|one| of.is_some() || one.config_secret().is_none());
        let found = here.find_map(|one| Some((one, token(one, request)?)));
        let Some((one, token)) = found else {
            return Ok(if is_verified { asks_for_nothing(&request.method) } else { None });
        };
        if token.len() > TOKEN_BYTES {
            return Err(WebhookError::Handshake(LONG_TOKEN));
        }
        self.require_secret_query(plugin, of, one, request)?;
        match one.answer {
            HandshakeAnswer::Export => {
                self.ask_plugin(plugin, of, request, request_id).await.map(Some)
            }
            HandshakeAnswer::Echo => Ok(Some(answer(one, &token, ""))),
            HandshakeAnswer::Hmac if !is_one_word(&token) => {
                Err(WebhookError::Handshake(ODD_TOKEN))
            }
            HandshakeAnswer::Hmac => {
                let key = self.handshake_key(plugin, of, one)?;
                let made = mac(key.expose_secret(), &[token.as_bytes()]);
                Ok(Some(answer(one, &token, &written(one.encoding, &made))))
            }
        }
    }

    /// Whether the request has the secret that the community gave the platform.
    fn require_secret_query(
        &self,
        plugin: &Plugin,
        of: Of<'_>,
        one: &HandshakeManifest,
        request: &Request,
    ) -> Result<(), WebhookError> {
        let (Some(parameter), Some(place)) = (&one.secret_query, &one.secret) else {
            return Ok(());
        };
        let wanted = self.secret_at(plugin, of, place)?;
        let given = parameter_of(request, parameter).unwrap_or_default();
        let is_right = super::checks::same(wanted.expose_secret().trim(), &given);
        if is_right { Ok(()) } else { Err(WebhookError::Handshake(WRONG_SECRET)) }
    }

    fn handshake_key(
        &self,
        plugin: &Plugin,
        of: Of<'_>,
        one: &HandshakeManifest,
    ) -> Result<SigningKey, WebhookError> {
        let Some(place) = &one.secret else { return self.verifying_key(plugin, of) };
        let secret = self.secret_at(plugin, of, place)?;
        one.key(secret.expose_secret())
            .map_err(|why| WebhookError::UnusableSecret(plugin.name.to_string(), why.to_string()))
    }

    /// A text of the plugin's settings or of the instance's config, by its pointer, secret or not.
    fn secret_at(
        &self,
        plugin: &Plugin,
        of: Of<'_>,
        place: &str,
    ) -> Result<SecretString, WebhookError> {
        let secret = match (place.strip_prefix(SETTINGS), of) {
            (Some(name), _) => super::checks::setting(plugin, name),
            (None, Some(instance)) => self.text_of(plugin, instance, place)?,
            (None, None) => None,
        };
        let secret = secret.filter(|secret| !secret.expose_secret().trim().is_empty());
        secret.ok_or_else(|| WebhookError::NoSecret(plugin.name.to_string()))
    }

    async fn ask_plugin(
        &self,
        plugin: &Arc<Plugin>,
        of: Of<'_>,
        request: &Arc<Request>,
        request_id: &RequestId,
    ) -> Result<HandshakeReply, WebhookError> {
        let (answer, id) = (AnswerHandshake(request.clone()), request_id.clone());
        let call = match of {
            Some(instance) => self.calls.on(plugin.clone(), instance.clone(), answer, id).await?,
            None => ValidatedCall::of_plugin(plugin.clone(), answer, id),
        };
        // Its effects are dropped.
        let answer = self.calls.run(call.without_sending(), Mode::Collect).await?;
        Ok(HandshakeReply::OfPlugin(response_of(answer.output)))
    }
}

/// With HEAD platforms check whether a URL exists, with OPTIONS browsers and proxies ask which methods it takes. Neither is
/// a webhook, and neither is signed.
fn asks_for_nothing(method: &str) -> Option<HandshakeReply> {
    match method {
        "HEAD" => Some(HandshakeReply::Exists),
        "OPTIONS" => Some(HandshakeReply::AnyMethod),
        _ => None,
    }
}

/// The token of the request, if it is this handshake; empty where the method alone makes it one.
fn token<'a>(one: &HandshakeManifest, request: &'a Request) -> Option<Cow<'a, str>> {
    // HEAD is answered as GET is, without the body.
    let is_its_method =
        request.method == one.method || request.method == "HEAD" && one.method == "GET";
    if !is_its_method {
        return None;
    }
    if !one.has_token() {
        return Some(Cow::Borrowed(""));
    }
    let in_query = one.query.as_ref().and_then(|name| parameter_of(request, name));
    let in_header = || one.header.as_ref().and_then(|name| header_of(request, name));
    let in_body = || one.body.as_ref().and_then(|pointer| text_in(&request.body, pointer));
    let token = in_query.or_else(in_header).or_else(|| in_body().map(Cow::Owned))?;
    (!token.is_empty()).then_some(token)
}

fn header_of<'a>(request: &'a Request, name: &str) -> Option<Cow<'a, str>> {
    let value = request.header(&name.to_ascii_lowercase())?;
    Some(Cow::Borrowed(value.trim()))
}

fn parameter_of<'a>(request: &'a Request, name: &str) -> Option<Cow<'a, str>> {
    let mut pairs = form_urlencoded::parse(request.query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value)
}

/// The text at a JSON Pointer. A body without the pointer's last name is not parsed: most bodies are webhooks.
fn text_in(body: &[u8], pointer: &str) -> Option<String> {
    let name = pointer.rsplit('/').next().unwrap_or_default();
    if body.len() > BODY_BYTES || !std::str::from_utf8(body).ok()?.contains(name) {
        return None;
    }
    let value: Value = serde_json::from_slice(body).ok()?;
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

fn is_one_word(token: &str) -> bool {
    let word = token.trim_end_matches('=');
    let is_of_word = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
    token.len() - word.len() <= 2 && !word.is_empty() && word.bytes().all(is_of_word)
}

fn written(encoding: Encoding, bytes: &[u8]) -> String {
    match encoding {
        Encoding::Hex => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Encoding::Base64 => BASE64_STANDARD.encode(bytes),
    }
}

fn answer(one: &HandshakeManifest, token: &str, hmac: &str) -> HandshakeReply {
    let filled = |text: &String| {
        // In one pass, so that braces in a token are not replaced.
        text.split(TOKEN).map(|part| part.replace(HMAC, hmac)).collect::<Vec<_>>().join(token)
    };
    if one.json.is_empty() {
        let text = if one.answer == HandshakeAnswer::Hmac { hmac } else { token };
        return HandshakeReply::Text(text.replace('<', "&lt;").replace('>', "&gt;"));
    }
    let texts = one.json.iter().map(|(name, text)| (name.clone(), Value::String(filled(text))));
    HandshakeReply::Json(Value::Object(texts.collect::<Map<_, _>>()).to_string())
}

#[cfg(test)]
mod tests;
