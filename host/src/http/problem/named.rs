//! Failures of what a request names: it does not exist, or conflicts with the request.

use axum::http::StatusCode;

use super::code::Code;
use super::{Problem, sentence};

impl Problem {
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, detail)
    }

    /// Named in a header, a query or a body.
    pub fn unknown_community(slug: &str) -> Self {
        let detail = format!("Community '{slug}' not found");
        Self::new(StatusCode::BAD_REQUEST, Code::UnknownCommunity, detail)
    }

    /// The community in the path does not exist.
    pub fn no_community(slug: &str) -> Self {
        let detail = format!("Community '{slug}' not found");
        Self::new(StatusCode::NOT_FOUND, Code::UnknownCommunity, detail)
    }

    /// Named in a query or a body; `meant`: `; did you mean …?`, or empty.
    pub fn unknown_plugin(name: &str, meant: &str) -> Self {
        let detail = format!("No such plugin registered: {name}{meant}");
        Self::new(StatusCode::BAD_REQUEST, Code::UnknownPlugin, detail)
    }

    /// The instance in the path does not exist.
    pub fn no_instance(plugin: &str, id: &str) -> Self {
        let detail = format!("There is no instance {id} of plugin '{plugin}'");
        Self::new(StatusCode::NOT_FOUND, Code::UnknownInstance, detail)
    }

    /// Named in a query.
    pub fn unknown_endpoint(id: &str) -> Self {
        let detail = format!("There is no endpoint '{id}'");
        Self::new(StatusCode::BAD_REQUEST, Code::UnknownEndpoint, detail)
    }

    /// Named in a body.
    pub fn unknown_dead_letter(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::UnknownDeadLetter, detail)
    }

    pub fn conflict(code: Code, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// The resource of a PUT changed after it was read.
    pub fn changed_meanwhile(what: &str) -> Self {
        let detail = format!("The {what} was changed by others again and again; put it again");
        Self::conflict(Code::ChangedMeanwhile, detail)
    }

    pub fn gone(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, Code::Gone, detail)
    }

    pub fn unusable(detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, Code::UnusableSetting, sentence(&detail))
    }
}
