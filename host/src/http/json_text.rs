//! Writes JSON answers.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An answer as a text, for the stored answers of Idempotency-Keys.
pub fn text_of(answer: &impl Serialize) -> String {
    serde_json::to_string(answer)
        .expect("the members of an answer have names, and its numbers ends")
}

/// A JSON text as an answer.
pub fn json_text(text: String) -> Response {
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    ([json], text).into_response()
}
