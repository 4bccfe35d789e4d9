//! `Idempotency-Key`: a repeated request gets the stored response, and does nothing again. How an answer is stored is in
//! `engine::idempotency`.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::http::api::Api;
use crate::http::json_text::json_text;
use crate::http::keys::Caller;
use crate::http::middleware::body;
use crate::http::middleware::instance::{COMMUNITY, PLATFORM};
use crate::http::problem::Problem;
use moothall_core::ids::RequestId;
use moothall_engine::idempotency::{
    BODY_BYTES, FirstWithKey, PreparedAnswer, remember_within, write,
};
use moothall_store::{StoreError, StoredResponse, Tx};

pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, in bytes.
const KEY_BYTES: usize = 255;
const JSON: &str = "application/json";

/// How a request with or without a key goes on.
pub enum Begun {
    /// It has no key.
    Plain,
    /// It was answered already.
    Replayed(Response),
    /// It is the first with its key.
    First(FirstWithKey),
}

/// A request's body, and how to store its answer.
pub enum Asked {
    New(Bytes, PendingAnswer),
    /// It was answered already.
    Again(Response),
}

/// How to store the answer; none without a key.
#[derive(Clone)]
pub struct PendingAnswer(Option<FirstWithKey>);

/// Reads a request's body and looks it up by its key.
pub async fn asked(api: &Api, request: Request) -> Result<Asked, Problem> {
    let (head, body) = request.into_parts();
    let bytes = body::read(api, body).await?;
    Ok(match begin(api, &head, &bytes)? {
        Begun::Plain => Asked::New(bytes, PendingAnswer(None)),
        Begun::First(first) => Asked::New(bytes, PendingAnswer(Some(first))),
        Begun::Replayed(response) => Asked::Again(response),
    })
}

/// The answer of a success: JSON.
pub type Success = (StatusCode, String);

impl PendingAnswer {
    /// Makes a change in a write of its own, and stores the answer in it; a failure is not stored. In progress
    /// until the write has ended, whether the client still waits or not.
    pub async fn write<E: Send + 'static>(
        self,
        api: &Api,
        name: &'static str,
        make: impl FnOnce(&Tx<'_>) -> Result<Result<Success, E>, StoreError> + Send + 'static,
    ) -> Result<Result<Response, E>, StoreError> {
        let make =
            move |tx: &Tx<'_>| Ok(make(tx)?.map(|(status, body)| prepared_json(status, body)));
        let made = write(&api.context.store, self.0, name, make).await?;
        Ok(made.map(response))
    }

    /// For a request without a write of its own.
    pub async fn alone(self, api: &Api, (status, body): Success) -> Result<Response, Problem> {
        if self.0.is_none() || !status.is_success() {
            return Ok((status, json_text(body)).into_response());
        }
        let make = move |_: &Tx<'_>| Ok(Ok::<_, Infallible>((status, body)));
        let Ok(response) = self.write(api, "idempotency.answer", make).await?;
        Ok(response)
    }

    /// Within the write of the request.
    pub fn remember(self, tx: &Tx<'_>, status: StatusCode, body: &str) -> Result<(), StoreError> {
        remember_within(tx, self.0, &prepared(status, JSON, body.as_bytes().to_vec()))
    }

    /// A plugin's own refusal is stored as well.
    pub async fn refused(self, api: &Api, problem: Problem, request: &RequestId) -> Problem {
        if let Some(first) = self.0 {
            refused(first, api, &problem, request).await;
        }
        problem
    }
}

/// Whether a request has a key.
pub fn is_asked_for(headers: &HeaderMap) -> bool {
    headers.contains_key(HEADER)
}

/// Looks a request up by its key.
pub fn begin(api: &Api, head: &Parts, body: &Bytes) -> Result<Begun, Problem> {
    let Some(key) = head.headers.get(HEADER) else { return Ok(Begun::Plain) };
    let key = key.to_str().ok().filter(|key| (1..=KEY_BYTES).contains(&key.len()));
    let key = key.ok_or_else(|| {
        Problem::bad_request(format!("An Idempotency-Key is 1 to {KEY_BYTES} printable characters"))
    })?;
    let caller = head.extensions.get::<Caller>().map_or("", Caller::id);
    let (text, fingerprint) = (format!("{caller}/{key}"), fingerprint(head, body));
    let key = api.running.begin(text).ok_or_else(Problem::still_running)?;
    // From here on the key is in progress, so that no other request comes between the lookup and this one.
    let now = api.context.clock.now_ms();
    let trusted = api.context.clock.trusted_ms();
    let stored =
        api.context.store.read(|reader| reader.idempotent_response(key.as_str(), trusted))?;
    match stored {
        None => {
            let spent = api.driver_has_room(caller, BODY_BYTES)?;
            Ok(Begun::First(FirstWithKey::new(key, fingerprint, now, spent)))
        }
        Some(stored) if stored.fingerprint == fingerprint => Ok(Begun::Replayed(replay(stored))),
        Some(_) => Err(Problem::key_reused()),
    }
}

fn fingerprint(head: &Parts, body: &Bytes) -> Vec<u8> {
    let mut hash = Sha256::new();
    let header =
        |name: &HeaderName| head.headers.get(name).map_or(&[][..], |value| value.as_bytes());
    let parts: [&[u8]; 6] = [
        head.method.as_str().as_bytes(),
        head.uri.path().as_bytes(),
        head.uri.query().unwrap_or_default().as_bytes(),
        header(&COMMUNITY),
        header(&PLATFORM),
        body,
    ];
    for part in parts {
        // With its length, so that different requests never make the same text.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

fn replay(stored: StoredResponse) -> Response {
    let StoredResponse { status, headers, body, fingerprint: _ } = stored;
    let mut response = response(PreparedAnswer { status, headers, body });
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn response(answer: PreparedAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Stores a plugin's own refusal.
pub async fn refused(first: FirstWithKey, api: &Api, problem: &Problem, request: &RequestId) {
    let Some(status) = problem.refusal() else { return };
    let refusal = prepared(status, "application/problem+json", problem.body(request).into_bytes());
    first.remember_refusal(&api.context.store, refusal).await;
}

/// A success as it is stored: JSON.
pub fn prepared_json(status: StatusCode, body: String) -> PreparedAnswer {
    prepared(status, JSON, body.into_bytes())
}

fn prepared(status: StatusCode, content_type: &str, body: Vec<u8>) -> PreparedAnswer {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    PreparedAnswer { status: status.as_u16(), headers, body }
}
