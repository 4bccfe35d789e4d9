//! Who asks: the app with a token that it has signed, one of its installations, or a person.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rustls::pki_types::{SignatureVerificationAlgorithm, alg_id};
use serde_json::Value;

use super::{APP_ID, Facts, refusal};

/// The versions that there are.
const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];
/// How long a token of an app may be valid, in seconds.
const LIFETIME_S: i64 = 600;

type Refused<T> = Result<T, Box<Response>>;

/// GitHub wants to know which program asks, and a careful program says which version it speaks.
pub async fn check_headers(request: Request, next: Next) -> Response {
    match wrong_headers(request.headers()) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

fn wrong_headers(headers: &HeaderMap) -> Option<Response> {
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if text("user-agent").is_empty() {
        let said = "Request forbidden by administrative rules.";
        return Some(refusal(StatusCode::FORBIDDEN, said));
    }
    if !VERSIONS.contains(&text("x-github-api-version")) {
        let said = "X-GitHub-Api-Version is not a supported version";
        return Some(refusal(StatusCode::BAD_REQUEST, said));
    }
    if text("accept") != "application/vnd.github+json" {
        return Some(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Must accept 'application/json'"));
    }
    None
}

/// The app, or a refusal.
pub fn app(headers: &HeaderMap) -> Refused<()> {
    let token = bearer(headers).ok_or_else(bad_credentials)?;
    let undecodable = || unauthorized("A JSON web token could not be decoded");
    let (signed, signature) = token.rsplit_once('.').ok_or_else(undecodable)?;
    let (head, claims) = signed.split_once('.').ok_or_else(undecodable)?;
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| undecodable());
    let head: Value = serde_json::from_slice(&decode(head)?).map_err(|_| undecodable())?;
    let claims: Value = serde_json::from_slice(&decode(claims)?).map_err(|_| undecodable())?;
    let is_right =
        rs256().verify_signature(&PUBLIC_KEY, signed.as_bytes(), &decode(signature)?).is_ok();
    if head["alg"] != "RS256" || !is_right {
        return Err(undecodable());
    }
    check_claims(&claims)
}

fn check_claims(claims: &Value) -> Refused<()> {
    let (now, iat, exp) = (now_s(), claims["iat"].as_i64(), claims["exp"].as_i64());
    if claims["iss"] != APP_ID {
        return Err(unauthorized("'Issuer' claim ('iss') must be the App's ID"));
    }
    if iat.is_none_or(|iat| iat > now) {
        return Err(unauthorized(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ));
    }
    match exp {
        Some(exp) if exp <= now => Err(unauthorized(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        )),
        Some(exp) if exp <= now + LIFETIME_S => Ok(()),
        _ => Err(unauthorized("'Expiration time' claim ('exp') is too far in the future")),
    }
}

/// The account of the installation that asks, or a refusal.
pub fn installation(headers: &HeaderMap, kept: &Facts) -> Refused<String> {
    let token = bearer(headers).ok_or_else(bad_credentials)?;
    let installation = kept.tokens.get(&token).ok_or_else(bad_credentials)?;
    let account = kept.installations.get(installation).ok_or_else(bad_credentials)?;
    Ok(account.1.clone())
}

/// The person who asks, or a refusal.
pub fn person(headers: &HeaderMap, kept: &Facts) -> Refused<String> {
    let token = bearer(headers).ok_or_else(bad_credentials)?;
    kept.user_tokens.get(&token).cloned().ok_or_else(bad_credentials)
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let token = value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("token "))?;
    Some(token.to_owned())
}

fn bad_credentials() -> Box<Response> {
    unauthorized("Bad credentials")
}

fn unauthorized(message: &str) -> Box<Response> {
    Box::new(refusal(StatusCode::UNAUTHORIZED, message))
}

#[expect(clippy::disallowed_methods, reason = "a platform has a clock of its own")]
fn now_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs()).expect("before the end of time")
}

/// The app's public key: what stands between the lines of a PEM.
static PUBLIC_KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let lines = moothall_sdk::testing::keys::PUBLIC_KEY.lines();
    let text: String = lines.filter(|line| !line.starts_with("-----")).collect();
    BASE64_STANDARD.decode(text).expect("a PEM")
});

/// Not the code that the plugin signs with.
fn rs256() -> &'static dyn SignatureVerificationAlgorithm {
    let known = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let mut all = known.all.iter();
    *all.find(|one| one.signature_alg_id() == alg_id::RSA_PKCS1_SHA256).expect("ring knows it")
}
