//! HTML pages for people: plain, without content from elsewhere, never cached or framed.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

const CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");

/// A page with that title and HTML content; only this script runs.
pub fn page(
    status: StatusCode,
    title: &str,
    content: &str,
    script: Option<&'static str>,
) -> Response {
    let title = escape(title);
    let code = script.map(|code| format!("<script>{code}</script>")).unwrap_or_default();
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n{content}\n{code}</html>\n"
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy(script)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, body).into_response()
}

/// The policy leaves out `form-action`: browsers would also apply it to the redirect after a form.
fn policy(script: Option<&str>) -> HeaderValue {
    let hash = script.map(|code| BASE64_STANDARD.encode(Sha256::digest(code)));
    let scripts = hash.map(|hash| format!(" script-src 'sha256-{hash}';")).unwrap_or_default();
    let policy = format!("default-src 'none';{scripts} base-uri 'none'; frame-ancestors 'none'");
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Escapes text for an element, or for an attribute's value in quotes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // A parser would turn it into a line feed.
            '\r' => escaped.push_str("&#13;"),
            '\n' => escaped.push_str("&#10;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
