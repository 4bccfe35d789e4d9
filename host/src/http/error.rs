//! Failures as `application/problem+json` (RFC 9457): the only place where their status is chosen.
//!
//! `detail` is for a person, `code` for a program. No SQL, path, backtrace or secret gets in here:
//! what the operator needs is in the log, under the request's id.

mod body;
mod failures;
mod identity;
mod oauth;
mod page;

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::{table, text_of};
use crate::hooks::Exception;
use crate::ids::{CallId, RequestId};
use crate::json::Refusal;
use crate::plugins::Violation;
use crate::web;

pub use body::ProblemBody;

/// When a refusal for want of room may be tried again, in seconds.
const RETRY_SECONDS: u32 = 1;
/// What is asked for where the key that came is none.
const WRONG_KEY: &str = "Bearer error=\"invalid_token\"";

/// A failure on its way out. The door writes its body, because only it knows the request's id.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    /// When to try again, in seconds.
    retry: Option<u32>,
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
    /// JSON.
    details: Option<String>,
    cause: Option<String>,
    /// The failed call that it came of, as `/api/internal/calls` lists it.
    call: Option<CallId>,
    /// The methods that there are.
    allow: Option<String>,
    /// There was an API key, and it is none (RFC 6750, 3.1).
    is_wrong_key: bool,
    /// Answered as it is.
    instead: Option<web::Response>,
    /// A person reads it, in a browser.
    is_page: bool,
}

impl Problem {
    fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self {
            status,
            retry: None,
            refused: false,
            code: code.into(),
            detail: detail.into(),
            more: None,
        }
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

    // --- what the HTTP layer itself finds wrong

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// With the place of each field.
    pub fn bad_fields(detail: impl Into<String>, fields: Vec<Violation>) -> Self {
        Self::bad_request(detail).with_errors(fields)
    }

    /// Of a query, or a part of it, that the host does not know.
    pub fn bad_query(detail: impl Into<String>) -> Self {
        Self::bad_request(format!("The query is not valid: {}", detail.into()))
    }

    /// Of one that cannot be read at all: what is declared of it was checked before.
    pub fn unread_query() -> Self {
        Self::bad_query("it is not `name=value` pairs in UTF-8, percent-encoded")
    }

    /// Of a body of the host's own.
    pub fn bad_body(faults: Vec<Violation>) -> Self {
        Self::invalid("bad_request", "The request's body is not valid", "", faults)
    }

    /// What is sent as it is was wrapped in an object.
    pub fn wrapped(code: &str, what: &str, member: &str) -> Self {
        let message =
            format!("{what} are the body itself: send {{…}}, not {{\"{member}\": {{…}}}}");
        let violation = Violation { path: format!("/{member}"), message: message.clone() };
        Self::new(StatusCode::BAD_REQUEST, code, sentence(&message)).with_errors(vec![violation])
    }

    /// What a schema refuses: the first reason stands in the detail, with its place, because that is what clients
    /// show. `within` is what the pointers lead into.
    pub fn invalid(code: &str, what: &str, within: &str, faults: Vec<Violation>) -> Self {
        let detail = match faults.split_first() {
            None => what.to_owned(),
            Some((first, others)) => {
                let place = format!("{within}{}", first.path);
                let at = if place.is_empty() { String::new() } else { format!(" at {place}") };
                let more = match others.len() {
                    0 => String::new(),
                    more => format!(" (and {more} more, in `errors`)"),
                };
                format!("{what}{at}: {}{more}", first.message)
            }
        };
        Self::new(StatusCode::BAD_REQUEST, code, detail).with_errors(faults)
    }

    pub fn malformed_json(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
    }

    /// A text that the host could not give back as it is, with the place.
    pub fn not_carried(what: &str, refusal: Refusal) -> Self {
        let detail = sentence(&refusal.of(what));
        let Refusal { path, message } = refusal;
        Self::malformed_json(detail).with_errors(vec![Violation { path, message }])
    }

