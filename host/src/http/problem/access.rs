//! Failures of access: no key, a wrong key, a request from elsewhere.

use axum::http::StatusCode;

use super::Problem;
use super::code::Code;
use moothall_core::scope::{Scope, Scopes};

impl Problem {
    fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Code::Unauthorized, detail)
    }

    pub fn no_key() -> Self {
        Self::unauthorized("This route needs an API key: send `Authorization: Bearer <key>`")
    }

    /// Other credentials, or a key without its scheme.
    pub fn not_bearer() -> Self {
        Self::unauthorized(
            "This route needs an API key, and the scheme is Bearer: send `Authorization: Bearer <key>`",
        )
    }

    /// The answer does not reveal whether it once was valid.
    pub fn unknown_key() -> Self {
        let mut problem = Self::unauthorized(
            "This key is not known or was revoked, or it has expired; `moothall key list` shows those that are valid",
        );
        problem.more.get_or_insert_default().is_wrong_key = true;
        problem
    }

    /// The key is valid and for something else.
    pub fn lacks_scope(needed: Scope, has: &Scopes) -> Self {
        let detail = format!("This needs a key with the scope `{needed}`; this one has `{has}`");
        Self::new(StatusCode::FORBIDDEN, Code::Scope, detail)
    }

    pub fn foreign(what: &str) -> Self {
        let detail = format!(
            "Without an API key this route answers only to this machine; the request's {what} is another. \
             Create a key with `moothall key create`"
        );
        Self::new(StatusCode::FORBIDDEN, Code::ForeignRequest, detail)
    }

    /// A proxy has added a header: the request may be anybody's.
    pub fn proxied(header: &str) -> Self {
        let detail = format!(
            "Without an API key this route answers only to this machine, and this request came through a proxy: it has \
             the header `{header}`. Create a key with `moothall key create`"
        );
        Self::new(StatusCode::FORBIDDEN, Code::ForeignRequest, detail)
    }
}
