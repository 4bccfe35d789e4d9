//! Scripted answers of a platform, and the requests that it got.

use serde::Serialize;

use crate::http::Response;
use crate::{Error, Result, headers};

/// A scripted answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer(Result<Response>);

impl Answer {
    /// 200 with an empty body.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// `status` with an empty body.
    pub fn status(status: u16) -> Self {
        Self(Ok(Response { status, headers: Vec::new(), body: Vec::new() }))
    }

    /// No answer, because the platform cannot be reached.
    pub fn unreachable() -> Self {
        Self(Err(Error::unavailable("the platform cannot be reached, as the test says")))
    }

    /// This failure instead of an answer.
    pub(super) fn failing(error: Error) -> Self {
        Self(Err(error))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(response) = &mut self.0 {
            response.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        self
    }

    /// Sets the body to bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        if let Ok(response) = &mut self.0 {
            response.body = body.into();
        }
        self
    }

    /// Sets the body to `body` as JSON.
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Self {
        let body = serde_json::to_vec(body).expect("a test's body is JSON");
        self.header("content-type", "application/json").body(body)
    }

    pub(super) fn into_result(self) -> Result<Response> {
        self.0
    }
}

/// A request that the plugin sent, as the platform saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// `GET`, `POST`, …
    pub method: String,
    /// The URL with its query.
    pub url: String,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    pub body: Vec<u8>,
}

impl Sent {
    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::first(&self.headers, name)
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
