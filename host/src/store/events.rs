//! The tables `event`, `event_key` and `event_dedupe`.
//!
//! An event is appended in the transaction of whatever brought it about, together with its
//! deliveries. `position` is given here, by the one writer, and is the only cursor.

use rusqlite::{OptionalExtension, params};

use super::{Reader, StoreError, Tx};
use crate::ids::{CommunityId, InstanceId};

/// How long a dedupe key counts, in milliseconds.
const DEDUPE_MS: i64 = 24 * 60 * 60 * 1000;

/// An event that is to be appended.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub id: String,
    /// None: of no community.
    pub community: Option<CommunityId>,
    /// The community's slug now.
    pub slug: String,
    /// What orders it, within the community: the source, or `process/<id>`.
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

/// Who an event is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every endpoint that subscribes to it.
    Endpoints,
    /// A process's callback alone, not before this time (milliseconds since the Unix epoch).
    Callback { url: String, not_before: i64 },
}

impl Reader<'_> {
    /// The id of the event with that dedupe key, if it still counts.
    pub fn deduplicated(
        &self,
        scope: &str,
        key: &str,
        now: i64,
    ) -> Result<Option<String>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT event_id FROM event_dedupe WHERE scope = ?1 AND dedupe_key = ?2 AND expires_at > ?3",
        )?;
        Ok(statement.query_row(params![scope, key, now], |row| row.get(0)).optional()?)
    }
}

impl Tx<'_> {
    /// Appends an event and the deliveries to whom it is for; its position.
    pub fn append_event(&self, event: &NewEvent) -> Result<i64, StoreError> {
        let community = event.community.map_or(0, |community| community.0);
        let (key, seq) = self.next_seq(community, &event.key)?;
        self.conn
            .prepare_cached(
                "INSERT INTO event (id, key_id, seq, community_id, community, source, event_type, time, data, \
                 initiator, dedupe_key, origin_kind, instance_id, request_id, listed) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                event.id,
                key,
                seq,
                community,
                event.slug,
                event.source,
                event.event_type,
                event.time,
                event.data,
                event.initiator,
                event.dedupe.as_ref().map(|(_, key)| key),
                event.origin,
                event.instance.map(|instance| instance.0),
                event.request_id,
                event.audience == Audience::Endpoints,
            ])?;
        let position = self.conn.last_insert_rowid();
        if let Some((scope, dedupe_key)) = &event.dedupe {
            self.remember_dedupe(scope, dedupe_key, event)?;
        }
        self.told.events.set(true);
        Ok(position)
    }

    fn next_seq(&self, community: i64, key: &str) -> Result<(i64, i64), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "INSERT INTO event_key (community_id, source, last_seq) VALUES (?1, ?2, 1) \
             ON CONFLICT (community_id, source) DO UPDATE SET last_seq = last_seq + 1 RETURNING id, last_seq",
        )?;
        Ok(statement.query_row(params![community, key], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    fn remember_dedupe(&self, scope: &str, key: &str, event: &NewEvent) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO event_dedupe (scope, dedupe_key, event_id, expires_at) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (scope, dedupe_key) DO UPDATE SET event_id = excluded.event_id, expires_at = excluded.expires_at",
            )?
            .execute(params![scope, key, event.id, event.time + DEDUPE_MS])?;
        Ok(())
    }
}
