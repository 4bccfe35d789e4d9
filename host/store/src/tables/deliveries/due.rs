//! Which deliveries are due, and the event that each sends.

use rusqlite::{OptionalExtension, Row, params, params_from_iter};

use super::super::events::{ENVELOPE, ENVELOPE_FROM, envelope};
use super::list::DELIVERY;
use crate::engine::rows::Found;
use crate::{Reader, StoreError};
use moothall_core::events::Envelope;
use moothall_core::ids::{DeliveryId, EndpointId, Position};

pub(super) const NEXT_ENDPOINT: &str = "SELECT endpoint_id, due_at FROM delivery WHERE state = 'waiting' \
     AND due_at IS NOT NULL AND endpoint_id > ?1 ORDER BY endpoint_id, due_at LIMIT 1";
pub(super) const DUE: &str = "SELECT id, event_position FROM delivery WHERE state = 'waiting' AND due_at IS NOT NULL \
     AND endpoint_id = ?1 AND due_at <= ?2 ORDER BY due_at, id LIMIT ?3";
pub(super) const LANE: &str = "SELECT id, event_position FROM delivery WHERE state = 'waiting' \
     AND endpoint_id = ?1 AND key_id = ?2 ORDER BY id";
/// `+id`: by the order of ids the planner would step over everything that was delivered.
pub(super) const OLDEST: &str = "SELECT min(+id) FROM delivery WHERE endpoint_id = ?1 AND state = 'waiting' \
     AND due_at IS NOT NULL";
pub(super) const EXPIRED: &str = "SELECT id FROM delivery WHERE state = 'waiting' AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2";
pub(super) const ORPHANED: &str = "SELECT id FROM delivery WHERE state = 'waiting' AND key_id > 0 \
     AND endpoint_id IN (SELECT id FROM endpoint WHERE kind = 'deleted') LIMIT ?1";
pub(super) const WAITING: &str =
    "SELECT count(*), min(expires_at) FROM delivery WHERE state = 'waiting'";

/// A delivery that may be sent now.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    /// None: it has no row yet.
    pub id: Option<DeliveryId>,
    /// The row of its event's key: with its endpoint, this is its lane.
    pub key: i64,
    pub attempts: u32,
    /// None while another delivery of its lane is before it.
    pub due_at: Option<i64>,
    /// How many of these attempts were made before it was last sent again by hand.
    pub resent_after: u32,
    pub expires_at: i64,
    pub event: Envelope,
}

/// Endpoints that have something due.
#[derive(Clone, Debug, Default)]
pub struct DueEndpoints {
    pub found: Vec<EndpointId>,
    /// Where to go on, if there may be more.
    pub next: Option<EndpointId>,
}

impl Reader<'_> {
    /// Endpoints after `after` that have something due at `now`: one step of the index for each that
    /// has anything waiting, at most `limit`, however much waits.
    pub fn endpoints_due(
        &self,
        after: EndpointId,
        now: i64,
        limit: usize,
    ) -> Result<DueEndpoints, StoreError> {
        let mut next = self.conn.prepare_cached(NEXT_ENDPOINT)?;
        let (mut at, mut due) = (after.0, DueEndpoints::default());
        for _ in 0..limit {
            let row =
                next.query_row([at], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
            let Some((endpoint, due_at)) = row.optional()? else { return Ok(due) };
            at = endpoint;
            if due_at <= now {
                due.found.push(EndpointId(endpoint));
            }
        }
        due.next = Some(EndpointId(at));
        Ok(due)
    }

    /// Deliveries to one endpoint that are due, with the positions of their events, the longest due first, at most `limit`.
    pub fn due_deliveries(
        &self,
        endpoint: EndpointId,
        now: i64,
        limit: usize,
    ) -> Result<Vec<(DeliveryId, Position)>, StoreError> {
        let mut statement = self.conn.prepare_cached(DUE)?;
        let due = |row: &Row<'_>| Ok((DeliveryId(row.get(0)?), Position(row.get(1)?)));
        let rows = statement.query_map(params![endpoint.0, now, limit as i64], due)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A waiting delivery with its event.
    pub fn waiting_delivery(&self, id: DeliveryId) -> Result<Found<DueDelivery>, StoreError> {
        let sql = format!(
            "SELECT {ENVELOPE}, d.id, d.attempts, d.resent_after, d.expires_at, d.due_at, d.key_id FROM {ENVELOPE_FROM} \
             JOIN delivery d ON d.event_position = e.position WHERE d.id = ?1 AND d.state = 'waiting'"
        );
        let read = self.conn.prepare_cached(&sql)?.query_row([id.0], due_delivery);
        self.unreadable.one(DELIVERY.0, id.0, read)
    }

    /// The first waiting delivery of a lane, without those whose events' positions are passed over.
    pub fn first_in_lane(
        &self,
        endpoint: EndpointId,
        key: i64,
        is_passed_over: impl Fn(Position) -> bool,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let mut lane = self.conn.prepare_cached(LANE)?;
        let mut rows = lane.query([endpoint.0, key])?;
        while let Some(row) = rows.next()? {
            if !is_passed_over(Position(row.get(1)?)) {
                return Ok(Some(DeliveryId(row.get(0)?)));
            }
        }
        Ok(None)
    }

    /// The oldest delivery that waits for an endpoint, due or not, among the first of each lane.
    pub fn oldest_delivery(&self, endpoint: EndpointId) -> Result<Option<DeliveryId>, StoreError> {
        let mut statement = self.conn.prepare_cached(OLDEST)?;
        let oldest: Option<i64> = statement.query_row([endpoint.0], |row| row.get(0))?;
        Ok(oldest.map(DeliveryId))
    }

    /// Deliveries that have expired, at most `limit`.
    pub fn expired_deliveries(
        &self,
        now: i64,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        self.ids(EXPIRED, &[now, limit as i64])
    }

    /// Waiting deliveries of endpoints that were deleted, at most `limit`.
    pub fn orphaned_deliveries(&self, limit: usize) -> Result<Vec<DeliveryId>, StoreError> {
        self.ids(ORPHANED, &[limit as i64])
    }

    fn ids(&self, sql: &str, values: &[i64]) -> Result<Vec<DeliveryId>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let id = |row: &Row<'_>| row.get(0).map(DeliveryId);
        let rows = statement.query_map(params_from_iter(values), id)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many wait, and when the next of them expires.
    pub fn waiting_deliveries(&self) -> Result<(i64, Option<i64>), StoreError> {
        let mut statement = self.conn.prepare_cached(WAITING)?;
        Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }
}

fn due_delivery(row: &Row<'_>) -> rusqlite::Result<DueDelivery> {
    Ok(DueDelivery {
        event: envelope(row)?,
        id: Some(DeliveryId(row.get(15)?)),
        key: row.get(20)?,
        attempts: row.get(16)?,
        resent_after: row.get(17)?,
        expires_at: row.get(18)?,
        due_at: row.get(19)?,
    })
}
