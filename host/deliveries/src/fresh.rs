//! Fresh deliveries: of events that were just appended, before any row of theirs is written. As long as an endpoint keeps
//! up, its deliveries are sent straight from the log, and their rows are written once, when they were delivered. Whatever
//! is not usual (a failure, a pause, no room, a row that waits) leaves an endpoint's deliveries to rows: nothing is lost by
//! that, because the store knows which deliveries have no row yet.
//!
//! After a crash these events are read again, and what was sent and not stored is sent again.

mod begin;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::target::Target;
use moothall_core::endpoint::EndpointOrdering;
use moothall_core::ids::{EndpointId, Position};
use moothall_store::{DueDelivery, Outcome};

use queue::Queue;

/// How long deliveries may be under way before they get rows.
const SLOW: Duration = Duration::from_millis(50);
/// How long what was delivered waits for more, so that many are stored together.
pub const GATHER: Duration = Duration::from_millis(5);
/// As many are stored without waiting for more.
const MANY: usize = 64;
/// Delivered events of one write, at most.
const MOST: usize = 256;

/// What is delivered one after the other to an endpoint: the events of a key, or each event alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The row of the key.
    Key(i64),
    Event(Position),
}

impl Lane {
    pub fn of(target: &Target, delivery: &DueDelivery) -> Self {
        match target.row.ordering {
            EndpointOrdering::Fifo => Self::Key(delivery.key),
            EndpointOrdering::Unordered => Self::Event(delivery.event.position),
        }
    }
}

/// By the positions of their events.
#[derive(Default)]
pub struct Fresh {
    /// Events up to it were read.
    read_to: Position,
    /// Deliveries of events up to it have rows.
    rows_to: Position,
    /// Events that were read and whose deliveries have no rows yet, the oldest first.
    events: VecDeque<Event>,
    queues: HashMap<EndpointId, Queue>,
    /// Endpoints whose deliveries are left to rows, until those up to this position have them.
    left: HashMap<EndpointId, Position>,
    /// What was delivered and is not stored yet.
    arrived: Vec<Outcome>,
    /// All deliveries up to it need their rows now.
    wanted: Position,
}

struct Event {
    position: Position,
    read_at: Instant,
    deliveries: usize,
    /// Those of them that are sent from here and have not arrived.
    open: usize,
}

impl Fresh {
    pub fn read_to(&self) -> Position {
        self.read_to
    }

    /// Deliveries of events up to `position` have rows: what was not begun of them is found there. Returns what was
    /// delivered of them meanwhile.
    #[must_use]
    pub fn have_rows(&mut self, position: Position) -> Vec<Outcome> {
        if position <= self.rows_to {
            return Vec::new();
        }
        self.rows_to = position;
        self.read_to = self.read_to.max(position);
        while self.events.front().is_some_and(|event| event.position <= position) {
            self.events.pop_front();
        }
        self.left.retain(|_, upto| *upto > position);
        self.leave_behind_rows(position);
        self.queues.retain(|_, queue| !queue.is_idle());
        self.arrived.extract_if(.., |one| one.position <= position).collect()
    }

    /// Leaves to rows what waits behind a delivery that has not begun and has a row now: it must not overtake that.
    fn leave_behind_rows(&mut self, position: Position) {
        let waits = self.queues.iter().filter(|(_, queue)| queue.has_waiting_up_to(position));
        for endpoint in waits.map(|(endpoint, _)| *endpoint).collect::<Vec<_>>() {
            self.leave_to_rows(endpoint);
        }
    }

    /// An event was read that goes to so many endpoints, of which so many keep up.
    pub fn read(&mut self, position: Position, deliveries: usize, open: usize, now: Instant) {
        self.events.push_back(Event { position, read_at: now, deliveries, open });
    }

    pub fn read_all_to(&mut self, position: Position) {
        self.read_to = self.read_to.max(position);
    }

    /// A delivery to an endpoint that keeps up.
    pub fn queue(&mut self, endpoint: EndpointId, lane: Lane, position: Position) {
        self.queues.entry(endpoint).or_default().push(lane, position);
    }

