//! The fan-out: which deliveries an event has. It is stored in the event's row, in the transaction of the event, and the
//! deliveries get rows of their own afterwards, in the order of the events and many in one write. What was delivered by
//! then is written once; what failed or waits gets the row that the tasks work on.
//!
//! How many deliveries have no row is bounded: with more, the transaction that writes the event writes them.

use std::collections::HashMap;

use rusqlite::{Row, params};

use super::super::events::{ENVELOPE, ENVELOPE_FROM, EVENT, envelope};
use super::due::DueDelivery;
use super::{AttemptRow, Departure, EXPIRE_MS, Outcome};
use crate::engine::rows::{Bound, Found, sql_limit};
use crate::engine::subscriptions::Rowless;
use crate::{After, NewEvent, Reader, StoreError, Tx};
use moothall_core::endpoint::EndpointOrdering;
use moothall_core::ids::{EndpointId, Position};

/// Deliveries without a row, at most.
const DELIVERIES: usize = 2_048;
/// Events that are looked through for deliveries without a row, at most.
const EVENTS: i64 = 4_096;
/// One read of events ends after so many bytes of data.
const READ_BYTES: usize = 8 << 20;

pub(super) const WAITS_FOR: &str =
    "SELECT 1 FROM delivery WHERE state = 'waiting' AND endpoint_id = ?1 AND key_id > 0 LIMIT 1";

/// An event, and the endpoints that it goes to.
#[derive(Clone, Debug)]
pub struct Departed {
    pub delivery: DueDelivery,
    pub endpoints: Vec<EndpointId>,
}

/// Events whose deliveries have no rows yet.
#[derive(Debug, Default)]
pub struct Departures {
    pub events: Vec<Departed>,
    /// Up to here all were read.
    pub upto: Position,
    /// Some of them cannot be read.
    pub has_unreadable: bool,
    pub is_more: bool,
}

/// The attempts that delivered events whose deliveries have no rows yet.
type Arrived<'a> = HashMap<(EndpointId, Position), (&'a AttemptRow, i64)>;

/// An event as its deliveries get their rows.
struct Leaving {
    departure: Departure,
    endpoints: Vec<EndpointId>,
}

impl Reader<'_> {
    /// Up to which position each delivery of each event has its row.
    pub fn fanned_out(&self) -> Result<Position, StoreError> {
        let mut position = self.conn.prepare_cached("SELECT position FROM fan_out WHERE id = 1")?;
        Ok(position.query_row([], |row| row.get(0).map(Position))?)
    }

    /// Whether a delivery of some event has no row yet.
    pub fn has_rowless_deliveries(&self) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT 1 FROM event WHERE position > (SELECT position FROM fan_out WHERE id = 1) \
             AND endpoints IS NOT NULL LIMIT 1",
        )?;
        Ok(statement.exists([])?)
    }

    /// Events after `after` that go to endpoints, at most `limit`.
    pub fn departures(&self, after: Position, limit: usize) -> Result<Departures, StoreError> {
        // Before the events: those that are appended meanwhile are read the next time.
        let (_, last) = self.event_range()?;
        let sql = format!(
            "SELECT {ENVELOPE}, e.key_id, e.endpoints FROM {ENVELOPE_FROM} WHERE e.position > ?1 AND e.position <= ?2 \
             AND e.endpoints IS NOT NULL ORDER BY e.position LIMIT ?3"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query(params![after.0, last.0, sql_limit(limit)])?;
        let size = |one: &Departed| one.delivery.event.data.len();
        let bound = Bound { rows: limit, bytes: READ_BYTES, size };
        let found = self.unreadable.list_within(rows, EVENT, bound, departed)?;
        let bytes: usize = found.rows.iter().map(size).sum();
        let is_more = found.rows.len() == limit || bytes >= READ_BYTES;
        let upto = match found.rows.last() {
            Some(read) if is_more => read.delivery.event.position,
            _ => last.max(after),
        };
        let has_unreadable = !found.unreadable.is_empty();
        Ok(Departures { events: found.rows, upto, has_unreadable, is_more })
    }

    /// The event at that position, for a delivery that has no row yet.
    pub fn departure(&self, position: Position) -> Result<Found<DueDelivery>, StoreError> {
        let sql = format!(
            "SELECT {ENVELOPE}, e.key_id, e.endpoints FROM {ENVELOPE_FROM} WHERE e.position = ?1"
        );
        let read = self.conn.prepare_cached(&sql)?.query_row([position.0], departed);
        self.unreadable.one(EVENT.0, position.0, read.map(|one| one.delivery))
    }

    /// Whether anything waits for the endpoint, of what has a row.
    pub fn has_waiting(&self, endpoint: EndpointId) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(WAITS_FOR)?;
        Ok(statement.exists([endpoint.0])?)
    }
}

