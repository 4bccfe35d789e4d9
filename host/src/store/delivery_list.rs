//! Deliveries as they are listed and shown. Reads only; a page costs what an index gives, and a
//! bounded walk where no index has just those rows.

use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::{AttemptRow, Reader, StoreError};
use crate::clock::rfc3339;

/// Rows that a page looks at, at most, where it has to leave some out.
const WALK: usize = 5_000;
const DELIVERED: &str = "delivered";
/// The states of a delivery.
pub const STATES: [&str; 4] = ["waiting", "delivered", "dead", "cancelled"];

/// Which deliveries a page has.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Row of the endpoint.
    pub endpoint: Option<i64>,
    pub state: Option<String>,
    /// Row of the community.
    pub community: Option<i64>,
}

/// A delivery as `/api/internal/deliveries` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryRow {
    pub id: i64,
    pub endpoint: String,
    /// Null once the event is no longer kept.
    pub event: Option<DeliveredEvent>,
    pub state: String,
    pub attempts: u32,
    #[serde(serialize_with = "as_rfc3339")]
    pub due_at: Option<i64>,
    #[serde(serialize_with = "as_rfc3339")]
    pub expires_at: Option<i64>,
    #[serde(serialize_with = "as_rfc3339")]
    pub finished_at: Option<i64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct DeliveredEvent {
    pub id: String,
    pub position: i64,
    pub community: String,
    pub source: String,
    pub event_type: String,
}

fn as_rfc3339<S: serde::Serializer>(ms: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match ms {
        Some(ms) => serializer.serialize_str(&rfc3339(*ms)),
        None => serializer.serialize_none(),
    }
}

const SHOWN: &str = "d.id, p.public_id, e.id, e.position, e.community, e.source, e.event_type, d.state, d.attempts, \
                     d.due_at, d.expires_at, d.finished_at FROM delivery d JOIN endpoint p ON p.id = d.endpoint_id \
                     LEFT JOIN event e ON e.position = d.event_position";

fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    let event = match row.get::<_, Option<String>>(2)? {
        None => None,
        Some(id) => Some(DeliveredEvent {
            id,
            position: row.get(3)?,
            community: row.get(4)?,
            source: row.get(5)?,
            event_type: row.get(6)?,
        }),
    };
    Ok(DeliveryRow {
        id: row.get(0)?,
        endpoint: row.get(1)?,
        event,
        state: row.get(7)?,
        attempts: row.get(8)?,
        due_at: row.get(9)?,
        expires_at: row.get(10)?,
        finished_at: row.get(11)?,
    })
}

impl Reader<'_> {
    /// The newest before `before`, at most `limit`; and where to go on, if there is more.
    pub fn deliveries(
        &self,
        filter: &DeliveryFilter,
        before: i64,
        limit: usize,
    ) -> Result<(Vec<DeliveryRow>, Option<i64>), StoreError> {
        let (ids, next) = self.delivery_ids(filter, before, limit)?;
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            rows.extend(self.delivery(id)?);
        }
        Ok((rows, next))
    }

    pub fn delivery(&self, id: i64) -> Result<Option<DeliveryRow>, StoreError> {
        let sql = format!("SELECT {SHOWN} WHERE d.id = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([id], delivery).optional()?)
    }

    /// Attempts of one delivery, in order.
    pub fn attempts(&self, delivery: i64) -> Result<Vec<AttemptRow>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT attempt, started_at, duration_ms, status, error, detail, response FROM delivery_attempt \
             WHERE delivery_id = ?1 ORDER BY attempt",
        )?;
        let rows = statement.query_map([delivery], |row| {
            Ok(AttemptRow {
                attempt: row.get(0)?,
                started_at: row.get(1)?,
                duration_ms: row.get(2)?,
                status: row.get(3)?,
                error: row.get(4)?,
                detail: row.get(5)?,
                response: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Finished deliveries of an endpoint in that state after `after`, by id, at most `limit`; and
    /// the last id that was looked at, if there may be more.
    pub fn recoverable_deliveries(
        &self,
        endpoint: i64,
        state: &str,
        after: i64,
        since: i64,
        limit: usize,
    ) -> Result<(Vec<i64>, Option<i64>), StoreError> {
        let index = match state {
            DELIVERED => "delivery_endpoint WHERE",
            _ => "delivery_open WHERE state <> 'delivered' AND",
        };
        let sql = format!(
            "SELECT id, finished_at >= ?4 FROM delivery INDEXED BY {index} endpoint_id = ?1 AND state = ?2 \
             AND id > ?3 ORDER BY id LIMIT ?5"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let rows = statement
            .query_map(params![endpoint, state, after, since, limit as i64], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Option<bool>>(1)?.unwrap_or(false)))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let next = rows.last().filter(|_| rows.len() == limit).map(|(id, _)| *id);
        Ok((rows.into_iter().filter(|(_, recent)| *recent).map(|(id, _)| id).collect(), next))
    }

    fn delivery_ids(
        &self,
        filter: &DeliveryFilter,
        before: i64,
        limit: usize,
    ) -> Result<(Vec<i64>, Option<i64>), StoreError> {
        let parts = [filter.endpoint.is_some(), filter.state.is_some(), filter.community.is_some()];
        let is_covered = match parts {
            [false, true, false] => filter.state.as_deref() != Some(DELIVERED),
            parts => parts.iter().filter(|part| **part).count() <= 1,
        };
        // Only where rows have to be left out are more read than shown.
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

    /// The newest `rows` of the narrowest index. What is not delivered has one of its own, because it is
    /// little and is what is looked for.
    fn walk(
        &self,
        filter: &DeliveryFilter,
        before: i64,
        rows: usize,
    ) -> Result<Vec<Walked>, StoreError> {
        let open = filter.state.as_ref().filter(|state| *state != DELIVERED);
        let (of, value): (&str, &dyn rusqlite::ToSql) = match filter {
            _ if open.is_some() => {
                ("INDEXED BY delivery_open WHERE state <> 'delivered' AND state = ?1 AND", &open)
            }
            DeliveryFilter { endpoint: Some(endpoint), .. } => {
                ("INDEXED BY delivery_endpoint WHERE endpoint_id = ?1 AND", endpoint)
            }
            DeliveryFilter { community: Some(community), .. } => {
                ("INDEXED BY delivery_community WHERE community_id = ?1 AND", community)
            }
            _ => ("WHERE ?1 AND", &true),
        };
        let sql = format!(
            "SELECT id, endpoint_id, community_id, state FROM delivery {of} id < ?2 ORDER BY id DESC LIMIT ?3"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let walked = statement.query_map(params![value, before, rows as i64], |row| {
            let (endpoint, community) = (row.get(1)?, row.get(2)?);
            Ok(Walked { id: row.get(0)?, endpoint, community, state: row.get(3)? })
        })?;
        Ok(walked.collect::<Result<_, _>>()?)
    }
}

/// What a filter looks at.
struct Walked {
    id: i64,
    endpoint: i64,
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
