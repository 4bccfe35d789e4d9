//! The answer to retrying or skipping dead letters.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::json_text::text_of;
use crate::http::middleware::idempotency::Success;

/// The most dead letters that one request retries or skips.
pub const AT_ONCE: usize = 5_000;

/// How many dead letters were retried or skipped.
#[derive(Serialize, JsonSchema)]
pub struct Settled {
    pub count: usize,
}

/// If a named dead letter is not found, that is a failure.
pub fn settled(id: Option<i64>, count: usize) -> Result<Success, ()> {
    match (id, count) {
        (Some(_), 0) => Err(()),
        _ => Ok((StatusCode::OK, text_of(&Settled { count }))),
    }
}
