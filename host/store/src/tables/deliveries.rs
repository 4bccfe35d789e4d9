//! The tables `delivery` and `delivery_attempt`: events on their way to endpoints.
//!
//! Which deliveries an event has is decided in its transaction; `fan_out` says when they get their rows. Only the head of a
//! lane has a due time; whatever finishes a delivery gives its lane the next head, in the same write.
//!
//! Without statistics the planner has to find the right index by the conditions alone. Where it would not, a statement has
//! one more, which is always true (`key_id > 0`). A test compares the plans.

pub mod due;
pub mod fan_out;
pub mod list;
#[cfg(test)]
mod tests;

use rusqlite::{OptionalExtension, params};

use crate::engine::subscriptions::Subscription;
use crate::{Audience, NewEvent, Reader, StoreError, Tx};
use moothall_core::endpoint::{AttemptError, EndpointOrdering};
use moothall_core::ids::{DeliveryId, EndpointId, Position};

/// How long a delivery is tried after its event, in milliseconds.
pub const EXPIRE_MS: i64 = 4 * 24 * 60 * 60 * 1000;

const LANE_TAKEN: &str =
    "SELECT 1 FROM delivery WHERE state = 'waiting' AND endpoint_id = ?1 AND key_id = ?2 LIMIT 1";
const ROW_OF: &str =
    "SELECT id FROM delivery WHERE state = 'waiting' AND event_position = ?1 AND endpoint_id = ?2";
const NEXT_OF_LANE: &str = "SELECT w.id, w.due_at IS NULL FROM delivery f JOIN delivery w ON w.state = 'waiting' \
     AND w.endpoint_id = f.endpoint_id AND w.key_id = f.key_id WHERE f.id = ?1 ORDER BY w.id LIMIT 1";
const FINISHED: &str = "SELECT id FROM delivery WHERE state <> 'waiting' AND state = ?1 AND finished_at < ?2 \
     ORDER BY finished_at LIMIT ?3";

/// What deliveries need of an event that was just stored.
pub(super) struct Departure {
    pub position: Position,
    pub key: i64,
    pub community: i64,
    pub time: i64,
}

/// An attempt as it is stored.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    pub attempt: u32,
    pub started_at: i64,
    pub duration_ms: i64,
    pub status: Option<u16>,
    pub error: Option<AttemptError>,
    /// One sentence about it.
    pub detail: Option<String>,
    /// The first bytes of the answer's body.
    pub response: Option<Vec<u8>>,
}

/// The state of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Delivered,
    Dead,
    /// It is sent again at that time.
    Due(i64),
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub endpoint: EndpointId,
    /// None if the delivery had no row when the attempt began.
    pub delivery: Option<DeliveryId>,
    /// Of its event.
    pub position: Position,
    /// The delivery's expiry when the attempt began; a delivery that was sent again by hand meanwhile has a later one.
    pub expires_at: i64,
    /// None for a probe that reached nobody: it counts as no attempt.
    pub attempt: Option<AttemptRow>,
    pub after: After,
    /// The receiver wants no more: its endpoint is disabled.
    pub gone: bool,
    pub at: i64,
}

impl Outcome {
    /// About how many bytes it stores.
    pub fn bytes(&self) -> usize {
        self.attempt.iter().filter_map(|attempt| attempt.response.as_ref()).map(Vec::len).sum()
    }
}

