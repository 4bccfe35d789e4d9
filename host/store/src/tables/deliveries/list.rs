//! Lists of deliveries for the API. Reads only. A page is read from an index, or by a bounded scan if no index has just
//! those rows.

use rusqlite::{OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::rows::{Found, Table, sql_limit, word, word_or_null};
use crate::{AttemptRow, Reader, StoreError};
use moothall_core::clock::Moment;
use moothall_core::endpoint::AttemptError;
use moothall_core::ids::{DeliveryId, EndpointId, Position};

pub(super) const DELIVERY: Table = Table("delivery", 0);
const ATTEMPT: Table = Table("delivery_attempt", 0);
/// Rows that a page scans, at most, if it has to leave some out.
const WALK: usize = 5_000;
/// Deliveries among which the last failure of their endpoint is searched.
const NEWEST: usize = 100;
const DELIVERED: &str = "delivered";

// The conditions by which `walk` finds rows.
pub(super) const OPEN: &str = "state <> 'delivered' AND state = ?1";
pub(super) const OF_ENDPOINT: &str = "endpoint_id = ?1";
pub(super) const OF_COMMUNITY: &str = "community_id = ?1";

pub(super) const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM delivery \
     WHERE endpoint_id = ?1 AND state = 'waiting' AND key_id > 0 LIMIT ?2) AS counted";
pub(super) const FAILURES: &str = "SELECT delivery_id, started_at, status, error, detail FROM delivery_attempt \
     WHERE delivery_id IN (SELECT id FROM (SELECT id FROM delivery WHERE endpoint_id = ?1 ORDER BY id DESC LIMIT ?2) AS \
     newest UNION SELECT ?3) AND error IS NOT NULL ORDER BY started_at DESC, attempt DESC LIMIT ?4";
pub(super) const RECOVERABLE: &str = "SELECT id, finished_at >= ?4 FROM delivery \
     WHERE endpoint_id = ?1 AND state = ?2 AND id > ?3 ORDER BY id LIMIT ?5";
/// `+endpoint_id`: by its endpoint the planner would step over everything that was delivered.
pub(super) const RECOVERABLE_OPEN: &str = "SELECT id, finished_at >= ?4 FROM delivery \
     WHERE state <> 'delivered' AND +endpoint_id = ?1 AND state = ?2 AND id > ?3 ORDER BY id LIMIT ?5";

/// The states of a delivery.
pub const STATES: [&str; 4] = ["waiting", "delivered", "dead", "cancelled"];

/// Which deliveries are listed.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    pub endpoint: Option<EndpointId>,
    pub state: Option<String>,
    /// Row of the community.
    pub community: Option<i64>,
}

/// A delivery as `/api/internal/deliveries` shows it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
pub struct DeliveryRow {
    pub id: DeliveryId,
    pub endpoint: String,
    /// Null once the event is no longer kept.
    pub event: Option<DeliveredEvent>,
    #[schemars(extend("enum" = STATES))]
    pub state: String,
    pub attempts: u32,
    pub due_at: Option<Moment>,
    pub expires_at: Option<Moment>,
    pub finished_at: Option<Moment>,
}

/// What is sent.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DeliveredEvent {
    pub id: String,
    pub position: Position,
    pub community: String,
    pub source: String,
    pub event_type: String,
}

const SHOWN: &str = "d.id, p.public_id, e.id, e.position, e.community, e.source, e.event_type, d.state, d.attempts, \
                     d.due_at, d.expires_at, d.finished_at FROM delivery d JOIN endpoint p ON p.id = d.endpoint_id \
                     LEFT JOIN event e ON e.position = d.event_position";

fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    let event = match row.get::<_, Option<String>>(2)? {
        None => None,
        Some(id) => Some(DeliveredEvent {
            id,
            position: Position(row.get(3)?),
            community: row.get(4)?,
            source: row.get(5)?,
            event_type: row.get(6)?,
        }),
    };
    Ok(DeliveryRow {
        id: DeliveryId(row.get(0)?),
        endpoint: row.get(1)?,
        event,
        state: row.get(7)?,
        attempts: row.get(8)?,
        due_at: row.get::<_, Option<i64>>(9)?.map(Moment),
        expires_at: row.get::<_, Option<i64>>(10)?.map(Moment),
        finished_at: row.get::<_, Option<i64>>(11)?.map(Moment),
    })
}

