//! Request bodies: bounded in size and time, JSON or nothing.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::Api;
use super::bodies::NoRoom;
use super::error::Problem;

/// The whole body.
pub async fn read(api: &Api, body: Body) -> Result<Bytes, Problem> {
    let limit = api.config.body_bytes;
    if body.size_hint().lower() > limit as u64 {
        return Err(Problem::too_large(limit));
    }
    let collected = Limited::new(body, limit).collect();
    // The timer is for clients that send a head and then nothing; most bodies are there already.
    match tokio::time::timeout(Duration::from_millis(api.config.body_ms), collected).await {
        Err(_) => Err(Problem::too_slow()),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large(limit)),
        Ok(Err(error)) if is_no_room(&*error) => {
            Err(Problem::no_room("The host holds as many large request bodies as it may"))
        }
        Ok(Err(_)) => Err(Problem::bad_request("The request's body did not arrive whole")),
    }
}

/// Whether that is its cause.
fn is_no_room(error: &(dyn Error + 'static)) -> bool {
    error.is::<NoRoom>() || error.source().is_some_and(is_no_room)
}

/// The body as JSON of that shape; nothing at all is the shape's default.
pub async fn json<T: DeserializeOwned + Default>(api: &Api, body: Body) -> Result<T, Problem> {
    parse(&read(api, body).await?)
}

/// The same of a body that was read.
pub fn parse<T: DeserializeOwned + Default>(bytes: &Bytes) -> Result<T, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(T::default());
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let what = if error.is_data() { "is not of the expected shape" } else { "is not JSON" };
        Problem::malformed_json(format!("The request's body {what}: {error}"))
    })
}
