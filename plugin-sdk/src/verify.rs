//! Checks signatures of webhooks, for a plugin that checks them itself with a revealed secret. If the
//! manifest's `verify` can describe the signature, let the host check it, and the plugin never needs the
//! secret.
//!
//! Every comparison takes the same time whatever differs, and no error reveals the right signature.
//!
//! ```
//! use moothall_sdk::prelude::*;
//! use moothall_sdk::verify;
//! # use moothall_sdk::testing::Host;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Config {
//!     webhook_secret: Secret,
//! }
//!
//! struct Guarded;
//!
//! #[plugin(name = "guarded", config = Config, requests(reveal("/webhook_secret")))]
//! impl Guarded {
//!     #[webhook]
//!     fn receive(&self, request: WebhookRequest) -> Result<()> {
//!         let secret = self.config()?.webhook_secret.reveal()?;
//!         verify::hmac_sha256(&request, &secret, "X-Signature", "sha256=")
//!     }
//! }
//!
//! # let mut host = Host::new(Guarded).config(json!({ "webhook_secret": "sixteen or more bytes" }));
//! # let unsigned = host.webhook(WebhookRequest::default()).expect_err("no signature");
//! # assert_eq!(unsigned.kind(), &ErrorKind::Unauthorized);
//! ```

pub(crate) mod decode;
mod freshness;

use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Error, Result, WebhookRequest};
use decode::{base64, hex};
use freshness::check;
pub(crate) use freshness::now_s;

/// Checks an HMAC-SHA256 over the raw body, in hex, which follows `prefix` in this header (GitHub, Discourse).
pub fn hmac_sha256(
    request: &WebhookRequest,
    secret: &str,
    header: &str,
    prefix: &str,
) -> Result<()> {
    let signature = required(request, header)?.strip_prefix(prefix).and_then(hex);
    is_signed(secret.as_bytes(), &[&request.body], &signature.ok_or_else(wrong)?)
}

/// Like [`hmac_sha256`] with the signature in base64.
pub fn hmac_sha256_base64(
    request: &WebhookRequest,
    secret: &str,
    header: &str,
    prefix: &str,
) -> Result<()> {
    let signature = required(request, header)?.strip_prefix(prefix).and_then(base64);
    is_signed(secret.as_bytes(), &[&request.body], &signature.ok_or_else(wrong)?)
}

/// Checks Slack's signature, and that it is at most five minutes old.
pub fn slack_v0(request: &WebhookRequest, signing_secret: &str) -> Result<()> {
    slack_at(request, signing_secret, now_s())
}

fn slack_at(request: &WebhookRequest, secret: &str, now_s: u64) -> Result<()> {
    let timestamp = required(request, "X-Slack-Request-Timestamp")?;
    check(timestamp, now_s)?;
    let signature = required(request, "X-Slack-Signature")?.strip_prefix("v0=").and_then(hex);
    let signed: [&[u8]; 4] = [b"v0:", timestamp.as_bytes(), b":", &request.body];
    is_signed(secret.as_bytes(), &signed, &signature.ok_or_else(wrong)?)
}

/// Checks Stripe's signature, and that it is at most five minutes old.
pub fn stripe(request: &WebhookRequest, secret: &str) -> Result<()> {
    stripe_at(request, secret, now_s())
}

fn stripe_at(request: &WebhookRequest, secret: &str, now_s: u64) -> Result<()> {
    let parts = || {
        let header = request.header("Stripe-Signature").unwrap_or_default();
        header.split(',').filter_map(|part| part.trim().split_once('='))
    };
    let timestamp = parts().find(|(name, _)| *name == "t").map(|(_, value)| value);
    let timestamp = timestamp.ok_or_else(wrong)?;
    check(timestamp, now_s)?;
    let signed: [&[u8]; 3] = [timestamp.as_bytes(), b".", &request.body];
    let signatures = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| hex(value));
    any_is_right(secret.as_bytes(), &signed, signatures)
}

/// Checks a signature by Standard Webhooks (`whsec_…`), also with Svix's headers, and that it is at most five
/// minutes old.
pub fn standard_webhooks(request: &WebhookRequest, secret: &str) -> Result<()> {
    standard_at(request, secret, now_s())
}

fn standard_at(request: &WebhookRequest, secret: &str, now_s: u64) -> Result<()> {
    let is_svix =
        request.header("webhook-signature").is_none() && request.header("svix-signature").is_some();
    let named = |what: &str| {
        required(request, &format!("{}-{what}", if is_svix { "svix" } else { "webhook" }))
    };
    let (id, timestamp) = (named("id")?, named("timestamp")?);
    check(timestamp, now_s)?;
    let key = base64(secret.strip_prefix("whsec_").unwrap_or(secret));
    let key = key.ok_or_else(|| Error::internal("the secret of the webhook is not base64"))?;
    let signed: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &request.body];
    let all = named("signature")?;
    let signatures = all.split(' ').filter_map(|one| base64(one.strip_prefix("v1,")?));
    any_is_right(&key, &signed, signatures)
}

/// Checks an Ed25519 signature over timestamp and body with a public key in hex (Discord).
pub fn ed25519(request: &WebhookRequest, public_key: &str) -> Result<()> {
    let unusable = || Error::internal("the public key of the webhook is not 32 bytes in hex");
    let key: [u8; 32] = hex(public_key).and_then(|key| key.try_into().ok()).ok_or_else(unusable)?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| unusable())?;
    let timestamp = required(request, "X-Signature-Timestamp")?;
    let signature = hex(required(request, "X-Signature-Ed25519")?).ok_or_else(wrong)?;
    let signature = Signature::from_slice(&signature).map_err(|_| wrong())?;
    let signed = [timestamp.as_bytes(), &request.body].concat();
    key.verify_strict(&signed, &signature).map_err(|_| wrong())
}

fn required<'a>(request: &'a WebhookRequest, header: &str) -> Result<&'a str> {
    request
        .header(header)
        .ok_or_else(|| Error::unauthorized(format!("the webhook has no header '{header}'")))
}

fn any_is_right(
    key: &[u8],
    signed: &[&[u8]],
    mut signatures: impl Iterator<Item = Vec<u8>>,
) -> Result<()> {
    let right = signatures.any(|signature| is_signed(key, signed, &signature).is_ok());
    if right { Ok(()) } else { Err(wrong()) }
}

fn is_signed(key: &[u8], signed: &[&[u8]], signature: &[u8]) -> Result<()> {
    mac_of(key, signed)?.verify_slice(signature).map_err(|_| wrong())
}

fn mac_of(key: &[u8], signed: &[&[u8]]) -> Result<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| wrong())?;
    for part in signed {
        mac.update(part);
    }
    Ok(mac)
}

/// The signature itself, which only a platform makes, and a test in its place.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn hmac_of(key: &[u8], signed: &[&[u8]]) -> Vec<u8> {
    let mac = mac_of(key, signed).expect("a key may have any length");
    mac.finalize().into_bytes().to_vec()
}

fn wrong() -> Error {
    Error::unauthorized("the signature of the webhook is wrong")
}

#[cfg(test)]
mod tests;
