//! Signatures of webhooks, checked over the raw bytes before any guest runs.
//!
//! Pure: a scheme, a secret, a request and the time give yes or the reason why not. Comparisons take the
//! same time whatever differs. Schemes: GitHub and Discourse (`hmac-sha256`), Slack v0, Stripe,
//! Standard Webhooks 1.0, and Discord (`ed25519`).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::plugins::manifest::VerifyManifest;
use crate::web::Request;

/// How far a signed time may be from now if the manifest does not say it, in seconds.
const TOLERANCE_S: u32 = 300;
/// Signatures in one header that are looked at.
const SIGNATURES: usize = 10;

/// Why a request is not believed. Says nothing of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("the signature's header is missing")]
    Missing,
    #[error("the signature's header comes twice")]
    Twice,
    #[error("the signature's header cannot be read")]
    Garbled,
    #[error("the signed time is too far from now")]
    Stale,
    #[error("the signature is not right")]
    Wrong,
    #[error("the secret that is configured cannot be used with this scheme")]
    BadSecret,
}

type Checked = Result<(), Rejection>;

/// Whether `request` was signed with `secret`, as `how` says, at about `now` (seconds since the Unix
/// epoch).
pub fn verify(how: &VerifyManifest, secret: &str, request: &Request, now: i64) -> Checked {
    let tolerance = i64::from(how.tolerance_s.unwrap_or(TOLERANCE_S));
    match how.scheme.as_str() {
        "hmac-sha256" => hmac_sha256(how, secret, request),
        "slack-v0" => slack(secret, request, now, tolerance),
        "stripe" => stripe(secret, request, now, tolerance),
        "standard-webhooks" => standard_webhooks(secret, request, now, tolerance),
        _ => ed25519(secret, request, now, tolerance),
    }
}

fn hmac_sha256(how: &VerifyManifest, secret: &str, request: &Request) -> Checked {
    let header = how.header.as_deref().unwrap_or("x-hub-signature-256").to_ascii_lowercase();
    let value = only(request, &header)?;
    let value =
        value.strip_prefix(how.prefix.as_deref().unwrap_or_default()).ok_or(Rejection::Garbled)?;
    let signature = match how.encoding.as_deref() {
        Some("base64") => BASE64_STANDARD.decode(value).map_err(|_| Rejection::Garbled)?,
        _ => from_hex(value).ok_or(Rejection::Garbled)?,
    };
    same(&mac(secret.as_bytes(), &[&request.body]), &signature)
}

/// <https://api.slack.com/authentication/verifying-requests-from-slack>
fn slack(secret: &str, request: &Request, now: i64, tolerance: i64) -> Checked {
    let timestamp = only(request, "x-slack-request-timestamp")?;
    recent(timestamp, now, tolerance)?;
    let value = only(request, "x-slack-signature")?;
    let signature = value.strip_prefix("v0=").and_then(from_hex).ok_or(Rejection::Garbled)?;
    let parts: [&[u8]; 4] = [b"v0:", timestamp.as_bytes(), b":", &request.body];
    same(&mac(secret.as_bytes(), &parts), &signature)
}

/// <https://docs.stripe.com/webhooks#verify-manually>
fn stripe(secret: &str, request: &Request, now: i64, tolerance: i64) -> Checked {
    let value = only(request, "stripe-signature")?;
    let mut pairs = value.split(',').filter_map(|pair| pair.trim().split_once('='));
    let timestamp = pairs.clone().find(|(key, _)| *key == "t").ok_or(Rejection::Garbled)?.1;
    recent(timestamp, now, tolerance)?;
    let right = mac(secret.as_bytes(), &[timestamp.as_bytes(), b".", &request.body]);
    let signatures = pairs.by_ref().filter(|(key, _)| *key == "v1").take(SIGNATURES);
    any(signatures.filter_map(|(_, value)| from_hex(value)), &right)
}

/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
fn standard_webhooks(secret: &str, request: &Request, now: i64, tolerance: i64) -> Checked {
    let (id, timestamp) = (only(request, "webhook-id")?, only(request, "webhook-timestamp")?);
    recent(timestamp, now, tolerance)?;
    let key = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = BASE64_STANDARD.decode(key).map_err(|_| Rejection::BadSecret)?;
    if key.is_empty() {
        return Err(Rejection::BadSecret);
    }
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &request.body];
    let right = mac(&key, &parts);
    let signatures = only(request, "webhook-signature")?.split(' ').take(SIGNATURES);
    let signatures = signatures.filter_map(|one| one.strip_prefix("v1,"));
    any(signatures.filter_map(|one| BASE64_STANDARD.decode(one).ok()), &right)
}

/// <https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint>: `secret` is the
/// application's public key.
fn ed25519(secret: &str, request: &Request, now: i64, tolerance: i64) -> Checked {
    let timestamp = only(request, "x-signature-timestamp")?;
    recent(timestamp, now, tolerance)?;
    let signature = from_hex(only(request, "x-signature-ed25519")?).ok_or(Rejection::Garbled)?;
    let signature = Signature::from_slice(&signature).map_err(|_| Rejection::Garbled)?;
    let key = from_hex(secret).and_then(|key| <[u8; 32]>::try_from(key).ok());
    let key =
        key.and_then(|key| VerifyingKey::from_bytes(&key).ok()).ok_or(Rejection::BadSecret)?;
    let message = [timestamp.as_bytes(), &request.body].concat();
    key.verify_strict(&message, &signature).map_err(|_| Rejection::Wrong)
}

/// The header, which must be there once: of two, the receiver might believe another than the host.
fn only<'a>(request: &'a Request, name: &str) -> Result<&'a str, Rejection> {
    let mut all = request.headers.iter().filter(|(one, _)| one == name);
    let first = all.next().ok_or(Rejection::Missing)?;
    if all.next().is_some() { Err(Rejection::Twice) } else { Ok(first.1.trim()) }
}

fn recent(timestamp: &str, now: i64, tolerance: i64) -> Checked {
    let signed: i64 = timestamp.parse().map_err(|_| Rejection::Garbled)?;
    if now.abs_diff(signed) <= tolerance.unsigned_abs() { Ok(()) } else { Err(Rejection::Stale) }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn same(right: &[u8], given: &[u8]) -> Checked {
    let same = !right.is_empty() && bool::from(right.ct_eq(given));
    if same { Ok(()) } else { Err(Rejection::Wrong) }
}

/// All are compared, so that the time does not say which one was right.
fn any(given: impl Iterator<Item = Vec<u8>>, right: &[u8]) -> Checked {
    let found = given.fold(false, |found, one| same(right, &one).is_ok() | found);
    if found { Ok(()) } else { Err(Rejection::Wrong) }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16);
    let byte = |pair: &[u8]| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8);
    if digits.len().is_multiple_of(2) { digits.chunks_exact(2).map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests;
