//! The table `worker`: the cursor of each worker in the log.
//!
//! A worker's cursor moves in the commit that stores what it handled, so that each event takes effect once. An event that
//! the cursor passes although it was not handled gets a row in `worker_event`.

use rusqlite::{OptionalExtension, Row, params};

use super::events::{ENVELOPE, ENVELOPE_FROM, EVENT, envelope};
use super::worker_events::Passed;
use crate::engine::rows::{Bound, Table, sql_limit};
use crate::{Reader, StoreError, Tx};
use moothall_core::events::Envelope;
use moothall_core::ids::{CommunityId, Generation, InstanceId, PluginDigestId, Position, WorkerId};

/// A worker of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRow {
    pub id: WorkerId,
    pub instance: InstanceId,
    /// The community whose events it handles; `HOST`: all communities.
    pub community: CommunityId,
    pub name: String,
    pub cursor: Position,
    pub enabled: bool,
    /// The plugin file and the generation for which it was asked whether it is enabled.
    pub asked: (PluginDigestId, Generation),
    pub crashes: u32,
}

impl WorkerRow {
    /// Whether its instance is gone, and the purge has not removed the worker yet.
    pub fn is_retired(&self) -> bool {
        self.asked.0 == RETIRED
    }
}

/// A worker to be added.
#[derive(Clone, Debug)]
pub struct NewWorker {
    pub name: std::sync::Arc<str>,
    pub wants_change: bool,
    pub wants_sending: bool,
}

/// Whether a worker is enabled, and for which plugin file and generation its plugin said so.
#[derive(Clone, Debug)]
pub struct Asked {
    pub enabled: bool,
    pub digest_id: PluginDigestId,
    pub generation: Generation,
}

/// An event of the log, with the row of its key.
pub type Keyed = (Envelope, i64);

const WORKER: Table = Table("worker", 0);
/// Events that one read returns end after so many bytes of data.
const LOG_BYTES: usize = 4 << 20;

/// Instead of a plugin file's: the worker's instance is gone.
const RETIRED: PluginDigestId = PluginDigestId(-1);
/// The cursor of an idle worker is moved by no fewer positions.
const PASS: i64 = 1_000;

/// The columns that are set when a worker is to be asked again.
const ASK_AGAIN: &str = "cursor = CASE WHEN enabled THEN cursor ELSE \
                     coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0) END, enabled = TRUE, \
                     asked_digest_id = 0, wants_change = ?1, wants_sending = ?2";

// A test compares the plans of these with the indexes that they are meant for.
const UNASKED: &str =
    "SELECT id FROM worker WHERE asked_digest_id = 0 AND id > ?1 ORDER BY id LIMIT ?2";
const WANTS_SENDING: &str =
    "SELECT 1 FROM worker WHERE wants_sending AND enabled AND community_id IN (0, ?1) LIMIT 1";
const WANTS_CHANGE: &str =
    "SELECT 1 FROM worker WHERE wants_change AND enabled AND community_id IN (0, ?1) LIMIT 1";
const PURGE_EVENTS: &str = "DELETE FROM worker_event WHERE id IN (SELECT worker_event.id FROM worker \
    JOIN worker_event ON worker_id = worker.id WHERE instance_id = ?1 LIMIT ?2)";

const COLUMNS: &str = "id, instance_id, community_id, name, cursor, enabled, asked_digest_id, asked_generation, crashes";

fn worker(row: &Row<'_>) -> rusqlite::Result<WorkerRow> {
    Ok(WorkerRow {
        id: WorkerId(row.get(0)?),
        instance: InstanceId(row.get(1)?),
        community: CommunityId(row.get(2)?),
        name: row.get(3)?,
        cursor: Position(row.get(4)?),
        enabled: row.get(5)?,
        asked: (PluginDigestId(row.get(6)?), Generation(row.get(7)?)),
        crashes: row.get(8)?,
    })
}

fn keyed(row: &Row<'_>) -> rusqlite::Result<Keyed> {
    Ok((envelope(row)?, row.get(15)?))
}

