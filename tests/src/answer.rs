//! An HTTP answer, read to its end, with the questions that tests ask of it.

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
    /// What a host answers is held against its own description; nobody else's answers have the id of a request.
    pub async fn read(response: Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let path = response.url().path().to_owned();
        let answer = Self { status, headers, text: response.text().await? };
        if answer.headers.contains_key("x-request-id") {
            contract::hold(&path, &answer);
        }
        Ok(answer)
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

    /// What a page says that a person sees in place of such a failure; nothing of it is kept or fetched.
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
