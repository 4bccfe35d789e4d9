//! `Idempotency-Key`: a repeated request gets the stored response, and does nothing again.
//!
//! The commit of a call also stores its response. Only memory knows which requests are running: after a crash nothing
//! of them is stored, and clients may repeat them.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::http::api::Api;
use crate::http::api::running::Running;
use crate::http::json_text::json_text;
use crate::http::keys::KeyId;
use crate::http::middleware::body;
use crate::http::middleware::instance::{COMMUNITY, PLATFORM};
use crate::http::problem::Problem;
use moothall_core::day_budget::{ROW_BYTES, Spent};
use moothall_core::ids::RequestId;
use moothall_engine::calls::ExtraWrite;
use moothall_store::{AfterWrite, StoreError, StoredResponse, Tx};

pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, in bytes.
const KEY_BYTES: usize = 255;
/// The largest body that is stored, in bytes.
const BODY_BYTES: usize = 64 << 10;
/// How long a stored response is used, in milliseconds.
pub const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1000;

/// How a request with or without a key goes on.
pub enum Begun {
    /// It has no key.
    Plain,
    /// It was answered already.
    Replayed(Response),
    /// It is the first with its key.
    First(First),
}

/// The first request with its key. In progress until the last clone is dropped.
#[derive(Clone)]
pub struct First {
    scope: Arc<Scope>,
    fingerprint: Vec<u8>,
    now: i64,
    /// The caller's day budget.
    spent: Arc<Spent>,
}

/// The key of a request that is in progress until this is dropped.
pub struct Scope {
    text: String,
    running: Running,
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.running.lock().remove(&self.text);
    }
}

/// A request's body, and how to store its answer.
pub enum Asked {
    New(Bytes, PendingAnswer),
    /// It was answered already.
    Again(Response),
}

/// How to store the answer; none without a key.
#[derive(Clone)]
pub struct PendingAnswer(Option<First>);

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
        let running = self.clone();
        let ended: AfterWrite<Result<Success, E>> = Box::new(move |_| drop(running));
        let write = move |tx: &Tx<'_>| {
            let made = make(tx)?;
            if let Ok((status, body)) = &made {
                self.remember(tx, *status, body)?;
            }
            Ok(made)
        };
        let made = api.context.store.write_then(name, write, Some(ended)).await?;
        Ok(made.map(|(status, body)| (status, json_text(body)).into_response()))
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
        let json = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = body.as_bytes().to_vec();
        let remember = self.0.and_then(|first| first.remember(status, json, body));
        remember.map_or(Ok(()), |remember| remember(tx).map(drop))
    }

    /// A plugin's own refusal is stored as well.
    pub async fn refused(self, api: &Api, problem: Problem, request: &RequestId) -> Problem {
        if let Some(first) = self.0 {
            first.refused(api, &problem, request).await;
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
    let caller = head.extensions.get::<KeyId>().map_or("", |id| id.0.as_str());
    let (text, fingerprint) = (format!("{caller}/{key}"), fingerprint(head, body));
    if !api.running.lock().insert(text.clone()) {
        return Err(Problem::still_running());
    }
    // From here on the key is in `running`, so that no other request comes between the lookup and this one.
    let scope = Arc::new(Scope { text, running: api.running.clone() });
    let now = api.context.clock.now_ms();
    let trusted = api.context.clock.trusted_ms();
    let stored =
        api.context.store.read(|reader| reader.idempotent_response(&scope.text, trusted))?;
    match stored {
        None => {
            let spent = api.driver_has_room(caller, BODY_BYTES)?;
            Ok(Begun::First(First { scope, fingerprint, now, spent }))
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
    let status = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::OK);
    let mut response = (status, stored.body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in stored.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

impl First {
    /// What is stored with a success; none if it is too large. In progress until the write has ended.
    pub fn remember(
        self,
        status: StatusCode,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Option<ExtraWrite<Arc<Scope>>> {
        let Self { scope, fingerprint, now, spent } = self;
        if body.len() > BODY_BYTES {
            return None;
        }
        // The budget was checked before anything was done.
        spent.add(now, body.len() as u64 + ROW_BYTES);
        let response = StoredResponse { fingerprint, status: status.as_u16(), headers, body };
        Some(Box::new(move |tx| {
            tx.remember_response(&scope.text, &response, now + REMEMBERED_MS)?;
            Ok(scope)
        }))
    }

    /// Stores nothing. In progress until the write has ended.
    pub fn run_on(self) -> ExtraWrite<Arc<Scope>> {
        Box::new(move |_| Ok(self.scope))
    }

    /// Stores a plugin's own refusal, in a write of its own.
    pub async fn refused(self, api: &Api, problem: &Problem, request_id: &RequestId) {
        let Some(status) = problem.refusal() else { return };
        let body = problem.body(request_id).into_bytes();
        let kind = ("content-type".to_owned(), "application/problem+json".to_owned());
        if let Some(remember) = self.remember(status, vec![kind], body)
            && let Err(error) = api.context.store.write("idempotency.refusal", remember).await
        {
            tracing::warn!(%error, "a refusal could not be remembered; the request may be tried again");
        }
    }
}
