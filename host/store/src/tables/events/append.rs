//! Appending: what a write does at once (the dedupe key), and what is done with all events of a transaction right before its
//! commit (positions, numbers within their keys, rows, deliveries).

use std::collections::BTreeMap;

use rusqlite::params;

use super::{Audience, DEDUPE_MS, NewEvent};
use crate::tables::deliveries::Departure;
use crate::tables::deliveries::fan_out::Subscribers;
use crate::{StoreError, Tx};
use moothall_core::ids::Position;

/// A key of the events that are being written.
struct Key<'a> {
    /// 0: of no community.
    community: i64,
    source: &'a str,
    /// How many of the events have it.
    events: i64,
    /// Of the last of them.
    last: Position,
    /// Its row.
    id: i64,
    /// The number of its last event that is written.
    seq: i64,
}

impl NewEvent {
    fn community_id(&self) -> i64 {
        self.community.map_or(0, |community| community.0)
    }
}

impl Tx<'_> {
    /// Appends an event: it is stored with the write, after all that the transaction has appended before it.
    pub fn append_event(&self, event: NewEvent) -> Result<(), StoreError> {
        if let Some((scope, dedupe_key)) = &event.dedupe {
            self.remember_dedupe(scope, dedupe_key, &event)?;
        }
        self.appended.add(event, write_events);
        Ok(())
    }

    /// Gives a key its row, and numbers for the events that have it.
    fn number(&self, key: &mut Key<'_>) -> Result<(), StoreError> {
        let mut number = self.conn.prepare_cached(
            "INSERT INTO event_key (community_id, source, last_seq, last_position) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (community_id, source) DO UPDATE SET last_seq = last_seq + excluded.last_seq, \
             last_position = excluded.last_position RETURNING id, last_seq",
        )?;
        let numbered = params![key.community, key.source, key.events, key.last.0];
        let last: i64;
        (key.id, last) = number.query_row(numbered, |row| Ok((row.get(0)?, row.get(1)?)))?;
        key.seq = last - key.events;
        Ok(())
    }

    /// Writes an event and its deliveries; how many of these have no row yet.
    fn write_event(
        &self,
        event: &NewEvent,
        position: Position,
        key: &Key<'_>,
    ) -> Result<usize, StoreError> {
        let subscribers = match event.audience {
            Audience::Endpoints => self.subscribers(event)?,
            Audience::Callback { .. } | Audience::Endpoint(_) => Subscribers::default(),
        };
        let community = event.community_id();
        self.conn
            .prepare_cached(
                "INSERT INTO event (id, key_id, seq, community_id, community, source, event_type, time, data, \
                 initiator, dedupe_key, origin_kind, instance_id, request_id, listed, endpoints, position) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?
            .execute(params![
                event.id,
                key.id,
                key.seq,
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
                subscribers.text(),
                position.0,
            ])?;
        let on_its_way = Departure { position, key: key.id, community, time: event.time };
        self.add_deliveries(event, &on_its_way)?;
        Ok(subscribers.count)
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

/// Writes all events of a transaction, in the order in which they were appended.
fn write_events(tx: &Tx<'_>, events: Vec<NewEvent>) -> Result<(), StoreError> {
    let before = tx.reader().last_position()?;
    let (mut keys, key_of) = keys(&events, before);
    keys.iter_mut().try_for_each(|key| tx.number(key))?;
    let (mut last, mut deliveries) = (before, 0);
    for (event, key) in events.iter().zip(key_of) {
        last = last.next();
        keys[key].seq += 1;
        deliveries += tx.write_event(event, last, &keys[key])?;
    }
    tx.departed((before.next(), last), deliveries)?;
    tx.raised.events.set(true);
    tx.raised.workers.set(true);
    Ok(())
}

/// The keys of events that come after that position; and which of them each event has.
fn keys(events: &[NewEvent], before: Position) -> (Vec<Key<'_>>, Vec<usize>) {
    let (mut keys, mut known) = (Vec::<Key<'_>>::new(), BTreeMap::new());
    let mut key_of = Vec::with_capacity(events.len());
    let mut position = before;
    for event in events {
        position = position.next();
        let (community, source) = (event.community_id(), event.key.as_str());
        let at = *known.entry((community, source)).or_insert_with(|| {
            keys.push(Key { community, source, events: 0, last: before, id: 0, seq: 0 });
            keys.len() - 1
        });
        (keys[at].events, keys[at].last) = (keys[at].events + 1, position);
        key_of.push(at);
    }
    (keys, key_of)
}
