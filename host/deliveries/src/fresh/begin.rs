//! Reads the events that were appended, begins their deliveries, and stores what was delivered.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::Lane;
use crate::Outbox;
use crate::attempt::Purpose;
use crate::circuit::Gate;
use crate::target::Target;
use moothall_core::ids::{EndpointId, Position};
use moothall_store::{Departed, DueDelivery, Found, StoreError};

/// Events that one poll reads; the next poll goes on after them.
const EVENTS_PER_POLL: usize = 256;

/// Events that were just read, by their positions.
type JustRead = HashMap<Position, DueDelivery>;

impl Outbox {
    /// Begins what was appended since the last poll, as far as its endpoints keep up. Whether there is more.
    pub(crate) fn poll_fresh(&mut self) -> Result<bool, StoreError> {
        let read_to = self.fresh.read_to();
        let (rows_to, departures) = self.shared.store.read(|reader| {
            let rows_to = reader.fanned_out()?;
            Ok((rows_to, reader.departures(rows_to.max(read_to), EVENTS_PER_POLL)?))
        })?;
        self.have_rows(rows_to);
        self.leave_those_that_changed();
        let targets = self.targets_that_keep_up(&departures.events);
        let read = self.queue_fresh(departures.events, &targets);
        if departures.has_unreadable {
            self.fresh.want_rows(departures.upto);
        }
        self.fresh.read_all_to(departures.upto);
        for (endpoint, _) in targets.iter().filter(|(_, target)| target.is_none()) {
            self.fresh.wait_for_rows(*endpoint);
        }
        for target in targets.into_values().flatten() {
            if let Err(error) = self.begin_fresh(&target, &read) {
                tracing::debug!(%error, "what is queued for an endpoint waits for its rows");
            }
        }
        self.store_fresh();
        Ok(departures.is_more)
    }

    /// The rows are written up to that position.
    pub(crate) fn have_rows(&mut self, position: Position) {
        for outcome in self.fresh.have_rows(position) {
            self.outcomes.add(outcome);
        }
    }

    /// An endpoint with deliveries that have not begun may have been paused, or have another URL.
    fn leave_those_that_changed(&mut self) {
        for endpoint in self.fresh.endpoints() {
            if !self.target(endpoint).is_ok_and(|target| target.is_some()) {
                self.fresh.leave_to_rows(endpoint);
            }
        }
    }

    /// The endpoints of these events, and where to send to, if they keep up. One that cannot be read does not.
    fn targets_that_keep_up(
        &mut self,
        events: &[Departed],
    ) -> HashMap<EndpointId, Option<Arc<Target>>> {
        let mut targets = HashMap::new();
        for endpoint in events.iter().flat_map(|event| &event.endpoints) {
            if !targets.contains_key(endpoint) {
                let target = self.target_that_keeps_up(*endpoint).inspect_err(|error| {
                    tracing::debug!(%error, endpoint = endpoint.0, "an endpoint cannot be read");
                });
                targets.insert(*endpoint, target.unwrap_or_default());
            }
        }
        targets
    }

    fn target_that_keeps_up(
        &mut self,
        endpoint: EndpointId,
    ) -> Result<Option<Arc<Target>>, StoreError> {
        let gate = self.lanes.gate(endpoint, self.shared.clock.monotonic());
        if gate != Gate::Closed
            || self.fresh.is_left(endpoint)
            || self.shared.store.read(|reader| reader.has_waiting(endpoint))?
        {
            return Ok(None);
        }
        self.target(endpoint)
    }

    fn queue_fresh(
        &mut self,
        events: Vec<Departed>,
        targets: &HashMap<EndpointId, Option<Arc<Target>>>,
    ) -> JustRead {
        let now = Instant::now();
        let mut read = JustRead::with_capacity(events.len());
        for Departed { delivery, endpoints } in events {
            let (position, deliveries) = (delivery.event.position, endpoints.len());
            let target = |endpoint: EndpointId| targets.get(&endpoint)?.as_ref();
            let keep_up = endpoints.into_iter().filter_map(target);
            let mut open = 0;
            for target in keep_up {
                self.fresh.queue(target.row.id, Lane::of(target, &delivery), position);
                open += 1;
            }
            self.fresh.read(position, deliveries, open, now);
            read.insert(position, delivery);
        }
        read
    }

    /// Begins what is queued for an endpoint, as far as there is room.
    pub(crate) fn begin_fresh(
        &mut self,
        target: &Arc<Target>,
        read: &JustRead,
    ) -> Result<(), StoreError> {
        let endpoint = target.row.id;
        while self.may_begin() && self.room(target) > 0 {
            let Some((lane, position)) = self.fresh.next(endpoint) else { return Ok(()) };
            let known = read.get(&position).cloned();
            let delivery = known.map_or_else(|| self.departure(position), |known| Ok(Some(known)));
            let delivery = delivery
                .inspect_err(|_| self.fresh.put_back(endpoint, lane, position))?
                .filter(|_| !self.lanes.is_under_way(endpoint, position));
            let Some(delivery) = delivery else {
                self.fresh.leave_to_rows(endpoint);
                return Ok(());
            };
            if !self.begin(target, delivery, lane, Purpose::Due) {
                self.fresh.put_back(endpoint, lane, position);
                return Ok(());
            }
        }
        Ok(())
    }

    /// None: it cannot be read.
    fn departure(&self, position: Position) -> Result<Option<DueDelivery>, StoreError> {
        let found: Found<_> = self.shared.store.read(|reader| reader.departure(position))?;
        Ok(found.row())
    }

    /// Begins to store what was delivered, and the rows that are needed for another reason.
    pub(crate) fn store_fresh(&mut self) {
        if self.outcomes.may_write(&self.shared.store) {
            if self.is_stopping {
                self.fresh.stop();
            }
            if let Some((upto, arrived)) = self.fresh.take_due(Instant::now()) {
                self.outcomes.add_rows(upto, arrived);
            }
        }
        self.outcomes.begin(&self.shared.store);
    }
}