impl Tx<'_> {
    /// The endpoints that subscribe to an event, as its row has them.
    pub(in crate::tables) fn subscribers(
        &self,
        event: &NewEvent,
    ) -> Result<Subscribers, StoreError> {
        let community = event.community.map_or(0, |community| community.0);
        let all = self.subscriptions.or_read(|| self.reader().subscriptions())?;
        let mut subscribers = Subscribers::default();
        for one in all.iter() {
            if one.is_for(community, &event.source, &event.event_type) {
                subscribers.add(one.endpoint);
            }
        }
        Ok(subscribers)
    }

    /// Events were written from the first to the last position, with so many deliveries that have no row.
    pub(in crate::tables) fn departed(
        &self,
        (first, last): (Position, Position),
        deliveries: usize,
    ) -> Result<(), StoreError> {
        if deliveries > 0 {
            self.raised.deliveries.set(true);
        }
        let Rowless { after, deliveries: before } = match self.subscriptions.rowless() {
            Some(known) => known,
            None => self.rowless_before(first)?,
        };
        self.subscriptions.set_rowless(Rowless { after, deliveries: before + deliveries });
        match before + deliveries {
            rowless if rowless > DELIVERIES => self.fan_out(last, &[]),
            _ if last.since(after) <= EVENTS => Ok(()),
            // Nothing has to be looked through.
            0 => self.set_fanned_out(last, 0),
            _ => self.fan_out(last, &[]),
        }
    }

    fn rowless_before(&self, position: Position) -> Result<Rowless, StoreError> {
        let after = self.reader().fanned_out()?;
        let leaving = self.leaving(after, position.previous())?;
        Ok(Rowless { after, deliveries: leaving.iter().map(|one| one.endpoints.len()).sum() })
    }

    fn set_fanned_out(&self, position: Position, left: usize) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("UPDATE fan_out SET position = ?1 WHERE id = 1")?
            .execute([position.0])?;
        self.subscriptions.set_rowless(Rowless { after: position, deliveries: left });
        Ok(())
    }

    /// Stores what came of attempts, and gives each delivery of the events up to `upto` its row, and of those that were
    /// attempted.
    pub fn finish_attempts(&self, upto: Position, outcomes: &[Outcome]) -> Result<(), StoreError> {
        let attempted =
            outcomes.iter().filter(|one| one.delivery.is_none()).map(|one| one.position);
        let upto = attempted.max().unwrap_or(Position::START).max(upto);
        let before = self.reader().fanned_out()?;
        self.fan_out(upto, outcomes)?;
        for outcome in outcomes {
            if !(outcome.position > before && outcome.has_arrived()) {
                self.finish_attempt(outcome)?;
            }
        }
        Ok(())
    }

    /// Gives each delivery of every event its row.
    pub fn fan_out_all(&self) -> Result<(), StoreError> {
        let (_, last) = self.reader().event_range()?;
        self.fan_out(last, &[])
    }

    /// Gives each delivery of the events up to `upto` its row: as delivered, if that is one of the outcomes.
    fn fan_out(&self, upto: Position, outcomes: &[Outcome]) -> Result<(), StoreError> {
        let after = self.reader().fanned_out()?;
        if upto <= after {
            return Ok(());
        }
        let arrived = arrived(outcomes);
        let subscriptions = self.subscriptions.or_read(|| self.reader().subscriptions())?;
        let orderings: HashMap<_, _> =
            subscriptions.iter().map(|one| (one.endpoint, one.ordering)).collect();
        let mut written = 0;
        for Leaving { departure, endpoints } in self.leaving(after, upto)? {
            written += endpoints.len();
            for endpoint in endpoints {
                let ordering = orderings.get(&endpoint).copied();
                match arrived.get(&(endpoint, departure.position)) {
                    _ if ordering.is_none() && !self.is_kept(endpoint)? => {}
                    Some((attempt, at)) => {
                        self.add_delivered(&departure, endpoint, attempt, *at)?;
                    }
                    None => {
                        let ordering = ordering.unwrap_or(EndpointOrdering::Fifo);
                        self.add_delivery(&departure, endpoint, ordering, departure.time)?;
                    }
                }
            }
        }
        let left =
            self.subscriptions.rowless().map(|known| known.deliveries.saturating_sub(written));
        match left {
            Some(left) => self.set_fanned_out(upto, left),
            None => {
                self.set_fanned_out(upto, 0)?;
                self.subscriptions.forget();
                Ok(())
            }
        }
    }

    /// Whether the endpoint has a row: one that was deleted has none once nothing waits for it.
    fn is_kept(&self, endpoint: EndpointId) -> Result<bool, StoreError> {
        let mut row = self.conn.prepare_cached("SELECT 1 FROM endpoint WHERE id = ?1")?;
        Ok(row.exists([endpoint.0])?)
    }

    /// The events of which deliveries have no row. One that cannot be read is left out, and logged.
    fn leaving(&self, after: Position, upto: Position) -> Result<Vec<Leaving>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT position, key_id, community_id, time, endpoints FROM event \
             WHERE position > ?1 AND position <= ?2 AND endpoints IS NOT NULL ORDER BY position",
        )?;
        let leaving = |row: &Row<'_>| {
            Ok(Leaving {
                departure: Departure {
                    position: Position(row.get(0)?),
                    key: row.get(1)?,
                    community: row.get(2)?,
                    time: row.get(3)?,
                },
                endpoints: endpoints(row, 4)?,
            })
        };
        let rows = statement.query([after.0, upto.0])?;
        Ok(self.unreadable.list(rows, EVENT, usize::MAX, leaving)?.rows)
    }

    fn add_delivered(
        &self,
        event: &Departure,
        endpoint: EndpointId,
        attempt: &AttemptRow,
        at: i64,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO delivery (endpoint_id, event_position, key_id, community_id, state, attempts, resent_after, \
                 expires_at, finished_at, started_at, duration_ms, status, detail, response) \
                 VALUES (?1, ?2, ?3, ?4, 'delivered', 1, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                endpoint.0,
                event.position.0,
                event.key,
                event.community,
                event.time + EXPIRE_MS,
                at,
                attempt.started_at,
                attempt.duration_ms,
                attempt.status,
                attempt.detail,
                attempt.response,
            ])?;
        Ok(())
    }
}

