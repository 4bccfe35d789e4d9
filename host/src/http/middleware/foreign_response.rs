//! Sends responses that a plugin or a hook's step wrote, without the headers that only the host may set.

use std::fmt;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use moothall_core::web;
use moothall_guest::cut;

/// Headers that only the host may set, or that would affect the host's own origin.
const NOT_PASSED_ON: [&str; 11] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// The most headers of one response that a line of the log names as left out, and the most bytes of each name.
const TOLD_HEADERS: usize = 10;
const TOLD_NAME_BYTES: usize = 100;

/// What a browser lets a plugin's page do.
const SANDBOX: HeaderValue =
    HeaderValue::from_static("sandbox allow-forms allow-scripts allow-popups");

/// Headers that are not sent, and why.
pub struct LeftOut(Vec<(String, &'static str)>);

/// A response that the host did not write, and which of its headers are not sent.
pub fn rendered(given: web::Response) -> (Response, LeftOut) {
    let status = StatusCode::from_u16(given.status).unwrap_or(StatusCode::OK);
    let mut response = (status, given.body).into_response();
    response.headers_mut().clear();
    let mut left_out = Vec::new();
    for (name, value) in given.headers {
        match passed_on(&name, &value) {
            Ok((name, value)) => drop(response.headers_mut().append(name, value)),
            Err(why) => left_out.push((name, why)),
        }
    }
    // A plugin's page has an opaque origin: it cannot send requests to the host in its reader's name.
    response.headers_mut().append(header::CONTENT_SECURITY_POLICY, SANDBOX);
    (response, LeftOut(left_out))
}

/// A header of a plugin's as it is sent, or why it is not.
fn passed_on(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let Ok(name) = name.parse::<HeaderName>() else { return Err("its name is not one of HTTP") };
    if NOT_PASSED_ON.contains(&name.as_str()) {
        return Err("the host sets it itself");
    }
    match value.parse::<HeaderValue>() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err("its value has a line break or another control character"),
    }
}

impl LeftOut {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (name, why)) in self.0.iter().take(TOLD_HEADERS).enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{:?} ({why})", cut(name.clone(), TOLD_NAME_BYTES))?;
        }
        match self.0.len().saturating_sub(TOLD_HEADERS) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