impl Reader<'_> {
    /// In ascending id, after `after`.
    pub fn workers(&self, after: WorkerId, limit: usize) -> Result<Vec<WorkerRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM worker WHERE id > ?1 ORDER BY id LIMIT ?2");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query(params![after.0, sql_limit(limit)])?;
        Ok(self.unreadable.list(rows, WORKER, limit, worker)?.rows)
    }

    /// The workers of a plugin with that name, of one community or of all.
    pub fn workers_named(
        &self,
        plugin: &str,
        name: &str,
        community: Option<CommunityId>,
    ) -> Result<Vec<WorkerId>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT worker.id FROM worker JOIN instance ON instance.id = instance_id \
             WHERE plugin = ?1 AND name = ?2 AND (?3 IS NULL OR worker.community_id = ?3)",
        )?;
        let community = community.map(|id| id.0);
        let id = |row: &Row<'_>| row.get(0).map(WorkerId);
        let rows = statement.query_map(params![plugin, name, community], id)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Workers after `after` that were not asked yet whether they are enabled, and where to go on, if there
    /// may be more.
    pub fn unasked_workers(
        &self,
        after: WorkerId,
        limit: usize,
    ) -> Result<(Vec<WorkerId>, Option<WorkerId>), StoreError> {
        let mut statement = self.conn.prepare_cached(UNASKED)?;
        let id = |row: &Row<'_>| row.get(0).map(WorkerId);
        let rows = statement.query_map([after.0, limit as i64], id)?;
        let rows: Vec<WorkerId> = rows.collect::<Result<_, _>>()?;
        let next = rows.last().copied().filter(|_| rows.len() == limit);
        Ok((rows, next))
    }

    pub fn worker(&self, id: WorkerId) -> Result<Option<WorkerRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM worker WHERE id = ?1");
        Ok(self.conn.prepare_cached(&sql)?.query_row([id.0], worker).optional()?)
    }

    /// Of the instances after `after`, those of `plugin` without this worker; and where to go on.
    pub fn without_worker(
        &self,
        plugin: &str,
        name: &str,
        after: InstanceId,
        limit: usize,
    ) -> Result<(Vec<InstanceId>, Option<InstanceId>), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, plugin = ?1 AND NOT EXISTS (SELECT 1 FROM worker WHERE instance_id = instance.id AND name = ?4) \
             FROM instance WHERE id > ?2 ORDER BY id LIMIT ?3",
        )?;
        let rows = statement.query_map(params![plugin, after.0, limit as i64, name], |row| {
            Ok((InstanceId(row.get(0)?), row.get::<_, bool>(1)?))
        })?;
        let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
        let next = rows.last().map(|(id, _)| *id).filter(|_| rows.len() == limit);
        Ok((rows.into_iter().filter(|(_, lacks)| *lacks).map(|(id, _)| id).collect(), next))
    }

    /// Events after `after` of a community (`HOST`: of all), with the rows of their keys, and whether there
    /// may be more: as many as fit into `LOG_BYTES`.
    pub fn log(
        &self,
        community: CommunityId,
        after: Position,
        limit: usize,
    ) -> Result<(Vec<Keyed>, bool), StoreError> {
        let of =
            if community == CommunityId::HOST { "?1 = 0 AND " } else { "e.community_id = ?1 AND " };
        let sql = format!(
            "SELECT {ENVELOPE}, e.key_id FROM {ENVELOPE_FROM} WHERE {of}e.position > ?2 AND e.listed \
             ORDER BY e.position LIMIT ?3"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query(params![community.0, after.0, sql_limit(limit)])?;
        let size = |event: &Keyed| event.0.data.len();
        let bound = Bound { rows: limit, bytes: LOG_BYTES, size };
        self.unreadable.list_bounded(rows, EVENT, bound, keyed)
    }
}

