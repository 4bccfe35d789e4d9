//! The tables `event`, `event_key` and `event_dedupe`.
//!
//! An event is appended in the transaction of what caused it, together with the endpoints that it goes to. The one writer
//! numbers events by `position`, which is the only cursor and which nobody knows before the commit (`append`).

mod append;
#[cfg(test)]
mod tests;

use rusqlite::{OptionalExtension, Row, params};

use crate::engine::rows::{Bound, Table, sql_limit};
use crate::{Reader, StoreError, Tx};
use moothall_core::clock::rfc3339;
use moothall_core::events::Envelope;
use moothall_core::ids::{CommunityId, EndpointId, InstanceId, Position, new_event_id};
use moothall_core::instance::CommunityNames;
use moothall_values::json::Object;

/// How long a dedupe key counts, in milliseconds.
pub const DEDUPE_MS: i64 = 24 * 60 * 60 * 1000;

/// The table as an envelope reads it.
pub(super) const EVENT: Table = Table("event", 0);
/// One read of the log ends after so many bytes of data.
const READ_BYTES: usize = 8 << 20;

/// The oldest events: whether a delivery needs them, and whether a worker does.
const OLDEST: &str = "SELECT position, time, position > (SELECT position FROM fan_out WHERE id = 1) OR position >= \
     (SELECT coalesce(min(event_position), 0x7fffffffffffffff) FROM delivery WHERE state = 'waiting'), EXISTS \
     (SELECT 1 FROM worker_event WHERE worker_event.position = event.position) OR position > (SELECT \
     coalesce(min(cursor), 0x7fffffffffffffff) FROM worker WHERE enabled) FROM event ORDER BY position LIMIT ?1";

/// An event that is to be appended.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub id: String,
    /// None: of no community.
    pub community: Option<CommunityId>,
    /// The community's slug now.
    pub slug: String,
    /// Events with the same key in the same community are in order: the source, or `process/<id>`.
    pub key: String,
    pub source: String,
    pub event_type: String,
    /// Milliseconds since the Unix epoch.
    pub time: i64,
    /// JSON.
    pub data: String,
    /// JSON.
    pub initiator: Option<String>,
    /// The scope within which the key is unique, and the key.
    pub dedupe: Option<(String, String)>,
    /// `action`, `webhook`, …
    pub origin: &'static str,
    pub instance: Option<InstanceId>,
    pub request_id: String,
    pub audience: Audience,
}

impl NewEvent {
    /// An event of the host itself about a community (`HOST`: about none).
    pub fn of_api(
        event_type: &str,
        community: &CommunityNames,
        data: String,
        request_id: String,
        now: i64,
    ) -> Self {
        Self {
            id: new_event_id(now),
            community: Some(community.id).filter(|id| *id != CommunityId::HOST),
            slug: community.slug.to_string(),
            key: "api".into(),
            source: "api".into(),
            event_type: event_type.into(),
            time: now,
            data,
            initiator: None,
            dedupe: None,
            origin: "api",
            instance: None,
            request_id,
            audience: Audience::Endpoints,
        }
    }

    /// The event as subscribers of the call's events get it.
    pub fn json(&self) -> String {
        Object::new()
            .with("id", self.id.as_str())
            .with("type", format!("{}.{}", self.source, self.event_type))
            .with("community", self.slug.as_str())
            .with("source", self.source.as_str())
            .with("event_type", self.event_type.as_str())
            .with("time", rfc3339(self.time))
            .carrying("data", &self.data)
            .carrying("initiator", self.initiator.as_deref().unwrap_or("null"))
            .end()
    }
}

/// Which events are old, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub struct AgeBounds {
    pub now: i64,
    /// Older events are removed, unless a delivery or a worker still needs them.
    pub first: i64,
    /// Older events are removed even if a worker still needs them.
    pub last: i64,
}

/// Who an event is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every endpoint that subscribes to it.
    Endpoints,
    /// A process's callback alone, not before this time (milliseconds since the Unix epoch).
    Callback { url: String, not_before: i64 },
    /// One endpoint alone.
    Endpoint(EndpointId),
}

/// The columns of an envelope, of `event e`.
pub(super) const ENVELOPE: &str = "e.position, e.id, e.seq, e.community, e.source, e.event_type, e.time, e.data, \
                                   e.initiator, e.dedupe_key, e.origin_kind, e.instance_id, e.request_id, k.source, e.community_id";

/// Where they are read from.
pub(super) const ENVELOPE_FROM: &str = "event e JOIN event_key k ON k.id = e.key_id";

pub(super) fn envelope(row: &Row<'_>) -> rusqlite::Result<Envelope> {
    Ok(Envelope {
        position: Position(row.get(0)?),
        id: row.get(1)?,
        seq: row.get(2)?,
        community: row.get(3)?,
        source: row.get(4)?,
        event_type: row.get(5)?,
        time: row.get(6)?,
        data: row.get(7)?,
        initiator: row.get(8)?,
        dedupe_key: row.get(9)?,
        origin: row.get(10)?,
        instance: row.get(11)?,
        request_id: row.get(12)?,
        key: row.get(13)?,
        of: Some(CommunityId(row.get(14)?)).filter(|id| *id != CommunityId::HOST),
    })
}

