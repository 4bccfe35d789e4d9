//! A platform's answer. Its status does not matter: call `error_for_status` if a failure should be an error.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings::host::web as wit;
use crate::error::PLATFORM_STATUS;
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

/// How many characters of a failed answer's body the message of its error shows.
const SHOWN_CHARS: usize = 200;
/// How many the details have.
const DETAIL_CHARS: usize = 1_000;

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

    /// The answer if its status is 200 to 299. Otherwise an error: `unavailable` and retryable for 429 and 5xx, which can
    /// succeed later, and `internal` for others. Its message has the status and the beginning of the body; its details
    /// have the status as `platform_status` (see [`Error::platform_status`]) and more of the body, if there is one, as
    /// `platform_body`.
    pub fn error_for_status(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let message = format!("the platform answered {}: {}", self.status, self.begin(SHOWN_CHARS));
        let error = match self.status {
            429 | 500..=599 => Error::unavailable(message),
            _ => Error::internal(message),
        };
        Err(error.with_details(self.details()))
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = Map::new();
        details.insert(PLATFORM_STATUS.to_owned(), self.status.into());
        if !self.body.is_empty() {
            details.insert("platform_body".to_owned(), self.begin(DETAIL_CHARS).into());
        }
        details
    }

    fn begin(&self, chars: usize) -> String {
        self.text().chars().take(chars).collect()
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
    use serde_json::json;

    use super::Response;
    use crate::ErrorKind;

    fn failure(status: u16) -> crate::Error {
        let body = "x".repeat(2_000).into_bytes();
        Response { status, headers: Vec::new(), body }.error_for_status().expect_err("a failure")
    }

    #[test]
    fn a_failure_says_whether_it_is_worth_another_try() {
        for status in [429, 500, 503] {
            assert!(failure(status).is_retryable(), "{status}");
        }
        assert_eq!(failure(404).kind(), &ErrorKind::Internal);
        assert!(!failure(404).is_retryable());
        assert_eq!(
            failure(302).message(),
            format!("the platform answered 302: {}", "x".repeat(200))
        );
    }

    #[test]
    fn a_failure_s_details_have_the_status_and_the_beginning_of_the_body() {
        let details = json!({ "platform_status": 429, "platform_body": "x".repeat(1_000) });
        assert_eq!(failure(429).details(), Some(&details));
        assert_eq!(failure(429).platform_status(), Some(429));
        let silent = Response { status: 502, headers: Vec::new(), body: Vec::new() };
        let silent = silent.error_for_status().expect_err("a failure");
        assert_eq!(silent.details(), Some(&json!({ "platform_status": 502 })));
        assert_eq!(crate::Error::internal("no platform").platform_status(), None);
    }
}
