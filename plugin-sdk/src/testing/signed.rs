//! Signs webhooks as platforms do, for a plugin that checks signatures itself with [`verify`](crate::verify). Each function
//! there has its counterpart here. Where the manifest's `verify` describes the signature, the host checks it, and the
//! in-memory host takes a webhook as checked.
//!
//! ```
//! use moothall_sdk::prelude::*;
//! use moothall_sdk::testing::{Host, signed, webhook};
//! use moothall_sdk::verify;
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
//!         verify::slack_v0(&request, &self.config()?.webhook_secret.reveal()?)
//!     }
//! }
//!
//! let secret = "sixteen or more bytes";
//! let mut host = Host::new(Guarded).config(json!({ "webhook_secret": secret }));
//! let event = webhook(&json!({ "event": "message" }));
//! assert!(host.webhook(signed::slack_v0(event.clone(), secret)).is_ok());
//! assert!(host.webhook(signed::slack_v0(event, "another secret")).is_err());
//! ```

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};

use crate::WebhookRequest;
use crate::verify::{decode, hmac_of, now_s};

/// HMAC-SHA256 over the raw body, in hex after `prefix`: [`verify::hmac_sha256`](crate::verify::hmac_sha256).
pub fn hmac_sha256(
    request: WebhookRequest,
    secret: &str,
    header: &str,
    prefix: &str,
) -> WebhookRequest {
    let signature = hex(&hmac_of(secret.as_bytes(), &[&request.body]));
    request.with_header(header, format!("{prefix}{signature}"))
}

/// The same in base64: [`verify::hmac_sha256_base64`](crate::verify::hmac_sha256_base64).
pub fn hmac_sha256_base64(
    request: WebhookRequest,
    secret: &str,
    header: &str,
    prefix: &str,
) -> WebhookRequest {
    let signature = STANDARD.encode(hmac_of(secret.as_bytes(), &[&request.body]));
    request.with_header(header, format!("{prefix}{signature}"))
}

/// Signed now, as Slack does: [`verify::slack_v0`](crate::verify::slack_v0).
pub fn slack_v0(request: WebhookRequest, signing_secret: &str) -> WebhookRequest {
    let timestamp = now_s().to_string();
    let signed: [&[u8]; 4] = [b"v0:", timestamp.as_bytes(), b":", &request.body];
    let signature = hex(&hmac_of(signing_secret.as_bytes(), &signed));
    request
        .with_header("X-Slack-Request-Timestamp", timestamp)
        .with_header("X-Slack-Signature", format!("v0={signature}"))
}

/// Signed now, as Stripe does: [`verify::stripe`](crate::verify::stripe).
pub fn stripe(request: WebhookRequest, secret: &str) -> WebhookRequest {
    let timestamp = now_s().to_string();
    let signed: [&[u8]; 3] = [timestamp.as_bytes(), b".", &request.body];
    let signature = hex(&hmac_of(secret.as_bytes(), &signed));
    request.with_header("Stripe-Signature", format!("t={timestamp},v1={signature}"))
}

/// Signed now, by Standard Webhooks with a secret `whsec_…`:
/// [`verify::standard_webhooks`](crate::verify::standard_webhooks). The test fails on a secret that is not base64.
pub fn standard_webhooks(request: WebhookRequest, secret: &str) -> WebhookRequest {
    let (id, timestamp) = ("msg_1", now_s().to_string());
    let key = decode::base64(secret.strip_prefix("whsec_").unwrap_or(secret));
    let key = key.expect("the secret is `whsec_` and base64");
    let signed: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &request.body];
    let signature = STANDARD.encode(hmac_of(&key, &signed));
    request
        .with_header("webhook-id", id)
        .with_header("webhook-timestamp", timestamp)
        .with_header("webhook-signature", format!("v1,{signature}"))
}

/// Signed now, as Discord does, with the key that these 32 bytes are: [`verify::ed25519`](crate::verify::ed25519). The
/// public key in hex is what [`ed25519_public_key`] says.
pub fn ed25519(request: WebhookRequest, key: &[u8; 32]) -> WebhookRequest {
    let timestamp = now_s().to_string();
    let signed = [timestamp.as_bytes(), &request.body].concat();
    let signature = hex(&SigningKey::from_bytes(key).sign(&signed).to_bytes());
    request
        .with_header("X-Signature-Timestamp", timestamp)
        .with_header("X-Signature-Ed25519", signature)
}

/// The public key of the key that these 32 bytes are, in hex.
pub fn ed25519_public_key(key: &[u8; 32]) -> String {
    hex(SigningKey::from_bytes(key).verifying_key().as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{signed, webhook};
    use crate::verify;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn what_is_signed_here_passes_there_and_another_body_or_secret_does_not() {
        type Sign = fn(crate::WebhookRequest, &str) -> crate::WebhookRequest;
        type Check = fn(&crate::WebhookRequest, &str) -> crate::Result<()>;
        let pairs: [(&str, Sign, Check); 6] = [
            (
                "hex",
                |request, secret| signed::hmac_sha256(request, secret, "X-S", "sha256="),
                |request, secret| verify::hmac_sha256(request, secret, "x-s", "sha256="),
            ),
            (
                "base64",
                |request, secret| signed::hmac_sha256_base64(request, secret, "X-S", ""),
                |request, secret| verify::hmac_sha256_base64(request, secret, "x-s", ""),
            ),
            ("slack", signed::slack_v0, verify::slack_v0),
            ("stripe", signed::stripe, verify::stripe),
            ("standard", signed::standard_webhooks, verify::standard_webhooks),
            (
                "ed25519",
                |request, secret| signed::ed25519(request, &bytes(secret)),
                |request, secret| {
                    verify::ed25519(request, &signed::ed25519_public_key(&bytes(secret)))
                },
            ),
        ];
        for (scheme, sign, check) in pairs {
            let request = sign(webhook("hello"), SECRET);
            assert_eq!(check(&request, SECRET), Ok(()), "{scheme}");
            let other = SECRET.replace('M', "N");
            assert!(check(&request, &other).is_err(), "{scheme}: another secret");
            let mut changed = request;
            changed.body.push(b' ');
            assert!(check(&changed, SECRET).is_err(), "{scheme}: another body");
        }
    }

    fn bytes(secret: &str) -> [u8; 32] {
        secret.as_bytes()[..32].try_into().expect("32 bytes")
    }
}
