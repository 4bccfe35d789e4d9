//! Reads request bodies, limited in size and time, and parses JSON.

use std::collections::BTreeMap;
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use futures_util::FutureExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::http::api::Api;
use crate::http::middleware::body_budget::NoRoom;
use crate::http::middleware::body_schema::{RequestBody, checked};
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use moothall_core::pieces::{Broken, gather};
use moothall_engine::plugins::Violation;
use moothall_values::json;

/// The longest body that still counts as empty (`{}` with space around it), in bytes.
const NOTHING_BYTES: usize = 64;

/// The whole body.
pub async fn read(api: &Api, body: Body) -> Result<Bytes, Problem> {
    read_at_most(api, body, api.config.body_bytes).await
}

/// The whole body, with at most this many bytes.
pub async fn read_at_most(api: &Api, body: Body, limit: usize) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Problem::too_large(limit));
    }
    let mut gathered = pin!(gather(body, limit));
    // Most bodies have arrived already. The timer is for clients that send a head and then nothing.
    let gathered = match gathered.as_mut().now_or_never() {
        Some(gathered) => gathered,
        None => {
            let patience = Duration::from_millis(api.config.body_ms);
            let in_time = tokio::time::timeout(patience, gathered).await;
            in_time.map_err(|_| Problem::too_slow())?
        }
    };
    gathered.map_err(|broken| match broken {
        Broken::TooLarge => Problem::too_large(limit),
        Broken::Ended(error) if is_no_room(&error) => {
            Problem::no_room("The host holds as many large request bodies as it may")
        }
        Broken::Ended(_) => Problem::bad_request("The request's body did not arrive whole"),
    })
}

/// Whether that caused the error.
fn is_no_room(error: &(dyn Error + 'static)) -> bool {
    error.is::<NoRoom>() || error.source().is_some_and(is_no_room)
}

/// A request to a route without a body: its body must be empty or `{}`. It is kept for the lookup by
/// Idempotency-Key.
pub async fn nothing(api: &Api, request: Request<Incoming>) -> Result<Request<Body>, Problem> {
    let (head, body) = request.into_parts();
    match read_at_most(api, Body::new(body), NOTHING_BYTES).await {
        Ok(bytes) if is_nothing(&bytes) => Ok(Request::from_parts(head, Body::from(bytes))),
        Ok(_) => Err(Problem::no_body()),
        Err(problem) if problem.is_too_large() => Err(Problem::no_body()),
        Err(problem) => Err(problem),
    }
}

fn is_nothing(bytes: &[u8]) -> bool {
    let text: Vec<u8> = bytes.iter().filter(|byte| !byte.is_ascii_whitespace()).copied().collect();
    matches!(text.as_slice(), b"" | b"{}")
}

/// The body as JSON of one of the host's own types; nothing at all is an empty object.
pub async fn json<T: RequestBody + DeserializeOwned>(api: &Api, body: Body) -> Result<T, Problem> {
    parse(&read(api, body).await?)
}

/// The same for a body that was read.
pub fn parse<T: RequestBody + DeserializeOwned>(bytes: &Bytes) -> Result<T, Problem> {
    from_text::<T, T>(&text_of::<T>(bytes)?)
}

/// A body of that type as the members that it gives, for who has to know which those are.
pub async fn given<T: RequestBody>(api: &Api, body: Body) -> Result<Map<String, Value>, Problem> {
    from_text::<T, _>(&text_of::<T>(&read(api, body).await?)?)
}

/// The text of a body of that type, as its reader reads it: integers are written as integers.
pub fn text_of<T: RequestBody>(bytes: &Bytes) -> Result<String, Problem> {
    let text = if is_blank(bytes) { "{}" } else { text(bytes)? };
    checked::<T>(text.to_owned()).map_err(Problem::bad_body)
}

/// What a text of a body of type `T` says.
pub fn from_text<T: RequestBody, R: DeserializeOwned>(text: &str) -> Result<R, Problem> {
    // What serde says is in the terms of this program, and the schema leaves it nothing to say.
    serde_json::from_str(text).map_err(|error| {
        let (name, line, column) = (&T::schema().name, error.line(), error.column());
        Problem::bad_request(format!(
            "The request's body is no {name} as /openapi.json has it, at line {line}, column {column}"
        ))
    })
}

/// The same, for what is read often: the schema is asked only why a body is not of it.
pub fn parse_first<T: RequestBody + DeserializeOwned + Default>(
    bytes: &Bytes,
) -> Result<T, Problem> {
    if is_blank(bytes) {
        return Ok(T::default());
    }
    let text = text(bytes)?;
    // Serde would read a list as the members of an object in their order.
    match serde_json::from_str(text) {
        Ok(read) if text.trim_ascii_start().starts_with('{') => Ok(read),
        _ => parse(bytes),
    }
}

/// The body as an object with any members; an empty body is an empty object.
pub fn members(bytes: &Bytes) -> Result<BTreeMap<String, Box<RawValue>>, Problem> {
    if is_blank(bytes) {
        return Ok(BTreeMap::new());
    }
    serde_json::from_str(text(bytes)?).map_err(|_| {
        let message = "they are an object, and the body itself: {\"name\": …}".to_owned();
        let faults = vec![Violation { path: String::new(), message }];
        Problem::invalid(Code::InvalidParameters, "The parameters are not valid", "", faults)
    })
}

/// The body as any JSON; an empty body is an empty object.
pub fn any(bytes: &Bytes) -> Result<&str, Problem> {
    if is_blank(bytes) { Ok("{}") } else { text(bytes).map(str::trim_ascii) }
}

fn is_blank(bytes: &Bytes) -> bool {
    bytes.iter().all(u8::is_ascii_whitespace)
}

/// The body's text, one JSON value. All JSON from clients is checked here.
fn text(bytes: &Bytes) -> Result<&str, Problem> {
    let text = str::from_utf8(bytes)
        .map_err(|_| Problem::malformed_json("The request's body is not JSON: it is not UTF-8"))?;
    json::check(text).map_err(|refusal| Problem::not_carried("the request's body", refusal))?;
    Ok(text)
}
