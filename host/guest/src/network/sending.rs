//! What one call may still send, and what it has sent: the same for `http` and for `wasi:http`.
//!
//! Made when a call first sends something. Must never keep a request: only the few facts that a dry run shows.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::Level;

use crate::bindings::{Error, ErrorKind};
use crate::contexts::{CallContext, PluginContext};
use crate::log::CallLog;
use crate::memory::{MemoryReservation, Of};
use crate::refusal::error;
use crate::shared::Shared;
use crate::tape::Tape;
use moothall_core::chain::Seen;
use moothall_egress::{Body, Egress, EgressError, Inbound, Outbound, Reach, Room, Sender};
use moothall_store::Store;

/// Method, URL without query, status.
pub type Sent = (String, String, u16);

pub struct Sending {
    shared: Arc<Shared>,
    plugin_context: Arc<PluginContext>,
    config: Arc<str>,
    /// What the call saw that was not stored.
    seen: Option<Seen>,
    log: CallLog,
    may_send: bool,
    /// Notes requests of `wasi:http`, or answers them; those of `http` pass it before they come here.
    pub tape: Option<Tape>,
    /// How many requests the call has made, including those that failed.
    requests: usize,
    /// Requests that were answered.
    sent: Arc<Mutex<Vec<Sent>>>,
    /// How many bytes of a request's body `wasi:http` buffers.
    pub chunk_bytes: usize,
}

/// Permission to send one request to a URL. Its headers and body may still change.
pub struct Permit {
    egress: Egress,
    reach: Reach,
    /// What has to be stored before the request may tell of it.
    seen: Option<(Store, Seen)>,
    /// Without the query.
    shown: String,
    log: CallLog,
    sent: Arc<Mutex<Vec<Sent>>>,
    /// Guests' memory for the largest request and answer.
    reservation: MemoryReservation,
}

impl Sending {
    pub fn new(
        shared: &Arc<Shared>,
        plugin_context: &Arc<PluginContext>,
        call_context: &CallContext,
        seen: Option<Seen>,
        log: CallLog,
    ) -> Self {
        Self {
            shared: shared.clone(),
            plugin_context: plugin_context.clone(),
            config: call_context.config.clone(),
            seen,
            log,
            may_send: call_context.may_send,
            tape: call_context.tape.clone(),
            requests: 0,
            sent: Arc::default(),
            chunk_bytes: 0,
        }
    }

    /// Counts a request to this URL, if the call may send it. A denial is logged, because a guest may swallow the error.
    pub fn permit(&mut self, url: &str) -> Result<Permit, Error> {
        let permit = self.try_permit(url);
        permit.inspect_err(|denied| self.log.message(Level::WARN, &denied.message))
    }

    fn try_permit(&mut self, url: &str) -> Result<Permit, Error> {
        if !self.may_send {
            let message = "this call sends nothing: it is a dry run without `allow_http=true`, a handshake, or `describe`";
            return Err(error(ErrorKind::Forbidden, message));
        }
        let url = Egress::check_url(url).map_err(guest_error)?;
        // The host stored it as JSON. Should it not be JSON, no host is granted by it.
        let config = serde_json::from_str(&self.config).unwrap_or_default();
        let denied = |message| error(ErrorKind::Forbidden, message);
        let settings =
            serde_json::from_str(&self.plugin_context.settings.public).unwrap_or_default();
        self.plugin_context.grants.may_reach(&url, &config, &settings).map_err(denied)?;
        self.count()?;
        Ok(Permit {
            egress: self.shared.egress.of(Sender::Plugin(self.plugin_context.plugin.clone())),
            reach: Reach::Also(self.plugin_context.grants.cidr().clone()),
            seen: self.seen.clone().map(|seen| (self.shared.store.clone(), seen)),
            shown: url.without_query(),
            log: self.log.clone(),
            sent: self.sent.clone(),
            reservation: self.reservation()?,
        })
    }

    pub fn request_bytes(&self) -> usize {
        self.shared.egress.request_bytes()
    }

    fn count(&mut self) -> Result<(), Error> {
        let limit = self.plugin_context.limits.http_requests;
        if self.requests >= limit {
            let message = format!("a call may send {limit} requests (http_requests)");
            return Err(error(ErrorKind::Conflict, message));
        }
        self.requests += 1;
        Ok(())
    }

    fn reservation(&self) -> Result<MemoryReservation, Error> {
        let mut reservation = self.no_reservation();
        let egress = &self.shared.egress;
        let bytes = egress.response_bytes().saturating_add(egress.request_bytes());
        let full = reservation.grow(bytes as u64);
        full.map_err(|full| error(ErrorKind::Unavailable, full.reason()))?;
        Ok(reservation)
    }

    /// An empty reservation of the plugin's memory.
    pub fn no_reservation(&self) -> MemoryReservation {
        MemoryReservation::none_of(self.plugin_context.quota.memory.clone(), Of::Call)
    }

    pub fn take_sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Permit {
    /// How many bytes the request may have.
    pub fn room(&self) -> Room {
        self.egress.room()
    }

    /// Sends the request, once what the call has seen is stored. The reservation counts for the answer until it is dropped.
    pub async fn send(
        self,
        request: Outbound,
    ) -> Result<(Inbound, MemoryReservation), EgressError> {
        if let Some((store, seen)) = &self.seen {
            let stored = store.until_stored(seen).await;
            stored.map_err(|error| EgressError::Exhausted(error.to_string()))?;
        }
        let method = request.method.clone();
        let answer = self.egress.send(request, &self.reach, Body::Whole).await;
        let answer = answer.inspect_err(|failed| {
            if let EgressError::Refused(_) = failed {
                self.log.message(Level::WARN, &format!("{}: {failed}", self.shown));
            }
        })?;
        let sent = (method, self.shown, answer.status);
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
        Ok((answer, self.reservation))
    }
}

/// The error for a guest whose request failed.
pub fn guest_error(failed: EgressError) -> Error {
    let kind = match failed {
        EgressError::Invalid(_) => ErrorKind::Invalid,
        EgressError::Refused(_) => ErrorKind::Forbidden,
        EgressError::Connect(_)
        | EgressError::Exhausted(_)
        | EgressError::Timeout(_)
        | EgressError::TooLarge(_)
        | EgressError::Broken(_) => ErrorKind::Unavailable,
    };
    let error = error(kind, failed.to_string());
    // A second request would have the same large answer.
    let retryable = error.retryable && !matches!(failed, EgressError::TooLarge(_));
    Error { retryable, ..error }
}