impl Tx<'_> {
    /// Adds a worker that begins with the next event, unless it exists.
    pub fn put_worker(&self, instance: InstanceId, worker: &NewWorker) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO worker (instance_id, community_id, name, cursor, enabled, asked_digest_id, asked_generation, \
                 wants_change, wants_sending, crashes, trying) \
                 SELECT id, community_id, ?2, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0), \
                 TRUE, 0, 0, ?3, ?4, 0, FALSE FROM instance WHERE id = ?1 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                instance.0,
                &*worker.name,
                worker.wants_change,
                worker.wants_sending
            ])?;
        self.raised.workers.set(true);
        Ok(())
    }

    /// Stops the workers of an instance that is removed; the purge removes them later.
    pub fn retire_workers(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "UPDATE worker SET enabled = FALSE, trying = FALSE, asked_digest_id = ?2 WHERE instance_id = ?1",
            )?
            .execute([instance.0, RETIRED.0])?;
        Ok(())
    }

    /// Removes at most `rows` events that workers of a deleted instance have kept, then those workers. Returns how many
    /// events.
    pub fn purge_workers(&self, instance: InstanceId, rows: usize) -> Result<usize, StoreError> {
        let removed =
            self.conn.prepare_cached(PURGE_EVENTS)?.execute(params![instance.0, rows as i64])?;
        if removed < rows {
            self.conn
                .prepare_cached("DELETE FROM worker WHERE instance_id = ?1")?
                .execute([instance.0])?;
        }
        Ok(removed)
    }

    /// Stores whether a worker is enabled, unless it was retired meanwhile. Events pass a worker that is not enabled.
    pub fn settle_worker(&self, id: WorkerId, asked: &Asked) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "UPDATE worker SET cursor = CASE WHEN ?2 THEN cursor ELSE \
                 coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0) END, enabled = ?2, \
                 asked_digest_id = ?3, asked_generation = ?4 WHERE id = ?1 AND asked_digest_id <> -1",
            )?
            .execute(params![id.0, asked.enabled, asked.digest_id.0, asked.generation.0])?;
        Ok(())
    }

    /// The configuration or the plugin file changed: the worker will be asked again, and counts as enabled until then. One
    /// that was not enabled begins with the next event.
    pub fn ask_worker_again(
        &self,
        instance: InstanceId,
        worker: &NewWorker,
    ) -> Result<(), StoreError> {
        let sql = format!("UPDATE worker SET {ASK_AGAIN} WHERE instance_id = ?3 AND name = ?4");
        self.conn.prepare_cached(&sql)?.execute(params![
            worker.wants_change,
            worker.wants_sending,
            instance.0,
            &*worker.name
        ])?;
        self.raised.workers.set(true);
        Ok(())
    }

    /// The same for all instances of a plugin that were asked for another file, or whose worker may no longer get the same
    /// events; at most `limit`. Returns how many.
    pub fn ask_workers_again(
        &self,
        plugin: &str,
        worker: &NewWorker,
        digest_id: PluginDigestId,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let sql = format!(
            "UPDATE worker SET {ASK_AGAIN} WHERE id IN (SELECT w.id FROM worker w JOIN instance i \
             ON i.id = w.instance_id WHERE i.plugin = ?3 AND w.name = ?4 AND (w.asked_digest_id NOT IN (0, ?5) \
             OR w.wants_change <> ?1 OR w.wants_sending <> ?2) LIMIT ?6)"
        );
        let asked = self.conn.prepare_cached(&sql)?.execute(params![
            worker.wants_change,
            worker.wants_sending,
            plugin,
            &*worker.name,
            digest_id.0,
            limit as i64
        ])?;
        self.raised.workers.set(true);
        Ok(asked)
    }

    /// Moves the cursors of workers that wanted no event up to `position`.
    pub fn pass_workers(&self, ids: &[WorkerId], position: Position) -> Result<(), StoreError> {
        let mut pass = self
            .conn
            .prepare_cached("UPDATE worker SET cursor = ?2 WHERE id = ?1 AND cursor < ?2 - ?3")?;
        ids.iter().try_for_each(|id| pass.execute([id.0, position.0, PASS]).map(drop))?;
        Ok(())
    }

    /// Moves a worker's cursor, with what it passes; `Stale` if somebody else moved it.
    pub fn advance_worker(
        &self,
        id: WorkerId,
        from: Position,
        to: Position,
        passed: &[Passed],
        now: i64,
    ) -> Result<(), StoreError> {
        let moved = self
            .conn
            .prepare_cached(
                "UPDATE worker SET cursor = ?3, crashes = 0, trying = FALSE WHERE id = ?1 AND cursor = ?2",
            )?
            .execute([id.0, from.0, to.0])?;
        if moved == 0 {
            return Err(StoreError::Stale);
        }
        passed.iter().try_for_each(|one| self.add_worker_event(id, one, now))
    }

    /// Whether an enabled worker of the community, or of the host, subscribes to `sending_event`.
    pub fn wants_sending(&self, community: CommunityId) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(WANTS_SENDING)?;
        Ok(statement.exists([community.0])?)
    }

    /// Whether an enabled worker of the community, or of the host, subscribes to `api.change`.
    pub fn wants_change(&self, community: CommunityId) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(WANTS_CHANGE)?;
        Ok(statement.exists([community.0])?)
    }
}

#[cfg(test)]
mod tests;
