//! An HTTP answer, read to its end, with the checks that tests make.

use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::contract;

/// What the host answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// Checks the host's answers against its own document; others' answers have no request id.
    pub async fn read(response: Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let path = response.url().path().to_owned();
        let answer = Self { status, headers, text: response.text().await? };
        if answer.headers.contains_key("x-request-id") {
            contract::hold(&path, &answer);
        }
        Ok(answer)
    }

    /// The body as JSON; null if there is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Checks the status; returns the body.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "the answer was {}: {}", self.status, self.text);
        self.json()
    }

    /// Checks that the answer is a failure with this status and code, in the form of all failures;
    /// returns its `detail`.
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

    /// Checks a failure that a person sees as a page, which is not cached and loads nothing;
    /// returns its text.
    #[track_caller]
    pub fn page(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "the answer was {}: {}", self.status, self.text);
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8", "{}", self.text);
        assert_eq!(self.header("cache-control"), "no-store");
        let policy = self.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; base-uri 'none'; "), "{policy}");
        let marks = format!("<small>{code}, request {}</small>", self.header("x-request-id"));
        assert!(self.text.contains(&marks), "{}", self.text);
        let detail = self.text.split_once("<p>").and_then(|(_, rest)| rest.split_once("</p>"));
        detail.map(|(detail, _)| detail.to_owned()).expect("a sentence")
    }

    /// The places that a schema rejected, as JSON Pointers.
    pub fn error_paths(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        assert!(errors.iter().all(|error| error["message"].is_string()), "{}", self.text);
        errors.iter().map(|error| error["path"].as_str().unwrap_or("?").to_owned()).collect()
    }
}
