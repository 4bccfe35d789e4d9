//! Failures as `application/problem+json` (RFC 9457): the only place where their status is chosen.
//!
//! `detail` is for a person, `code` for a program. No SQL, path, backtrace or secret gets in here:
//! what the operator needs is in the log, under the request's id.

mod failures;
mod identity;
mod oauth;

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::hooks::Exception;
use crate::ids::RequestId;
use crate::plugins::Violation;
use crate::web;

/// When a refusal for want of room may be tried again, in seconds.
const RETRY_SECONDS: u32 = 1;

/// A failure on its way out. The door writes its body, because only it knows the request's id.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    retry: bool,
    /// A plugin's own word.
    refused: bool,
    code: Box<str>,
    detail: Box<str>,
    more: Option<Box<More>>,
}

/// What few problems have.
#[derive(Clone, Debug, Default)]
struct More {
    errors: Vec<Violation>,
    details: Option<Value>,
    cause: Option<String>,
    /// The methods that there are.
    allow: Option<String>,
    /// Answered as it is.
    instead: Option<web::Response>,
}

impl Problem {
    fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self {
            status,
            retry: false,
            refused: false,
            code: code.into(),
            detail: detail.into(),
            more: None,
        }
    }

    fn later(mut self) -> Self {
        self.retry = true;
        self
    }

    fn with_errors(mut self, errors: Vec<Violation>) -> Self {
        self.more.get_or_insert_default().errors = errors;
        self
    }

    // --- what the HTTP layer itself finds wrong

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// With the place of each field.
    pub fn bad_fields(detail: impl Into<String>, fields: Vec<Violation>) -> Self {
        Self::bad_request(detail).with_errors(fields)
    }

    pub fn malformed_json(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
    }

    pub fn missing_header(name: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "missing_header",
            format!("Missing required header '{name}'"),
        )
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub fn unknown_community(slug: &str) -> Self {
        let detail = format!("Community '{slug}' not found");
        Self::new(StatusCode::NOT_FOUND, "unknown_community", detail)
    }

    pub fn unknown_plugin(name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_plugin", format!("No such plugin: {name}"))
    }

    pub fn too_large(limit: usize) -> Self {
        let detail = format!("The request's body has more than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    pub fn not_closed() -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "not_closed", "Failed to close process")
    }

    pub fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub fn gone(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "gone", detail)
    }

    pub fn no_room(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).later()
    }

    pub fn unusable(detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unusable_setting", sentence(&detail))
    }

    pub fn invalid_data(violations: Vec<Violation>) -> Self {
        let detail = "The hook's data is not valid";
        Self::new(StatusCode::BAD_REQUEST, "invalid_parameters", detail).with_errors(violations)
    }

    /// A step of a hook failed that may not.
    pub fn hook_failed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "hook_failed", detail)
    }

    /// A step of a hook prevents what was asked for.
    pub fn prevented(status: StatusCode, detail: String, exception: &Exception) -> Self {
        let mut problem = Self::new(status, "prevented", detail);
        problem.more.get_or_insert_default().details = Some(exception.shown());
        problem
    }

    /// What a step of a hook answers in the place of the host.
    pub fn instead(status: StatusCode, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        let mut problem = Self::new(status, "instead", "");
        let response = web::Response { status: status.as_u16(), headers, body };
        problem.more.get_or_insert_default().instead = Some(response);
        problem
    }

    /// The client is told that there is a cause; the log has it.
    pub fn internal(cause: impl Into<String>) -> Self {
        let detail = "The host failed; its log has the reason under this request's id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).because(cause)
    }

    fn because(mut self, cause: impl Into<String>) -> Self {
        self.more.get_or_insert_default().cause = Some(cause.into());
        self
    }

    /// For the log, where the host is at fault.
    pub fn cause(&self) -> Option<&str> {
        self.more.as_ref()?.cause.as_deref()
    }

    pub fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "The request's body did not arrive in time",
        )
    }

    pub fn wrong_method(allowed: &str) -> Self {
        let detail = format!("This route has no such method; it has {allowed}");
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        problem.more.get_or_insert_default().allow = Some(allowed.to_owned());
        problem
    }

    pub fn unauthorized() -> Self {
        let detail = "This route needs an API key: send `Authorization: Bearer <key>`";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub fn foreign(what: &str) -> Self {
        let detail = format!(
            "Without an API key this route answers only to this machine; the request's {what} is another. \
             Create a key with `moothall key create`"
        );
        Self::new(StatusCode::FORBIDDEN, "foreign_request", detail)
    }

    /// A proxy has added a header: the request may be anybody's.
    pub fn proxied(header: &str) -> Self {
        let detail = format!(
            "Without an API key this route answers only to this machine, and this request came through a proxy: it has \
             the header `{header}`. Create a key with `moothall key create`"
        );
        Self::new(StatusCode::FORBIDDEN, "foreign_request", detail)
    }

    pub fn not_ready(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail).later()
    }

    pub fn still_running() -> Self {
        let detail = "A request with this Idempotency-Key is still running";
        Self::new(StatusCode::CONFLICT, "still_running", detail).later()
    }

    pub fn key_reused() -> Self {
        let detail = "This Idempotency-Key was used for another request; choose a new one";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
    }

    /// The stable code that programs see.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The status, if it is a plugin's own refusal for the caller's doing.
    pub fn refusal(&self) -> Option<StatusCode> {
        (self.refused && self.status.is_client_error()).then_some(self.status)
    }

    /// The body, with the request's id.
    pub fn body(&self, request: &RequestId) -> Value {
        let mut body = json!({
            "type": format!("urn:moothall:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Failure"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
            "request_id": request,
        });
        if let Some(more) = &self.more {
            if !more.errors.is_empty() {
                body["errors"] = json!(more.errors);
            }
            if let Some(details) = &more.details {
                body["details"] = details.clone();
            }
        }
        body
    }

    /// The body, and the headers that go with it.
    pub fn respond(&self, request: &RequestId) -> Response {
        if let Some(instead) = self.more.as_ref().and_then(|more| more.instead.clone()) {
            return super::webhooks::answer(Some(instead));
        }
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let mut response = (self.status, [kind], self.body(request).to_string()).into_response();
        let mut set =
            |name: HeaderName, value: HeaderValue| drop(response.headers_mut().insert(name, value));
        if self.retry {
            set(header::RETRY_AFTER, RETRY_SECONDS.into());
        }
        let allow = self.more.as_ref().and_then(|more| more.allow.as_deref());
        if let Some(allow) = allow.and_then(|allow| HeaderValue::from_str(allow).ok()) {
            set(header::ALLOW, allow);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            set(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

pub async fn no_route() -> Problem {
    Problem::not_found("There is no such route")
}

pub async fn no_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This route has no such method; see `Allow`",
    )
}

/// Begins with a capital, as the other details do.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
