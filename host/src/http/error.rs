//! Failures as `application/problem+json` (RFC 9457): the only place where their status is chosen.
//!
//! `detail` is for a person, `code` for a program. No SQL, path, backtrace or secret gets in here:
//! what the operator needs is in the log, under the request's id.

mod identity;
mod oauth;

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::calls::CallError;
use crate::guest::{Fault, GuestError};
use crate::hooks::Exception;
use crate::ids::RequestId;
use crate::mutations::MutationError;
use crate::plugins::Violation;
use crate::store::StoreError;
use crate::web;
use crate::webhooks::WebhookError;
use crate::webhooks::verify::Rejection;

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

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let detail = error.to_string();
        match error {
            CallError::UnknownCommunity(_) => {
                Self::new(StatusCode::BAD_REQUEST, "unknown_community", detail)
            }
            CallError::UnknownPlugin(_) => {
                Self::new(StatusCode::NOT_FOUND, "unknown_plugin", detail)
            }
            CallError::UnknownAction { .. } => {
                Self::new(StatusCode::NOT_FOUND, "unknown_action", detail)
            }
            CallError::UnknownProcess { .. } => {
                Self::new(StatusCode::NOT_FOUND, "unknown_process", detail)
            }
            CallError::NotEnabled { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "plugin_not_enabled", detail)
            }
            CallError::Ambiguous { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "ambiguous_instance", detail)
            }
            CallError::NoSuchPlatform { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "unknown_instance", detail)
            }
            CallError::InvalidParameters(violations) => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_parameters", detail)
                    .with_errors(violations)
            }
            CallError::TooManyProcesses(_) => {
                Self::new(StatusCode::CONFLICT, "too_many_processes", detail)
            }
            CallError::AlreadyCompleted => {
                Self::new(StatusCode::BAD_REQUEST, "already_completed", detail)
            }
            CallError::NoClose { .. } => Self::new(StatusCode::NOT_IMPLEMENTED, "no_close", detail),
            CallError::Refused(refusal) => refusal.into(),
            CallError::PluginUnavailable(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "plugin_unavailable", detail).later()
            }
            CallError::ConfigInvalid { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "config_invalid", detail)
            }
            CallError::UpgradeFailed { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "upgrade_failed", detail)
            }
            CallError::Fault(fault) => fault.into(),
        }
    }
}

impl From<GuestError> for Problem {
    fn from(error: GuestError) -> Self {
        let status = match error.kind.as_str() {
            "invalid" => StatusCode::BAD_REQUEST,
            "unauthorized" => StatusCode::UNAUTHORIZED,
            "forbidden" => StatusCode::FORBIDDEN,
            "not-found" => StatusCode::NOT_FOUND,
            "conflict" => StatusCode::CONFLICT,
            "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            // `internal`, `other`, and the kinds of the plugin's own.
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let code = error.kind.replace('-', "_");
        let mut problem = Self::new(status, &code, error.message);
        problem.refused = true;
        let details = error.details.and_then(|details| serde_json::from_str(&details).ok());
        if details.is_some() {
            problem.more.get_or_insert_default().details = details;
        }
        problem.retry = error.retryable && status == StatusCode::SERVICE_UNAVAILABLE;
        problem
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let code = fault.code();
        let said = |fault: &Fault| sentence(&fault.to_string());
        match &fault {
            Fault::Trap(_) | Fault::Limit(_) | Fault::BadOutput(_) => {
                Self::new(StatusCode::BAD_GATEWAY, code, said(&fault))
            }
            Fault::Timeout(_) => Self::new(StatusCode::GATEWAY_TIMEOUT, code, said(&fault)),
            Fault::InstanceBusy | Fault::Overloaded(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, said(&fault)).later()
            }
            Fault::InstanceReplaced | Fault::Taken(_) => {
                Self::new(StatusCode::CONFLICT, code, said(&fault))
            }
            Fault::Store(_) => {
                let detail = "Nothing can be stored now; nothing of this request was";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
                    .later()
                    .because(fault.to_string())
            }
            Fault::Host(cause) => Self::internal(cause.clone()),
        }
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let detail = error.to_string();
        match error {
            WebhookError::NotFound => Self::not_found(detail),
            WebhookError::Rejected(Rejection::BadSecret) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "webhook_secret_unusable", detail)
            }
            WebhookError::Rejected(_) => {
                Self::new(StatusCode::UNAUTHORIZED, "bad_signature", detail)
            }
            WebhookError::NoSecret(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "webhook_secret_missing", detail)
            }
            WebhookError::Call(error) => error.into(),
        }
    }
}

impl From<MutationError> for Problem {
    fn from(error: MutationError) -> Self {
        let detail = error.to_string();
        match error {
            MutationError::NotFound(_) => {
                Self::new(StatusCode::NOT_FOUND, "unknown_community", detail)
            }
            MutationError::Taken(_) => Self::new(StatusCode::CONFLICT, "community_exists", detail),
            MutationError::InvalidConfig { violations, .. } => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_config", detail).with_errors(violations)
            }
            MutationError::Twice(_) => {
                Self::new(StatusCode::BAD_REQUEST, "duplicate_instance", detail)
            }
            MutationError::TooMuch(_) => {
                Self::new(StatusCode::BAD_REQUEST, "too_many_rows", detail)
            }
            MutationError::TooMany(_) => {
                Self::new(StatusCode::BAD_REQUEST, "too_many_plugins", detail)
            }
            MutationError::OtherScope(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "other_scope", detail)
            }
            MutationError::NoSuchInstance { .. } => {
                Self::new(StatusCode::NOT_FOUND, "unknown_instance", detail)
            }
            MutationError::Call(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}

/// Begins with a capital, as the other details do.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
