//! The id of a request: the client's own, or a new one.

use axum::http::{Extensions, HeaderMap, HeaderName};

use moothall_core::clock::Clock;
use moothall_core::ids::RequestId;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that the request middleware gave a request.
pub fn request_id_of(extensions: &Extensions, clock: &Clock) -> RequestId {
    extensions.get().cloned().unwrap_or_else(|| RequestId::new(clock))
}

/// The caller's own id, if it is valid in headers and logs; else a new one.
pub fn request_id(headers: &HeaderMap, clock: &Clock) -> RequestId {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    given.and_then(|id| RequestId::parse(id).ok()).unwrap_or_else(|| RequestId::new(clock))
}