/// How many deliveries wait for an endpoint, and its last failure.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    /// Counted up to a bound.
    pub count: usize,
    pub is_more: bool,
    /// The time of the oldest delivery's event.
    pub oldest: Option<i64>,
    /// Whether the oldest has failed.
    pub is_failing: bool,
    pub last_failure: Option<LastFailure>,
}

#[derive(Clone, Debug)]
pub struct LastFailure {
    pub delivery: DeliveryId,
    pub at: i64,
    pub status: Option<u16>,
    pub error: AttemptError,
    pub detail: Option<String>,
}

impl Reader<'_> {
    /// Counts at most `most` of the deliveries that wait for an endpoint.
    pub fn backlog(&self, endpoint: EndpointId, most: usize) -> Result<Backlog, StoreError> {
        let mut count = self.conn.prepare_cached(COUNT)?;
        let counted: i64 =
            count.query_row(params![endpoint.0, most as i64 + 1], |row| row.get(0))?;
        let counted = usize::try_from(counted).unwrap_or_default();
        let oldest = self.oldest_delivery(endpoint)?;
        let waiting = match oldest {
            Some(id) => self.waiting_delivery(id)?.row(),
            None => None,
        };
        Ok(Backlog {
            count: counted.min(most),
            is_more: counted > most,
            is_failing: waiting.as_ref().is_some_and(|one| one.attempts > one.resent_after),
            oldest: waiting.map(|one| one.event.time),
            last_failure: self.last_failure(endpoint, oldest)?,
        })
    }

    /// The last failed attempt, among the newest deliveries and the one that has waited longest.
    fn last_failure(
        &self,
        endpoint: EndpointId,
        oldest: Option<DeliveryId>,
    ) -> Result<Option<LastFailure>, StoreError> {
        let mut statement = self.conn.prepare_cached(FAILURES)?;
        let (oldest, limit) = (oldest.map(|oldest| oldest.0), sql_limit(1));
        let rows = statement.query(params![endpoint.0, NEWEST as i64, oldest, limit])?;
        let failure = |row: &Row<'_>| {
            Ok(LastFailure {
                delivery: DeliveryId(row.get(0)?),
                at: row.get(1)?,
                status: row.get(2)?,
                error: word(row, 3, AttemptError::parse)?,
                detail: row.get(4)?,
            })
        };
        Ok(self.unreadable.list(rows, ATTEMPT, 1, failure)?.rows.pop())
    }

    /// The newest before `before`, at most `limit`; and where to go on, if there is more.
    pub fn deliveries(
        &self,
        filter: &DeliveryFilter,
        before: DeliveryId,
        limit: usize,
    ) -> Result<(Vec<DeliveryRow>, Option<DeliveryId>), StoreError> {
        let (ids, next) = self.delivery_ids(filter, before, limit)?;
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            rows.extend(self.listed_delivery(id)?.row());
        }
        Ok((rows, next))
    }

    pub fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        let sql = format!("SELECT {SHOWN} WHERE d.id = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([id.0], delivery).optional()?)
    }

    fn listed_delivery(&self, id: DeliveryId) -> Result<Found<DeliveryRow>, StoreError> {
        let sql = format!("SELECT {SHOWN} WHERE d.id = ?1");
        let read = self.conn.prepare_cached(&sql)?.query_row([id.0], delivery);
        self.unreadable.one(DELIVERY.0, id.0, read)
    }

    /// Attempts of one delivery, in order. A first one that succeeded is in the delivery's own row.
    pub fn attempts(&self, delivery: DeliveryId) -> Result<Vec<AttemptRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, 1 AS attempt, started_at, duration_ms, status, NULL, detail, response FROM delivery \
             WHERE id = ?1 AND started_at IS NOT NULL \
             UNION ALL SELECT delivery_id, attempt, started_at, duration_ms, status, error, detail, response \
             FROM delivery_attempt WHERE delivery_id = ?1 ORDER BY attempt",
        )?;
        let attempt = |row: &Row<'_>| {
            Ok(AttemptRow {
                attempt: row.get(1)?,
                started_at: row.get(2)?,
                duration_ms: row.get(3)?,
                status: row.get(4)?,
                error: word_or_null(row, 5, AttemptError::parse)?,
                detail: row.get(6)?,
                response: row.get(7)?,
            })
        };
        let rows = statement.query([delivery.0])?;
        Ok(self.unreadable.list(rows, ATTEMPT, usize::MAX, attempt)?.rows)
    }

    /// Finished deliveries of an endpoint in that state after `after`, by id, at most `limit`; and
    /// the id after which to go on, if there may be more.
    pub fn recoverable_deliveries(
        &self,
        endpoint: EndpointId,
        state: &str,
        after: DeliveryId,
        since: i64,
        limit: usize,
    ) -> Result<(Vec<DeliveryId>, Option<DeliveryId>), StoreError> {
        let sql = if state == DELIVERED { RECOVERABLE } else { RECOVERABLE_OPEN };
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement
            .query_map(params![endpoint.0, state, after.0, since, limit as i64], |row| {
                Ok((DeliveryId(row.get(0)?), row.get::<_, Option<bool>>(1)?.unwrap_or(false)))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let next = rows.last().filter(|_| rows.len() == limit).map(|(id, _)| *id);
        Ok((rows.into_iter().filter(|(_, recent)| *recent).map(|(id, _)| id).collect(), next))
    }

    fn delivery_ids(
        &self,
        filter: &DeliveryFilter,
        before: DeliveryId,
        limit: usize,
    ) -> Result<(Vec<DeliveryId>, Option<DeliveryId>), StoreError> {
        let parts = [filter.endpoint.is_some(), filter.state.is_some(), filter.community.is_some()];
        let is_covered = match parts {
            [false, true, false] => filter.state.as_deref() != Some(DELIVERED),
            parts => parts.iter().filter(|part| **part).count() <= 1,
        };
        // More rows are read than shown only if some have to be left out.
        let rows = if is_covered { limit } else { WALK };
        let walked = self.walk(filter, before, rows)?;
        let mut ids = Vec::new();
        for one in &walked {
            if filter.has(one) {
                ids.push(one.id);
            }
            if ids.len() == limit {
                return Ok((ids, Some(one.id)));
            }
        }
        let next = walked.last().filter(|_| walked.len() == rows).map(|one| one.id);
        Ok((ids, next))
    }

    /// The newest `rows` of the narrowest index. What is not delivered has an index of its own, because it is little and is
    /// asked for most.
    fn walk(
        &self,
        filter: &DeliveryFilter,
        before: DeliveryId,
        rows: usize,
    ) -> Result<Vec<Walked>, StoreError> {
        let open = filter.state.as_ref().filter(|state| *state != DELIVERED);
        let (of, value): (&str, &dyn rusqlite::ToSql) = match filter {
            _ if open.is_some() => (OPEN, &open),
            DeliveryFilter { endpoint: Some(endpoint), .. } => (OF_ENDPOINT, &endpoint.0),
            DeliveryFilter { community: Some(community), .. } => (OF_COMMUNITY, community),
            _ => ("?1", &true),
        };
        let mut statement = self.conn.prepare_cached(&walk(of))?;
        let walked = |row: &Row<'_>| {
            let (endpoint, community) = (EndpointId(row.get(1)?), row.get(2)?);
            Ok(Walked { id: DeliveryId(row.get(0)?), endpoint, community, state: row.get(3)? })
        };
        let found = statement.query(params![value, before.0, sql_limit(rows)])?;
        Ok(self.unreadable.list(found, DELIVERY, rows, walked)?.rows)
    }
}

/// The newest rows for which the condition holds.
pub(super) fn walk(of: &str) -> String {
    format!(
        "SELECT id, endpoint_id, community_id, state FROM delivery WHERE {of} AND id < ?2 ORDER BY id DESC LIMIT ?3"
    )
}

/// The columns by which deliveries are filtered.
struct Walked {
    id: DeliveryId,
    endpoint: EndpointId,
    community: i64,
    state: String,
}

impl DeliveryFilter {
    fn has(&self, one: &Walked) -> bool {
        self.endpoint.is_none_or(|wanted| wanted == one.endpoint)
            && self.community.is_none_or(|wanted| wanted == one.community)
            && self.state.as_ref().is_none_or(|wanted| *wanted == one.state)
    }
}
