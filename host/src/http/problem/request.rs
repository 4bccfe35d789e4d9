//! Failures of a request itself: its query, headers, body or method.

use axum::http::StatusCode;

use super::code::Code;
use super::{Problem, sentence};
use moothall_engine::plugins::Violation;
use moothall_values::json::Refusal;

impl Problem {
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::BadRequest, detail)
    }

    /// With the pointer of each field.
    pub fn bad_fields(detail: impl Into<String>, fields: Vec<Violation>) -> Self {
        Self::bad_request(detail).with_errors(fields)
    }

    /// A query, or a parameter, that the host does not know.
    pub fn bad_query(detail: impl Into<String>) -> Self {
        Self::bad_request(format!("The query is not valid: {}", detail.into()))
    }

    /// A query that cannot be read: its declared parameters were checked before.
    pub fn unread_query() -> Self {
        Self::bad_query("it is not `name=value` pairs in UTF-8, percent-encoded")
    }

    /// For one of the host's own bodies.
    pub fn bad_body(faults: Vec<Violation>) -> Self {
        Self::invalid(Code::BadRequest, "The request's body is not valid", "", faults)
    }

    /// The value was wrapped in an object instead of sent as it is.
    pub fn wrapped(code: Code, what: &str, member: &str) -> Self {
        let message =
            format!("{what} are the body itself: send {{…}}, not {{\"{member}\": {{…}}}}");
        let violation = Violation { path: format!("/{member}"), message: message.clone() };
        Self::new(StatusCode::BAD_REQUEST, code, sentence(&message)).with_errors(vec![violation])
    }

    /// Violations of a schema. The detail has the first one with its place, because clients show the detail.
    /// `within` is what the pointers are relative to.
    pub fn invalid(code: Code, what: &str, within: &str, faults: Vec<Violation>) -> Self {
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
        Self::new(StatusCode::BAD_REQUEST, Code::MalformedJson, detail)
    }

    /// A text that the host could not return unchanged, with its place.
    pub fn not_carried(what: &str, refusal: Refusal) -> Self {
        let detail = sentence(&refusal.of(what));
        let Refusal { path, message } = refusal;
        Self::malformed_json(detail).with_errors(vec![Violation { path, message }])
    }

    pub fn missing_header(name: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            Code::MissingHeader,
            format!("Missing required header '{name}'"),
        )
    }

    /// A header with one value was sent twice; `values`: its values, if the answer may quote them.
    pub fn twice(name: &str, values: &[String]) -> Self {
        let said = match values {
            [] => String::new(),
            values => format!(", as {}", values.join(" and ")),
        };
        Self::bad_request(format!("The header `{name}` is given twice{said}; send one of them"))
    }

    /// A compressed body for the host itself.
    pub fn coded(coding: &str) -> Self {
        let detail = format!(
            "The request's body has `Content-Encoding: {coding}`; this route reads a body as it is: send it plain, \
             without that header"
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::UnknownEncoding, detail)
    }

    /// A body that its route would not read.
    pub fn no_body() -> Self {
        Self::bad_request(
            "This route has no body, and what stands in this one would have no effect. Nothing was done; send none, or {}",
        )
    }

    pub fn too_large(limit: usize) -> Self {
        let detail = format!("The request's body has more than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::BodyTooLarge, detail)
    }

    /// Whether it refuses a body that is too large.
    pub fn is_too_large(&self) -> bool {
        self.status == StatusCode::PAYLOAD_TOO_LARGE
    }

    pub fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            Code::BodyTooSlow,
            "The request's body did not arrive in time",
        )
    }

    pub fn prefetched() -> Self {
        let detail = "Nothing is fetched ahead here: a visit uses up what this URL is good for";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Prefetch, detail)
    }

    pub fn wrong_method(allowed: &str) -> Self {
        Self::no_method(format!("This route has no such method; it has {allowed}"), allowed)
    }

    pub fn no_method(detail: String, allowed: &str) -> Self {
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed, detail);
        problem.more.get_or_insert_default().allow = Some(allowed.to_owned());
        problem
    }

    pub fn key_reused() -> Self {
        let detail = "This Idempotency-Key was used for another request; choose a new one";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, Code::IdempotencyKeyReused, detail)
    }

    pub fn still_running() -> Self {
        let detail = "A request with this Idempotency-Key is still running";
        Self::new(StatusCode::CONFLICT, Code::StillRunning, detail).later()
    }
}