impl Tx<'_> {
    /// The delivery of an event that is for one endpoint alone gets its row at once.
    pub(super) fn add_deliveries(
        &self,
        event: &NewEvent,
        departure: &Departure,
    ) -> Result<(), StoreError> {
        match &event.audience {
            Audience::Endpoints => Ok(()),
            Audience::Callback { url, not_before } => {
                let endpoint = self.callback_endpoint(url, event.time)?;
                self.add_delivery(departure, endpoint, EndpointOrdering::Fifo, *not_before)
            }
            Audience::Endpoint(endpoint) => {
                self.add_delivery(departure, *endpoint, EndpointOrdering::Unordered, event.time)
            }
        }
    }

    fn add_delivery(
        &self,
        event: &Departure,
        endpoint: EndpointId,
        ordering: EndpointOrdering,
        due_at: i64,
    ) -> Result<(), StoreError> {
        let in_order = ordering == EndpointOrdering::Fifo;
        let behind = in_order && self.is_lane_taken(endpoint, event.key)?;
        self.conn
            .prepare_cached(
                "INSERT INTO delivery (endpoint_id, event_position, key_id, community_id, state, attempts, \
                 resent_after, due_at, expires_at) VALUES (?1, ?2, ?3, ?4, 'waiting', 0, 0, ?5, ?6)",
            )?
            .execute(params![
                endpoint.0,
                event.position.0,
                event.key,
                event.community,
                (!behind).then_some(due_at),
                event.time + EXPIRE_MS,
            ])?;
        self.raised.deliveries.set(true);
        Ok(())
    }

    fn is_lane_taken(&self, endpoint: EndpointId, key: i64) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(LANE_TAKEN)?;
        Ok(statement.exists([endpoint.0, key])?)
    }

    /// Stores the outcome of an attempt. A delivery that was cancelled meanwhile stays cancelled.
    fn finish_attempt(&self, outcome: &Outcome) -> Result<(), StoreError> {
        let Outcome { endpoint, expires_at, attempt, after, gone, at, .. } = outcome;
        if *gone {
            self.disable_endpoint(*endpoint, "the receiver answered 410 Gone")?;
        }
        let Some(delivery) = self.delivery_of(outcome)? else { return Ok(()) };
        if let Some(attempt) = attempt {
            self.add_attempt(delivery, attempt, *after)?;
        }
        let (state, due_at, finished_at) = match after {
            After::Delivered => ("delivered", None, Some(*at)),
            After::Dead if self.was_resent(delivery, *expires_at)? => ("waiting", Some(*at), None),
            After::Dead => ("dead", None, Some(*at)),
            After::Due(at) => ("waiting", Some(*at), None),
        };
        self.conn
            .prepare_cached(
                "UPDATE delivery SET state = ?2, due_at = ?3, finished_at = ?4, \
                 attempts = CASE WHEN attempts < ?5 THEN ?5 ELSE attempts END \
                 WHERE id = ?1 AND (state = 'waiting' OR state = 'dead' AND ?2 = 'delivered')",
            )?
            .execute(params![
                delivery.0,
                state,
                due_at,
                finished_at,
                attempt.as_ref().map_or(0, |attempt| attempt.attempt),
            ])?;
        if finished_at.is_some() { self.advance_lane(delivery, *at) } else { Ok(()) }
    }

    /// The row of an attempt's delivery. One that got its row after the attempt began is found while it waits.
    fn delivery_of(&self, outcome: &Outcome) -> Result<Option<DeliveryId>, StoreError> {
        if outcome.delivery.is_some() {
            return Ok(outcome.delivery);
        }
        let mut row = self.conn.prepare_cached(ROW_OF)?;
        let row = row.query_row([outcome.position.0, outcome.endpoint.0], |row| row.get(0));
        Ok(row.optional()?.map(DeliveryId))
    }

    /// Whether it was sent again by hand after the attempt began: then that attempt does not end it.
    fn was_resent(&self, delivery: DeliveryId, expires_at: i64) -> Result<bool, StoreError> {
        let mut later = self.conn.prepare_cached(
            "SELECT 1 FROM delivery WHERE id = ?1 AND state = 'waiting' AND expires_at > ?2",
        )?;
        Ok(later.exists([delivery.0, expires_at])?)
    }

    /// One that succeeds at once is written into the delivery's own row.
    fn add_attempt(
        &self,
        delivery: DeliveryId,
        attempt: &AttemptRow,
        after: After,
    ) -> Result<(), StoreError> {
        if after == After::Delivered && attempt.attempt == 1 {
            return self.set_only_attempt(delivery, attempt);
        }
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO delivery_attempt (delivery_id, attempt, started_at, duration_ms, status, \
                 error, detail, response) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                delivery.0,
                attempt.attempt,
                attempt.started_at,
                attempt.duration_ms,
                attempt.status,
                attempt.error.map(AttemptError::as_str),
                attempt.detail,
                attempt.response,
            ])?;
        Ok(())
    }

    fn set_only_attempt(&self, delivery: DeliveryId, only: &AttemptRow) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "UPDATE delivery SET started_at = ?2, duration_ms = ?3, status = ?4, detail = ?5, response = ?6 \
                 WHERE id = ?1",
            )?
            .execute(params![
                delivery.0,
                only.started_at,
                only.duration_ms,
                only.status,
                only.detail,
                only.response,
            ])?;
        Ok(())
    }

    /// After a delivery has finished the next of its lane becomes due, unless another is before that.
    fn advance_lane(&self, finished: DeliveryId, now: i64) -> Result<(), StoreError> {
        let mut next = self.conn.prepare_cached(NEXT_OF_LANE)?;
        let next = next
            .query_row([finished.0], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)))
            .optional()?;
        if let Some((next, true)) = next {
            self.conn
                .prepare_cached("UPDATE delivery SET due_at = ?2 WHERE id = ?1")?
                .execute([next, now])?;
            self.raised.deliveries.set(true);
        }
        Ok(())
    }

    /// Ends waiting deliveries: as `dead` those that have expired by `expired`, or all as `cancelled`. Returns how many: one
    /// that was sent again by hand meanwhile goes on.
    pub fn end_deliveries(
        &self,
        deliveries: &[DeliveryId],
        state: &'static str,
        (now, expired): (i64, i64),
    ) -> Result<usize, StoreError> {
        let mut count = 0;
        for delivery in deliveries {
            let ended = self
                .conn
                .prepare_cached(
                    "UPDATE delivery SET state = ?2, due_at = NULL, finished_at = ?3 \
                     WHERE id = ?1 AND state = 'waiting' AND (?2 <> 'dead' OR expires_at <= ?4)",
                )?
                .execute(params![delivery.0, state, now, expired])?;
            if ended > 0 {
                count += ended;
                self.advance_lane(*delivery, now)?;
            }
        }
        Ok(count)
    }

    /// Makes deliveries dead whose rows or events cannot be read, so that they hold up no others. Returns how many.
    pub fn bury_deliveries(
        &self,
        deliveries: &[DeliveryId],
        now: i64,
    ) -> Result<usize, StoreError> {
        let mut bury = self.conn.prepare_cached(
            "UPDATE delivery SET state = 'dead', due_at = NULL, finished_at = ?2, \
             attempts = CASE WHEN attempts < 0 THEN 0 ELSE attempts END \
             WHERE id = ?1 AND state = 'waiting'",
        )?;
        let mut count = 0;
        for delivery in deliveries {
            if bury.execute([delivery.0, now])? > 0 {
                count += 1;
                self.advance_lane(*delivery, now)?;
            }
        }
        Ok(count)
    }

    /// Makes a delivery wait again, for as long as a new one. False: there is no such delivery, or its event or its endpoint
    /// is gone.
    pub fn resend_delivery(&self, delivery: DeliveryId, now: i64) -> Result<bool, StoreError> {
        // What is under way without a row holds up a lane too.
        self.fan_out_all()?;
        let mut found = self.conn.prepare_cached(
            "SELECT d.endpoint_id, d.key_id, d.state = 'waiting', d.due_at IS NULL, p.ordering = 'fifo' \
             FROM delivery d JOIN endpoint p ON p.id = d.endpoint_id AND p.kind <> 'deleted' \
             JOIN event e ON e.position = d.event_position WHERE d.id = ?1",
        )?;
        let found = found
            .query_row([delivery.0], |row| {
                Ok((
                    EndpointId(row.get(0)?),
                    row.get::<_, i64>(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })
            .optional()?;
        let Some((endpoint, key, is_waiting, is_behind, in_order)) = found else {
            return Ok(false);
        };
        let behind = match is_waiting {
            true => is_behind,
            false => in_order && self.is_lane_taken(endpoint, key)?,
        };
        self.conn
            .prepare_cached(
                "UPDATE delivery SET state = 'waiting', due_at = ?2, \
                 expires_at = CASE WHEN expires_at < ?3 THEN ?3 ELSE expires_at END, \
                 finished_at = NULL, resent_after = attempts WHERE id = ?1",
            )?
            .execute(params![delivery.0, (!behind).then_some(now), now + EXPIRE_MS])?;
        self.raised.deliveries.set(true);
        Ok(true)
    }

    /// Removes at most `rows` deliveries of that state that finished before `before`, with their attempts. Returns how
    /// many.
    pub fn purge_deliveries(
        &self,
        state: &'static str,
        before: i64,
        rows: usize,
    ) -> Result<usize, StoreError> {
        let mut old = self.conn.prepare_cached(FINISHED)?;
        let old = old.query_map(params![state, before, rows as i64], |row| row.get::<_, i64>(0))?;
        let old: Vec<i64> = old.collect::<Result<_, _>>()?;
        for id in &old {
            self.conn
                .prepare_cached("DELETE FROM delivery_attempt WHERE delivery_id = ?1")?
                .execute([id])?;
            self.conn.prepare_cached("DELETE FROM delivery WHERE id = ?1")?.execute([id])?;
        }
        Ok(old.len())
    }
}

impl Reader<'_> {
    /// The endpoints that an event would go to, by their public ids.
    pub fn subscribers(&self, event: &NewEvent) -> Result<Vec<String>, StoreError> {
        let mut public_id =
            self.conn.prepare_cached("SELECT public_id FROM endpoint WHERE id = ?1")?;
        let all = self.subscriptions()?;
        let community = event.community.map_or(0, |community| community.0);
        let wants = |one: &&Subscription| one.is_for(community, &event.source, &event.event_type);
        all.iter()
            .filter(wants)
            .map(|one| Ok(public_id.query_row([one.endpoint.0], |row| row.get(0))?))
            .collect()
    }
}
