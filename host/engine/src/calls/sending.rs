//! `sending_event`: the event with which the host reports a call's events to the plugins that consume it.

use std::time::Instant;

use super::ValidatedCall;
use crate::plugins::SENDING;
use moothall_core::clock::rfc3339;
use moothall_core::instance::Instance;
use moothall_guest::Origin;
use moothall_store::{NewEvent, StoreError, Tx};
use moothall_values::json::{Object, list};

/// Data of events in one item, in bytes; one event that has more is an item of its own.
const SENDING_BYTES: usize = 256 << 10;

/// The event that reports the events of a call to plugins that consume `sending_event`.
#[derive(Debug)]
pub struct Sending {
    handler_id: String,
    request_id: String,
    started: Instant,
}

impl Sending {
    /// None for a worker's own calls, which would feed themselves.
    pub fn of(call: &ValidatedCall, started: Instant) -> Option<Self> {
        (!matches!(call.origin(), Origin::Worker)).then(|| Self {
            handler_id: format!("{}.{}", call.plugin().name, call.name()),
            request_id: call.request_id().to_string(),
            started,
        })
    }

    /// One item for all of them, if a worker wants it.
    pub fn items(
        &self,
        tx: &Tx<'_>,
        instance: &Instance,
        events: &[NewEvent],
        now: i64,
    ) -> Result<Vec<NewEvent>, StoreError> {
        if events.is_empty() || !tx.wants_sending(instance.community.id)? {
            return Ok(Vec::new());
        }
        // Each item fits where an event's data has to.
        let (mut rest, mut items) = (events, Vec::new());
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |event: &&NewEvent| {
                bytes += event.data.len();
                bytes <= SENDING_BYTES
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (piece, others) = rest.split_at(count);
            items.push(self.item(instance, piece, now));
            rest = others;
        }
        Ok(items)
    }

    fn item(&self, instance: &Instance, events: &[NewEvent], now: i64) -> NewEvent {
        let took = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(0);
        let data = Object::new()
            .carrying("events", &list(events.iter().map(NewEvent::json)))
            .with("handler_id", self.handler_id.as_str())
            .with("account_id", instance.community.slug.as_str())
            .with("request_id", self.request_id.as_str())
            .with("event_create_time", rfc3339(now - took))
            .with("event_end_time", rfc3339(now))
            .end();
        NewEvent::of_api(SENDING, &instance.community, data, self.request_id.clone(), now)
    }
}