impl Outcome {
    /// Whether the first attempt delivered an event, whose delivery had no row then.
    fn has_arrived(&self) -> bool {
        self.delivery.is_none() && self.after == After::Delivered
    }
}

fn arrived(outcomes: &[Outcome]) -> Arrived<'_> {
    let arrived = outcomes.iter().filter(|one| one.has_arrived());
    let by_event = |one: &'_ Outcome| (one.endpoint, one.position);
    arrived.filter_map(|one| Some((by_event(one), (one.attempt.as_ref()?, one.at)))).collect()
}

/// Endpoints as an event's row has them.
#[derive(Default)]
pub(in crate::tables) struct Subscribers {
    text: String,
    pub count: usize,
}

impl Subscribers {
    fn add(&mut self, endpoint: EndpointId) {
        if self.count > 0 {
            self.text.push(',');
        }
        self.text.push_str(&endpoint.0.to_string());
        self.count += 1;
    }

    pub fn text(&self) -> Option<&str> {
        (self.count > 0).then_some(self.text.as_str())
    }
}

fn endpoints(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<EndpointId>> {
    let text = row.get_ref(column)?.as_str()?;
    // Only the host writes it; a part that is no number names no endpoint.
    Ok(text.split(',').filter_map(|id| id.parse().ok()).map(EndpointId).collect())
}

fn departed(row: &Row<'_>) -> rusqlite::Result<Departed> {
    let event = envelope(row)?;
    let expires_at = event.time + EXPIRE_MS;
    let key = row.get(15)?;
    let endpoints = endpoints(row, 16)?;
    let delivery = DueDelivery {
        id: None,
        key,
        attempts: 0,
        due_at: None,
        resent_after: 0,
        expires_at,
        event,
    };
    Ok(Departed { delivery, endpoints })
}