    /// The lane and the position of the next that may begin.
    pub fn next(&mut self, endpoint: EndpointId) -> Option<(Lane, Position)> {
        self.queues.get_mut(&endpoint)?.next()
    }

    /// It could not begin.
    pub fn put_back(&mut self, endpoint: EndpointId, lane: Lane, position: Position) {
        if let Some(queue) = self.queues.get_mut(&endpoint) {
            queue.put_back(lane, position);
        }
    }

    /// Endpoints with deliveries that have not begun.
    pub fn endpoints(&self) -> Vec<EndpointId> {
        let waiting = self.queues.iter().filter(|(_, queue)| queue.has_waiting());
        waiting.map(|(endpoint, _)| *endpoint).collect()
    }

    pub fn has_waiting(&self, endpoint: EndpointId) -> bool {
        self.queues.get(&endpoint).is_some_and(Queue::has_waiting)
    }

    /// Whether the endpoint's deliveries are left to rows that are not written yet.
    pub fn is_left(&self, endpoint: EndpointId) -> bool {
        self.left.contains_key(&endpoint)
    }

    /// What has not begun of the endpoint's deliveries gets rows, and is sent from there. Until those are written nothing
    /// else of the endpoint is queued: it could overtake them.
    pub fn leave_to_rows(&mut self, endpoint: EndpointId) {
        self.queues.remove(&endpoint);
        if self.read_to > self.rows_to {
            self.left.insert(endpoint, self.read_to);
            self.want_rows(self.read_to);
        }
    }

    /// The endpoint does not keep up, and what was read for it gets rows with the next write. Until those are written
    /// nothing that is read later is queued for it: it could overtake them.
    pub fn wait_for_rows(&mut self, endpoint: EndpointId) {
        if self.read_to > self.rows_to {
            self.left.insert(endpoint, self.read_to);
        }
    }

    pub fn want_rows(&mut self, upto: Position) {
        self.wanted = self.wanted.max(upto);
    }

    /// An attempt at a delivery without a row has delivered it. Returns the outcome if there is a row by now.
    pub fn arrived(&mut self, outcome: Outcome, lane: Lane) -> Option<Outcome> {
        if let Some(queue) = self.queues.get_mut(&outcome.endpoint) {
            queue.free(lane);
        }
        if outcome.position <= self.rows_to {
            return Some(outcome);
        }
        self.close(outcome.position);
        self.arrived.push(outcome);
        None
    }

    fn close(&mut self, position: Position) {
        let at = self.events.binary_search_by_key(&position, |event| event.position);
        if let Some(event) = at.ok().and_then(|at| self.events.get_mut(at)) {
            event.open = event.open.saturating_sub(1);
        }
    }

    /// How many deliveries have no row and have not arrived.
    pub fn waiting(&self) -> usize {
        self.events.iter().map(|event| event.open).sum()
    }

    /// Whether some delivery has no row.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.wanted <= self.rows_to
    }

    pub fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }

    /// What was delivered has to be stored now, as the host stops.
    pub fn stop(&mut self) {
        let last = self.arrived.iter().map(|one| one.position).max();
        self.want_rows(last.unwrap_or(Position::START));
    }

    /// Up to which position deliveries get their rows now, and what was delivered of them.
    pub fn take_due(&mut self, now: Instant) -> Option<(Position, Vec<Outcome>)> {
        let upto = self.due(now)?;
        Some((upto, self.arrived.extract_if(.., |one| one.position <= upto).collect()))
    }

    /// The first events of which all was delivered, or that need rows for another reason.
    fn due(&self, now: Instant) -> Option<Position> {
        let (mut upto, mut deliveries, mut is_due) = (self.rows_to, 0, false);
        for event in &self.events {
            let age = now.saturating_duration_since(event.read_at);
            let needs_rows = event.position <= self.wanted || event.open > 0 && age >= SLOW;
            if event.open > 0 && !needs_rows || deliveries >= MOST {
                return is_due.then_some(upto);
            }
            deliveries += event.deliveries;
            is_due |= needs_rows || age >= GATHER || deliveries >= MANY;
            upto = event.position;
        }
        // Events that could not be read are among them.
        if self.wanted > upto {
            return Some(self.wanted);
        }
        is_due.then_some(upto)
    }
}