impl Reader<'_> {
    /// Events after `after` in the order of their positions, at most `limit` and some megabytes; and whether
    /// there may be more.
    pub fn events(
        &self,
        community: Option<CommunityId>,
        after: Position,
        limit: usize,
    ) -> Result<(Vec<Envelope>, bool), StoreError> {
        let of = if community.is_some() { "e.community_id = ?1 AND " } else { "?1 IS NULL AND " };
        let sql = format!(
            "SELECT {ENVELOPE} FROM {ENVELOPE_FROM} WHERE {of}e.position > ?2 AND e.listed \
             ORDER BY e.position LIMIT ?3"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let community = community.map(|community| community.0);
        let rows = statement.query(params![community, after.0, sql_limit(limit)])?;
        let size =
            |event: &Envelope| event.data.len() + event.initiator.as_ref().map_or(0, String::len);
        let bound = Bound { rows: limit, bytes: READ_BYTES, size };
        self.unreadable.list_bounded(rows, EVENT, bound, envelope)
    }

    /// The first position that is still kept, and the last that was ever given.
    pub fn event_range(&self) -> Result<(Position, Position), StoreError> {
        let last = self.last_position()?;
        let mut first = self.conn.prepare_cached("SELECT min(position) FROM event")?;
        let first: Option<i64> = first.query_row([], |row| row.get(0))?;
        Ok((first.map_or(last.next(), Position), last))
    }

    /// The last position that was ever given.
    fn last_position(&self) -> Result<Position, StoreError> {
        let mut last =
            self.conn.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'event'")?;
        let last = last.query_row([], |row| row.get(0).map(Position)).optional()?;
        Ok(last.unwrap_or(Position::START))
    }

    /// The id of the event with that dedupe key, if it still counts.
    pub fn deduplicated(
        &self,
        scope: &str,
        key: &str,
        now: i64,
    ) -> Result<Option<String>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT event_id FROM event_dedupe WHERE scope = ?1 AND dedupe_key = ?2 AND expires_at > ?3",
        )?;
        Ok(statement.query_row(params![scope, key, now], |row| row.get(0)).optional()?)
    }
}

impl Tx<'_> {
    /// Removes at most `rows` old events, from the oldest on, up to the first that a delivery or a worker still needs, so
    /// that the log has no gaps. Deliveries need an event until they expire; workers until it is older than `bounds.last`.
    /// Returns how many.
    pub fn purge_events(&self, bounds: &AgeBounds, rows: usize) -> Result<usize, StoreError> {
        let mut oldest = self.conn.prepare_cached(OLDEST)?;
        let mut found = oldest.query([rows as i64])?;
        let mut up_to = None;
        while let Some(row) = found.next()? {
            let (position, time) = (Position(row.get(0)?), row.get::<_, i64>(1)?);
            let (is_sent, is_wanted): (bool, bool) = (row.get(2)?, row.get(3)?);
            // An event with a time in the future has no known age; the ones after it tell.
            if time > bounds.now && !is_sent {
                continue;
            }
            if is_sent || time >= bounds.first || (is_wanted && time >= bounds.last) {
                break;
            }
            up_to = Some(position);
        }
        let Some(up_to) = up_to else { return Ok(0) };
        if self.give_up_before(up_to, bounds.now, rows)? == rows {
            return Ok(rows);
        }
        Ok(self
            .conn
            .prepare_cached("DELETE FROM event WHERE position <= ?1")?
            .execute([up_to.0])?)
    }

    /// Removes those of the `rows` keys after `after` that have no event. Returns how many, and where to go on.
    pub fn purge_event_keys(
        &self,
        after: i64,
        rows: usize,
    ) -> Result<(usize, Option<i64>), StoreError> {
        let (first, _) = self.reader().event_range()?;
        let mut keys = self
            .conn
            .prepare_cached("SELECT id FROM event_key WHERE id > ?1 ORDER BY id LIMIT ?2")?;
        let keys = keys.query_map(params![after, rows as i64], |row| row.get(0))?;
        let keys: Vec<i64> = keys.collect::<Result<_, _>>()?;
        let Some(last) = keys.last().copied() else { return Ok((0, None)) };
        let removed = self
            .conn
            .prepare_cached(
                "DELETE FROM event_key WHERE id > ?1 AND id <= ?2 AND last_position < ?3",
            )?
            .execute([after, last, first.0])?;
        Ok((removed, Some(last).filter(|_| keys.len() == rows)))
    }

    /// Removes at most `rows` dedupe keys that do not count any more; how many it removed.
    pub fn purge_dedupe(&self, now: i64, rows: usize) -> Result<usize, StoreError> {
        Ok(self
            .conn
            .prepare_cached(
                "DELETE FROM event_dedupe WHERE (scope, dedupe_key) IN (SELECT scope, dedupe_key \
                 FROM event_dedupe WHERE expires_at <= ?1 LIMIT ?2)",
            )?
            .execute(params![now, rows as i64])?)
    }

    /// The same, for the write that would append another.
    pub fn deduplicated(
        &self,
        scope: &str,
        key: &str,
        now: i64,
    ) -> Result<Option<String>, StoreError> {
        self.reader().deduplicated(scope, key, now)
    }
}