    pub fn missing_header(name: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "missing_header",
            format!("Missing required header '{name}'"),
        )
    }

    /// A header that says one thing is given twice; `values`: what it says, if that may be repeated.
    pub fn twice(name: &str, values: &[String]) -> Self {
        let said = match values {
            [] => String::new(),
            values => format!(", as {}", values.join(" and ")),
        };
        Self::bad_request(format!("The header `{name}` is given twice{said}; send one of them"))
    }

    /// A compressed body where it is the host's own to read.
    pub fn coded(coding: &str) -> Self {
        let detail = format!(
            "The request's body has `Content-Encoding: {coding}`; this route reads a body as it is: send it plain, \
             without that header"
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unknown_encoding", detail)
    }

    /// A body that its route would not look at.
    pub fn no_body() -> Self {
        Self::bad_request(
            "This route has no body, and what stands in this one would have no effect. Nothing was done; send none, or {}",
        )
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Named in a header, a query or a body.
    pub fn unknown_community(slug: &str) -> Self {
        let detail = format!("Community '{slug}' not found");
        Self::new(StatusCode::BAD_REQUEST, "unknown_community", detail)
    }

    /// The community that the path itself names is not there.
    pub fn no_community(slug: &str) -> Self {
        let detail = format!("Community '{slug}' not found");
        Self::new(StatusCode::NOT_FOUND, "unknown_community", detail)
    }

    /// Named in a query or a body; `meant`: `; did you mean …?`, or nothing.
    pub fn unknown_plugin(name: &str, meant: &str) -> Self {
        let detail = format!("No such plugin registered: {name}{meant}");
        Self::new(StatusCode::BAD_REQUEST, "unknown_plugin", detail)
    }

    /// The instance that the path itself names is not there.
    pub fn no_instance(plugin: &str, id: &str) -> Self {
        let detail = format!("There is no instance {id} of plugin '{plugin}'");
        Self::new(StatusCode::NOT_FOUND, "unknown_instance", detail)
    }

    /// Named in a query.
    pub fn unknown_endpoint(id: &str) -> Self {
        let detail = format!("There is no endpoint '{id}'");
        Self::new(StatusCode::BAD_REQUEST, "unknown_endpoint", detail)
    }

    /// Named in a body.
    pub fn unknown_dead_letter(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unknown_dead_letter", detail)
    }

    pub fn too_large(limit: usize) -> Self {
        let detail = format!("The request's body has more than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    /// That it is of a body with too many bytes.
    pub fn is_too_large(&self) -> bool {
        self.status == StatusCode::PAYLOAD_TOO_LARGE
    }

    pub fn prefetched() -> Self {
        let detail = "Nothing is fetched ahead here: a visit uses up what this URL is good for";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "prefetch", detail)
    }

    pub fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// What a PUT is applied to did not stay as it was read.
    pub fn changed_meanwhile(what: &str) -> Self {
        let detail = format!("The {what} was changed by others again and again; put it again");
        Self::conflict("changed_meanwhile", detail)
    }

    pub fn gone(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "gone", detail)
    }

    pub fn no_room(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).later()
    }

    /// The caller has had stored what it may have in a day.
    pub fn day_used_up(limit: u64, seconds: i64) -> Self {
        let detail = format!(
            "This API key has had {limit} bytes stored today ([limits] driver_bytes_per_day): published events and \
             answers that are remembered for an Idempotency-Key. There is room again in {seconds} seconds; what needs \
             nothing stored for it is answered as ever without the header"
        );
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "day_used_up", detail);
        problem.retry = u32::try_from(seconds).ok();
        problem
    }

    pub fn unusable(detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unusable_setting", sentence(&detail))
    }

    pub fn invalid_data(violations: Vec<Violation>) -> Self {
        Self::invalid("invalid_parameters", "The hook's data is not valid", "data", violations)
    }

    /// A step of a hook failed that may not, or halts with what cannot be answered.
    pub fn hook_failed(detail: impl Into<String>, call: Option<CallId>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "hook_failed", detail).of_call(call)
    }

    /// A step of a hook prevents what was asked for.
    pub fn prevented(status: StatusCode, detail: String, exception: &Exception) -> Self {
        let mut problem = Self::new(status, "prevented", detail);
        problem.more.get_or_insert_default().details = Some(exception.shown().to_string());
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
        Self::no_method(format!("This route has no such method; it has {allowed}"), allowed)
    }

    fn no_method(detail: String, allowed: &str) -> Self {
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        problem.more.get_or_insert_default().allow = Some(allowed.to_owned());
        problem
    }

    fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub fn no_key() -> Self {
        Self::unauthorized("This route needs an API key: send `Authorization: Bearer <key>`")
    }

    /// Other credentials, or a key without the scheme before it.
    pub fn not_bearer() -> Self {
        Self::unauthorized(
            "This route needs an API key, and the scheme is Bearer: send `Authorization: Bearer <key>`",
        )
    }

    /// Whether it once was one is not said.
    pub fn unknown_key() -> Self {
        let mut problem = Self::unauthorized(
            "This key is not known or was revoked; `moothall key list` shows those that are valid",
        );
        problem.more.get_or_insert_default().is_wrong_key = true;
        problem
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
    pub fn body(&self, request: &RequestId) -> String {
        let more = self.more.as_ref();
        let details = more.and_then(|more| more.details.as_deref());
        text_of(&ProblemBody {
            r#type: format!("urn:moothall:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Failure"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: &self.code,
            request_id: request.as_str(),
            errors: more.map(|more| more.errors.as_slice()).unwrap_or_default(),
            // They were checked where they came in.
            details: details.and_then(|details| serde_json::from_str(details).ok()),
            call_id: more.and_then(|more| more.call.as_ref()).map(CallId::as_str),
        })
    }

    /// The body, and the headers that go with it.
    pub fn respond(&self, request: &RequestId) -> Response {
        if let Some(instead) = self.more.as_ref().and_then(|more| more.instead.clone()) {
            let (response, left_out) = super::webhooks::rendered(instead);
            if !left_out.is_empty() {
                tracing::warn!("headers of a hook's response were left out: {left_out}");
            }
            return response;
        }
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

pub fn no_route(uri: &Uri) -> Problem {
    Problem::not_found(format!("There is no such route{}", meant(uri)))
}

/// `allowed`: the methods that there are.
pub fn no_method(allowed: &str, uri: &Uri) -> Problem {
    let detail = format!("This route has no such method; see `Allow`{}", meant(uri));
    Problem::no_method(detail, allowed)
}

/// `; did you mean …?`, for the usual mistakes.
fn meant(uri: &Uri) -> String {
    let path = table::ALL.path_meant(uri.path());
    path.map(|path| format!("; did you mean {path}?")).unwrap_or_default()
}

/// Begins with a capital, as the other details do.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
