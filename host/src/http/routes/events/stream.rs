//! `GET /api/internal/events` with `Accept: text/event-stream`: streams events as they are committed, from a position
//! on, without gaps or repeats. A stream ends when the host stops, and when its key is revoked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::http::api::Api;
use crate::http::api::streams::Streams;
use crate::http::keys::Caller;
use crate::http::problem::Problem;
use crate::http::routes::events::wanted::{Wanted, beyond_the_end};
use moothall_core::ids::Position;
use moothall_store::StoreError;

/// A header that nginx and other proxies understand.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// How often a stream without events sends a comment, so that it stays open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The most events of one read.
const READ_EVENTS: usize = 100;

struct EventStream {
    api: Arc<Api>,
    wanted: Wanted,
    /// Whether the name of each message is the event's type: `onmessage` does not get those.
    is_named: bool,
    /// The API key of the client that opened it.
    key: Option<Caller>,
    /// The last position that was read.
    at: Position,
    ready: VecDeque<Bytes>,
    stopping: watch::Receiver<bool>,
    _room: OwnedSemaphorePermit,
}

/// Begins after `from`; without it, with the next event.
pub fn open(
    api: Arc<Api>,
    (wanted, is_named): (Wanted, bool),
    key: Option<Caller>,
    from: Option<Position>,
) -> Result<Response, Problem> {
    let Streams { room, stopping, keys_changed: _ } = api.streams.clone();
    let Ok(room) = room.try_acquire_owned() else {
        return Err(Problem::no_room("Too many event streams are open"));
    };
    let (first, last) = api.context.store.read(|reader| reader.event_range())?;
    let at = from.unwrap_or(last);
    if at > last {
        return Err(beyond_the_end(at, last, "Last-Event-ID"));
    }
    if at < first.previous() {
        return Err(Problem::gone(format!(
            "Events up to position {} are no longer kept; begin again without Last-Event-ID",
            first.previous()
        )));
    }
    let mut begin = VecDeque::from([Bytes::from_static(b": events follow\n\n")]);
    begin.extend(wanted.doubt.iter().map(|doubt| Bytes::from(format!(": {doubt}\n\n"))));
    let state = EventStream { api, wanted, is_named, key, at, ready: begin, stopping, _room: room };
    let body = Body::from_stream(stream::unfold(state, async |mut state| {
        let chunk = state.next().await?;
        Some((Ok::<_, Infallible>(chunk), state))
    }));
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    let cache = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that buffers the answer would hold events back.
    let buffering = (X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(([kind, cache, buffering], body).into_response())
}

impl EventStream {
    async fn next(&mut self) -> Option<Bytes> {
        let signal = self.api.context.store.signals().events.clone();
        let keys = self.api.streams.keys_changed.clone();
        loop {
            // Registered before the read, so that no event is missed between the two.
            let mut keys_changed = std::pin::pin!(keys.notified());
            keys_changed.as_mut().enable();
            let (keys, now) = (self.api.keys.load(), self.api.context.clock.now_ms());
            if *self.stopping.borrow() || !keys.still_admit(self.key.as_ref(), now) {
                return None;
            }
            if let Some(chunk) = self.ready.pop_front() {
                return Some(chunk);
            }
            let mut appended = std::pin::pin!(signal.notified());
            appended.as_mut().enable();
            match self.poll() {
                Ok(true) => {
                    // A read may return many events without a wanted one: other tasks run between two reads.
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends: events cannot be read");
                    return None;
                }
            }
            tokio::select! {
                () = appended => {}
                () = keys_changed => {}
                _ = self.stopping.changed() => {}
                () = tokio::time::sleep(KEEP_ALIVE) => {
                    return Some(Bytes::from_static(b": still here\n\n"));
                }
            }
        }
    }

    /// Reads the next events. False: there are none yet.
    fn poll(&mut self) -> Result<bool, StoreError> {
        let (community, at) = (self.wanted.community, self.at);
        let store = &self.api.context.store;
        let (found, _) = store.read(|reader| reader.events(community, at, READ_EVENTS))?;
        let Some(last) = found.last() else { return Ok(false) };
        self.at = last.position;
        let wanted = found.iter().filter(|event| self.wanted.has(event));
        let is_named = self.is_named;
        let lines = wanted.map(|event| {
            let name =
                if is_named { format!("event: {}\n", event.full_type()) } else { String::new() };
            // One line: a line break in JSON is between tokens, so a space can replace it.
            let json = event.json().replace(['\n', '\r'], " ");
            Bytes::from(format!("id: {}\n{name}data: {json}\n\n", event.position))
        });
        self.ready.extend(lines);
        Ok(true)
    }
}
