//! An HTTP answer, read to its end, with the questions that tests ask of it.

use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// What the host answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn read(response: Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, text: response.text().await? })
    }

    /// The body as JSON; null where there is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body, of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "the answer was {}: {}", self.status, self.text);
        self.json()
    }

    /// The `detail` of a failure that must have this status and code, and the form of all failures.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> String {
        let body = self.expect(status);
        assert_eq!(body["code"], code, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["status"], status);
        assert_eq!(body["request_id"], self.header("x-request-id"), "{}", self.text);
        assert!(body["type"].is_string() && body["title"].is_string(), "{}", self.text);
        let detail = body["detail"].as_str().unwrap_or_default();
        assert!(!detail.is_empty(), "a failure without detail: {}", self.text);
        detail.to_owned()
    }

    /// The places that a schema rejected, as JSON Pointers.
    pub fn error_paths(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        assert!(errors.iter().all(|error| error["message"].is_string()), "{}", self.text);
        errors.iter().map(|error| error["path"].as_str().unwrap_or("?").to_owned()).collect()
    }
}
