//! A platform's answer. Its status does not matter: call `error_for_status` if a failure should be an error.

use std::borrow::Cow;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings::host::web as wit;
use crate::error::PLATFORM_STATUS;
use crate::{Error, ErrorKind, Result, headers, read};

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
    /// succeed later (GitHub says 403 for 429, with `Retry-After`, with `X-RateLimit-Remaining: 0`, or in words alone), and
    /// `internal` for others. Its message has the status and the beginning of the body; its details have the status as `platform_status` (see [`Error::platform_status`]), more of the body, if there is one, as
    /// `platform_body`, and `retry_after_s` if the platform says how long to wait.
    pub fn error_for_status(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let message = self.refusal();
        let error = match self.status {
            429 | 500..=599 => Error::unavailable(message),
            403 if self.is_limited() => Error::unavailable(message),
            _ => Error::internal(message),
        };
        Err(error.with_details(self.details()))
    }

    /// The same for a request that does what the caller asked for, so that a refusal is the caller's to mend: `invalid` for
    /// 400 and 422, `unauthorized` for 401, `forbidden` for 403, `not-found` for 404 and 410, `conflict` for 409.
    pub fn error_for_caller(self) -> Result<Self> {
        let kind = match self.status {
            400 | 422 => ErrorKind::Invalid,
            401 => ErrorKind::Unauthorized,
            403 if !self.is_limited() => ErrorKind::Forbidden,
            404 | 410 => ErrorKind::NotFound,
            409 => ErrorKind::Conflict,
            _ => return self.error_for_status(),
        };
        let refused = Error::new(kind, self.refusal());
        Err(refused.with_details(self.details()))
    }

    /// How long the platform asks to wait before the next request, if it says so in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds: f64 = self.header("retry-after")?.trim().parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Whether it was refused because too many requests came before it.
    fn is_limited(&self) -> bool {
        self.header("retry-after").is_some()
            || self.header("x-ratelimit-remaining") == Some("0")
            || self.text().contains("secondary rate limit")
    }

    fn refusal(&self) -> String {
        format!("the platform answered {}: {}", self.status, self.begin(SHOWN_CHARS))
    }

    fn details(&self) -> Map<String, Value> {
        let mut details = Map::new();
        details.insert(PLATFORM_STATUS.to_owned(), self.status.into());
        if let Some(wait) = self.retry_after() {
            details.insert("retry_after_s".to_owned(), (wait.as_secs_f64().ceil() as u64).into());
        }
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
    use std::time::Duration;

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
    fn what_the_caller_can_mend_is_the_caller_s() {
        let kind = |status: u16| {
            let answer = Response { status, headers: Vec::new(), body: b"no such user".to_vec() };
            answer.error_for_caller().map_err(|error| error.kind().clone()).err()
        };
        assert_eq!(kind(204), None);
        assert_eq!((kind(422), kind(404)), (Some(ErrorKind::Invalid), Some(ErrorKind::NotFound)));
        assert_eq!(kind(410), Some(ErrorKind::NotFound));
        assert_eq!(
            (kind(500), kind(302)),
            (Some(ErrorKind::Unavailable), Some(ErrorKind::Internal))
        );
    }

    #[test]
    fn github_s_403_for_too_many_requests_is_worth_another_try() {
        let refused = |name: &str, value: &str| {
            let headers = vec![(name.to_owned(), value.to_owned())];
            let answer = Response { status: 403, headers, body: Vec::new() };
            answer.error_for_caller().map_err(|error| error.kind().clone()).err()
        };
        assert_eq!(refused("x-ratelimit-remaining", "0"), Some(ErrorKind::Unavailable));
        assert_eq!(refused("retry-after", "60"), Some(ErrorKind::Unavailable));
        assert_eq!(refused("x-ratelimit-remaining", "9"), Some(ErrorKind::Forbidden));
        let body = br#"{"message":"You have exceeded a secondary rate limit."}"#.to_vec();
        let in_words = Response { status: 403, headers: Vec::new(), body };
        assert!(in_words.error_for_caller().is_err_and(|error| error.is_retryable()));
    }

    #[test]
    fn a_failure_says_how_long_to_wait() {
        let headers = vec![("retry-after".to_owned(), "1.5".to_owned())];
        let answer = Response { status: 429, headers, body: Vec::new() };
        assert_eq!(answer.retry_after(), Some(Duration::from_millis(1_500)));
        let details = json!({ "platform_status": 429, "retry_after_s": 2 });
        assert_eq!(answer.error_for_status().expect_err("a failure").details(), Some(&details));
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
