//! Requests of `wasi:http` in a call with a tape: noted with their answers, or answered from the recording.

use bytes::Bytes;
use hyper::http::Request;
use serde_json::{Value, json};
use wasmtime_wasi_http::{Error, WasiBody};

use super::outgoing::{WasiAnswer, outbound, response, wasi_error};
use super::sending::Permit;
use crate::bindings::Error as Refusal;
use crate::memory::MemoryReservation;
use crate::tape::{Given, Tape, Turn};
use moothall_core::pieces::gather;
use moothall_egress::{Inbound, Outbound};
use moothall_values::recording;

/// Sends a request that the tape notes, or takes the recorded answer, which counts by `spare` as guests' memory.
pub async fn send(
    tape: Tape,
    permit: Option<Result<Permit, Refusal>>,
    request: Request<WasiBody>,
    limit: usize,
    spare: MemoryReservation,
) -> Result<WasiAnswer, Error> {
    let (head, body) = request.into_parts();
    let body = gather(body, limit).await;
    let body = body.map_err(|_| Error::HttpRequestBodySize(u64::try_from(limit).ok()))?;
    let outbound = outbound(&head, body);
    let place = match tape.enter("wasi-http.send", || vec![written(&outbound)]) {
        Turn::Tape(given) => {
            let answer = response(given_answer(given).await?, spare)?;
            return Ok((answer, Box::new(async { Ok(()) })));
        }
        Turn::Host(place) => place,
    };
    let sent = match permit {
        Some(Ok(permit)) => permit.send(outbound).await.map_err(wasi_error),
        Some(Err(denied)) => Err(Error::InternalError(Some(denied.message))),
        None => Err(Error::InternalError(None)),
    };
    tape.note(place, || match &sent {
        Ok((answer, _)) => {
            let answer = recording::response(answer.status, &answer.headers, &answer.body);
            json!({ "ok": answer })
        }
        Err(error) => json!({ "error": written_error(error) }),
    });
    let (answer, reservation) = sent?;
    Ok((response(answer, reservation)?, Box::new(async { Ok(()) })))
}

fn written(outbound: &Outbound) -> Value {
    json!({
        "method": outbound.method,
        "url": outbound.url,
        "headers": recording::headers(&outbound.headers),
        "body": recording::body(&outbound.body),
    })
}

async fn given_answer(given: Given) -> Result<Inbound, Error> {
    let unreadable = || Error::InternalError(Some("the recording cannot be read".to_owned()));
    let answer = match given {
        Given::Answer(answer) => answer,
        Given::Ended(fault) => return Err(Error::InternalError(Some(fault.to_string()))),
        // The guest dropped the request before there was an answer.
        Given::Unanswered => std::future::pending().await,
        Given::Missing(message) => return Err(Error::InternalError(Some(message))),
    };
    match answer.get("ok") {
        Some(answer) => {
            let (status, headers, body) = recording::response_of(answer).ok_or_else(unreadable)?;
            Ok(Inbound { status, headers, body: Bytes::from(body), cut_off: None })
        }
        None => Err(read_error(&answer["error"])),
    }
}

fn written_error(error: &Error) -> Value {
    match error {
        Error::ConnectionTimeout => json!({ "kind": "timeout" }),
        Error::HttpResponseBodySize(bytes) => json!({ "kind": "too-large", "bytes": bytes }),
        Error::HttpResponseIncomplete => json!({ "kind": "incomplete" }),
        Error::InternalError(message) => json!({ "kind": "internal", "message": message }),
        other => json!({ "kind": "internal", "message": other.to_string() }),
    }
}

fn read_error(error: &Value) -> Error {
    match error["kind"].as_str() {
        Some("timeout") => Error::ConnectionTimeout,
        Some("too-large") => Error::HttpResponseBodySize(error["bytes"].as_u64()),
        Some("incomplete") => Error::HttpResponseIncomplete,
        _ => Error::InternalError(error["message"].as_str().map(str::to_owned)),
    }
}
