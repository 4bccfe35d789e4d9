//! What `wasi:http/outgoing-handler` sends: by the same client and within the same grants and limits as `http`, so that
//! what other languages call `fetch` works without our SDK. A denial says what to add, as an internal error: the others
//! have no text.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::http::request::Parts;
use hyper::http::{Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpHooks};

use super::sending::{Permit, Sending};
use super::taped;

use crate::memory::{Full as MemoryFull, MemoryReservation};
use moothall_core::pieces::gather;
use moothall_egress::{EgressError, Inbound, Outbound};

/// About how many bytes of headers all messages of a call may have together: each may have this divided by the number of
/// handles that the call holds.
const FIELDS_BYTES: usize = 1 << 20;
/// Handles of a call that sends a few requests; with more of them, each message may have less.
const FEW_HANDLES: usize = 64;

/// A call's outbound requests.
pub struct Outgoing {
    context: WasiHttpCtx,
    pub sending: Sending,
    /// Counts the messages that the call holds as guests' memory: their headers, and what is buffered of a body that the
    /// guest writes.
    messages: MemoryReservation,
    /// How many handles `messages` counts.
    handles: usize,
}

impl Outgoing {
    pub fn new(sending: Sending) -> Self {
        let messages = sending.no_reservation();
        Self { context: WasiHttpCtx::new(), sending, messages, handles: 0 }
    }

    /// Reserves memory for one message more than the call has handles.
    fn make_room(&mut self, handles: usize) -> Result<(), MemoryFull> {
        let each = FIELDS_BYTES / handles.max(FEW_HANDLES);
        self.context.set_field_size_limit(each);
        self.sending.chunk_bytes = each;
        let more = (handles + 1).saturating_sub(self.handles);
        self.handles += more;
        let bytes = more.saturating_mul(2 * each);
        self.messages.grow(bytes as u64).inspect_err(|_| self.context.set_field_size_limit(0))
    }

    /// What WASI needs to send a request, with memory reserved for one message more than the call has handles.
    pub fn wasi(
        &mut self,
        handles: usize,
    ) -> (Result<(), MemoryFull>, &mut Sending, &mut WasiHttpCtx) {
        let room = self.make_room(handles);
        (room, &mut self.sending, &mut self.context)
    }
}

pub type WasiAnswer = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Sending {
    /// The egress's client sets this header.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        self.chunk_bytes
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<WasiAnswer, Error>> + Send> {
        let limit = self.request_bytes();
        if let Some(tape) = self.tape.clone() {
            let permit = (!tape.is_replaying()).then(|| self.permit(&request.uri().to_string()));
            return Box::new(taped::send(tape, permit, request, limit, self.no_reservation()));
        }
        let permit = self.permit(&request.uri().to_string());
        Box::new(async move {
            let (head, body) = request.into_parts();
            match permit {
                Ok(permit) => send(permit, head, body, limit).await,
                Err(denied) => Err(refused(denied.message, body, limit).await),
            }
        })
    }
}

/// Tells a guest that it may not send its request, after it has written the body: a client that is still writing would
/// only see a broken stream. The body is read and dropped.
async fn refused(message: String, body: WasiBody, limit: usize) -> Error {
    let mut rest = Limited::new(body, limit);
    while let Some(Ok(_)) = rest.frame().await {}
    Error::InternalError(Some(message))
}

async fn send(
    permit: Permit,
    head: Parts,
    body: WasiBody,
    limit: usize,
) -> Result<WasiAnswer, Error> {
    let body = gather(body, limit).await;
    let body = body.map_err(|_| Error::HttpRequestBodySize(u64::try_from(limit).ok()))?;
    let sent = permit.send(outbound(&head, body)).await;
    let (answer, reservation) = sent.map_err(wasi_error)?;
    Ok((response(answer, reservation)?, Box::new(async { Ok(()) })))
}

pub fn outbound(head: &Parts, body: Bytes) -> Outbound {
    let headers = head.headers.iter().filter(|(name, _)| *name != "content-length");
    let headers = headers.map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Outbound {
        method: head.method.as_str().to_owned(),
        url: head.uri.to_string(),
        headers: headers.collect(),
        body,
        timeout: None,
    }
}

/// The reservation is kept with the body until the guest has read it.
pub fn response(
    answer: Inbound,
    reservation: MemoryReservation,
) -> Result<Response<WasiBody>, Error> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value.as_bytes());
    }
    let body = Full::<Bytes>::new(answer.body).map_err(move |never| {
        let _ = &reservation;
        match never {}
    });
    response.body(body.boxed_unsync()).map_err(|_| Error::HttpProtocolError)
}

pub fn wasi_error(failed: EgressError) -> Error {
    match failed {
        EgressError::Timeout(_) => Error::ConnectionTimeout,
        EgressError::TooLarge(bytes) => Error::HttpResponseBodySize(u64::try_from(bytes).ok()),
        EgressError::Broken(_) => Error::HttpResponseIncomplete,
        EgressError::Invalid(_)
        | EgressError::Refused(_)
        | EgressError::Connect(_)
        | EgressError::Exhausted(_) => Error::InternalError(Some(failed.to_string())),
    }
}
