//! Signatures of webhooks, checked over the raw bytes before any guest runs.
//!
//! Pure: from a scheme, a key, a request and the time follows whether the signature is right, or why not. Comparisons take
//! constant time. Schemes: GitHub and Discourse (`hmac-sha256`), Slack v0, Zoom (a variant of it), Stripe, Standard
//! Webhooks 1.0, and Discord (`ed25519`).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use moothall_core::web::Request;
use moothall_engine::plugins::from_hex;
use moothall_engine::plugins::manifest::VerifyManifest;

/// How far a signed time may be from now, in seconds, unless the manifest says it.
const TOLERANCE_S: u32 = 300;
/// Signatures in one header that are checked.
const SIGNATURES: usize = 10;

/// Headers of the time and of the signature.
/// <https://api.slack.com/authentication/verifying-requests-from-slack>
const SLACK: [&str; 2] = ["x-slack-request-timestamp", "x-slack-signature"];
/// <https://developers.zoom.us/docs/api/webhooks/#verify-with-zooms-header>
const ZOOM: [&str; 2] = ["x-zm-request-timestamp", "x-zm-signature"];
/// Headers of the id, of the time and of the signatures.
const STANDARD: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];
/// The same headers as Svix calls them, which made the scheme.
/// <https://docs.svix.com/receiving/verifying-payloads/how-manual>
const SVIX: [&str; 3] = ["svix-id", "svix-timestamp", "svix-signature"];

/// Why a signature is not accepted. Says nothing about the secret.
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
}

type Checked = Result<(), Rejection>;

/// Whether `request` was signed with `key`, as `how` says, at about `now` (seconds since the Unix
/// epoch).
pub fn verify(how: &VerifyManifest, key: &[u8], request: &Request, now: i64) -> Checked {
    let tolerance = i64::from(how.tolerance_s.unwrap_or(TOLERANCE_S));
    match how.scheme.as_str() {
        "hmac-sha256" => hmac_sha256(how, key, request),
        "slack-v0" => v0(SLACK, key, request, now, tolerance),
        "zoom-v0" => v0(ZOOM, key, request, now, tolerance),
        "stripe" => stripe(key, request, now, tolerance),
        "standard-webhooks" => standard_webhooks(key, request, now, tolerance),
        _ => ed25519(key, request, now, tolerance),
    }
}

fn hmac_sha256(how: &VerifyManifest, key: &[u8], request: &Request) -> Checked {
    let header = how.header.as_deref().unwrap_or("x-hub-signature-256").to_ascii_lowercase();
    let value = only(request, &header)?;
    let value =
        value.strip_prefix(how.prefix.as_deref().unwrap_or_default()).ok_or(Rejection::Garbled)?;
    let signature = match how.encoding.as_deref() {
        Some("base64") => BASE64_STANDARD.decode(value).map_err(|_| Rejection::Garbled)?,
        _ => from_hex(value).ok_or(Rejection::Garbled)?,
    };
    same(&mac(key, &[&request.body]), &signature)
}

fn v0(
    [time, signed]: [&str; 2],
    key: &[u8],
    request: &Request,
    now: i64,
    tolerance: i64,
) -> Checked {
    let timestamp = only(request, time)?;
    recent(timestamp, now, tolerance)?;
    let value = only(request, signed)?;
    let signature = value.strip_prefix("v0=").and_then(from_hex).ok_or(Rejection::Garbled)?;
    let parts: [&[u8]; 4] = [b"v0:", timestamp.as_bytes(), b":", &request.body];
    same(&mac(key, &parts), &signature)
}

/// <https://docs.stripe.com/webhooks#verify-manually>
fn stripe(key: &[u8], request: &Request, now: i64, tolerance: i64) -> Checked {
    let value = only(request, "stripe-signature")?;
    let mut pairs = value.split(',').filter_map(|pair| pair.trim().split_once('='));
    let timestamp = pairs.clone().find(|(key, _)| *key == "t").ok_or(Rejection::Garbled)?.1;
    recent(timestamp, now, tolerance)?;
    let right = mac(key, &[timestamp.as_bytes(), b".", &request.body]);
    let signatures = pairs.by_ref().filter(|(key, _)| *key == "v1").take(SIGNATURES);
    any(signatures.filter_map(|(_, value)| from_hex(value)), &right)
}

/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
fn standard_webhooks(key: &[u8], request: &Request, now: i64, tolerance: i64) -> Checked {
    let names = if request.header(STANDARD[2]).is_some() { STANDARD } else { SVIX };
    let [id, timestamp, signed] = names.map(|name| only(request, name));
    let (id, timestamp, signed) = (id?, timestamp?, signed?);
    recent(timestamp, now, tolerance)?;
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &request.body];
    let right = mac(key, &parts);
    let signatures = signed.split(' ').take(SIGNATURES).filter_map(|one| one.strip_prefix("v1,"));
    any(signatures.filter_map(|one| BASE64_STANDARD.decode(one).ok()), &right)
}

/// <https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint>: the key is the
/// application's public one.
fn ed25519(key: &[u8], request: &Request, now: i64, tolerance: i64) -> Checked {
    let timestamp = only(request, "x-signature-timestamp")?;
    recent(timestamp, now, tolerance)?;
    let signature = from_hex(only(request, "x-signature-ed25519")?).ok_or(Rejection::Garbled)?;
    let signature = Signature::from_slice(&signature).map_err(|_| Rejection::Garbled)?;
    let key = <&[u8; 32]>::try_from(key).ok().and_then(|key| VerifyingKey::from_bytes(key).ok());
    let key = key.ok_or(Rejection::Wrong)?;
    let message = [timestamp.as_bytes(), &request.body].concat();
    key.verify_strict(&message, &signature).map_err(|_| Rejection::Wrong)
}

/// The header, which must be there once: of two, the host and the plugin might believe different ones.
fn only<'a>(request: &'a Request, name: &str) -> Result<&'a str, Rejection> {
    let mut all = request.headers.iter().filter(|(one, _)| one == name);
    let first = all.next().ok_or(Rejection::Missing)?;
    if all.next().is_some() { Err(Rejection::Twice) } else { Ok(first.1.trim()) }
}

fn recent(timestamp: &str, now: i64, tolerance: i64) -> Checked {
    let signed: i64 = timestamp.parse().map_err(|_| Rejection::Garbled)?;
    if now.abs_diff(signed) <= tolerance.unsigned_abs() { Ok(()) } else { Err(Rejection::Stale) }
}

pub fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
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

#[cfg(test)]
mod tests;
