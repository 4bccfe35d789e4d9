//! Failures as `application/problem+json` (RFC 9457). Only this module chooses their statuses.
//!
//! `detail` is for people, `code` for programs. A problem never holds SQL, paths, backtraces or secrets: the log has
//! what the operator needs, under the request's id.

mod access;
mod body;
mod capacity;
pub mod code;
mod failures;
mod hooks;
mod identity;
mod named;
mod oauth;
mod page;
mod request;

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::json_text::text_of;
use moothall_core::ids::{CallId, RequestId};
use moothall_engine::plugins::Violation;

pub use body::ProblemBody;
use code::Code;

/// When a client may try again after a refusal for lack of capacity, in seconds.
pub const RETRY_SECONDS: u32 = 1;
/// The challenge if the key is not valid.
const WRONG_KEY: &str = "Bearer error=\"invalid_token\"";

/// A failure. The request middleware writes its body, because only it knows the request's id.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    /// When to try again, in seconds.
    retry: Option<u32>,
    /// The plugin's own kind.
    refused: bool,
    code: Code,
    detail: Box<str>,
    more: Option<Box<More>>,
}

/// Members that few problems have.
#[derive(Clone, Debug, Default)]
struct More {
    errors: Vec<Violation>,
    /// JSON.
    details: Option<String>,
    cause: Option<String>,
    /// The failed call that caused it, as `/api/internal/calls` lists it.
    call: Option<CallId>,
    /// The methods of the path.
    allow: Option<String>,
    /// The request had an API key that is not valid (RFC 6750, 3.1).
    is_wrong_key: bool,
    /// The plugin's own kind, after `plugin:`.
    own_kind: Option<Box<str>>,
    /// A person reads it in a browser.
    is_page: bool,
}

impl Problem {
    fn new(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self { status, retry: None, refused: false, code, detail: detail.into(), more: None }
    }

    fn later(mut self) -> Self {
        self.retry = Some(RETRY_SECONDS);
        self
    }

    fn with_errors(mut self, errors: Vec<Violation>) -> Self {
        self.more.get_or_insert_default().errors = errors;
        self
    }

    fn of_call(mut self, call: Option<CallId>) -> Self {
        if call.is_some() {
            self.more.get_or_insert_default().call = call;
        }
        self
    }

    /// The answer says only that the host failed; the log has the cause.
    pub fn internal(cause: impl Into<String>) -> Self {
        let detail = "The host failed; its log has the reason under this request's id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, detail).because(cause)
    }

    fn because(mut self, cause: impl Into<String>) -> Self {
        self.more.get_or_insert_default().cause = Some(cause.into());
        self
    }

    /// For the log, if it is the host's fault.
    pub fn cause(&self) -> Option<&str> {
        self.more.as_ref()?.cause.as_deref()
    }

    /// The stable code for programs.
    pub fn code(&self) -> &str {
        let own = self.more.as_ref().and_then(|more| more.own_kind.as_deref());
        own.unwrap_or(self.code.as_str())
    }

    /// The status, if a plugin refused the request because of the caller.
    pub fn refusal(&self) -> Option<StatusCode> {
        (self.refused && self.status.is_client_error()).then_some(self.status)
    }

    /// The body, with the request's id.
    pub fn body(&self, request: &RequestId) -> String {
        let more = self.more.as_ref();
        let details = more.and_then(|more| more.details.as_deref());
        text_of(&ProblemBody {
            r#type: format!("urn:moothall:problem:{}", self.code()),
            title: self.status.canonical_reason().unwrap_or("Failure"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code(),
            request_id: request.as_str(),
            errors: more.map(|more| more.errors.as_slice()).unwrap_or_default(),
            // They were checked on receipt.
            details: details.and_then(|details| serde_json::from_str(details).ok()),
            call_id: more.and_then(|more| more.call.as_ref()).map(CallId::as_str),
        })
    }

    /// The body and its headers.
    pub fn respond(&self, request: &RequestId) -> Response {
        let mut response = if self.more.as_ref().is_some_and(|more| more.is_page) {
            self.page(request)
        } else {
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
            (self.status, [kind], self.body(request)).into_response()
        };
        let mut set =
            |name: HeaderName, value: HeaderValue| drop(response.headers_mut().insert(name, value));
        if let Some(seconds) = self.retry {
            set(header::RETRY_AFTER, seconds.into());
        }
        let allow = self.more.as_ref().and_then(|more| more.allow.as_deref());
        if let Some(allow) = allow.and_then(|allow| HeaderValue::from_str(allow).ok()) {
            set(header::ALLOW, allow);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let is_wrong_key = self.more.as_ref().is_some_and(|more| more.is_wrong_key);
            let challenge = if is_wrong_key { WRONG_KEY } else { "Bearer" };
            set(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
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

/// Begins with a capital letter, like the other details.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
