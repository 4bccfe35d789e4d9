//! A platform's answer. Its status does not matter: call `error_for_status` if a failure should be an error.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use crate::bindings::host::web as wit;
use crate::{Error, Result, headers, read};

/// A platform's answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names are in lower case; headers with the same name follow one another.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    pub body: Vec<u8>,
}

/// How many characters of a failed answer's body its error shows.
const SHOWN_CHARS: usize = 200;

impl Response {
    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        headers::first(&self.headers, name)
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        read::json(&self.body).map_err(|error| {
            Error::internal(format!("the platform's answer does not fit: {error}"))
        })
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The answer if its status is 200 to 299. Otherwise an error with the status and the beginning of the
    /// body: `unavailable` for 429 and 5xx, which can succeed later, and `internal` for others.
    pub fn error_for_status(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let shown: String = self.text().chars().take(SHOWN_CHARS).collect();
        let message = format!("the platform answered {}: {shown}", self.status);
        Err(match self.status {
            429 | 500..=599 => Error::unavailable(message),
            _ => Error::internal(message),
        })
    }
}

impl From<wit::Response> for Response {
    fn from(response: wit::Response) -> Self {
        let wit::Response { status, headers, body } = response;
        Self { status, headers, body }
    }
}

#[cfg(test)]
mod tests {
    use super::Response;
    use crate::ErrorKind;

    fn failure(status: u16) -> crate::Error {
        let body = "x".repeat(1_000).into_bytes();
        Response { status, headers: Vec::new(), body }.error_for_status().expect_err("a failure")
    }

    #[test]
    fn a_failure_says_whether_it_is_worth_another_try() {
        for status in [429, 500, 503] {
            assert!(failure(status).is_retryable(), "{status}");
        }
        assert_eq!(failure(404).kind(), &ErrorKind::Internal);
        assert_eq!(
            failure(302).message(),
            format!("the platform answered 302: {}", "x".repeat(200))
        );
    }
}
