//! The table `worker_event`: events that a worker's cursor has passed although they were not handled.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row, params};

use super::events::{ENVELOPE, ENVELOPE_FROM, envelope};
use crate::engine::rows::{Listed, Table, sql_limit};
use crate::{Reader, StoreError, Tx};
use moothall_core::events::Envelope;
use moothall_core::ids::{Position, WorkerId};

/// The table as it is read with its event.
const WORKER_EVENT: Table = Table("worker_event", 16);

// A test compares the plans of these with the indexes that they are meant for.
pub(super) const NEXT_WORKER: &str = "SELECT worker_id, due_at FROM worker_event WHERE state = 'waiting' \
     AND due_at IS NOT NULL AND worker_id > ?1 ORDER BY worker_id, due_at LIMIT 1";
pub(super) const PUT_BEHIND: &str = "UPDATE worker_event SET due_at = NULL \
     WHERE worker_id = ?1 AND state = 'waiting' AND due_at IS NOT NULL AND EXISTS \
     (SELECT 1 FROM worker_event b WHERE b.worker_id = ?1 AND b.state = 'waiting' \
     AND b.key_id = worker_event.key_id AND b.position < worker_event.position)";
pub(super) const GIVE_UP_BEFORE: &str = "UPDATE worker_event SET state = 'dead', due_at = ?2, trying = FALSE, \
     last_error = 'the event is older than twice event_days and no longer kept; before it was: ' || \
     coalesce(last_error, 'not tried yet') WHERE id IN (SELECT id FROM worker_event \
     WHERE position <= ?1 AND state = 'waiting' LIMIT ?3) RETURNING worker_id, key_id";
pub(super) const PURGE_DEAD: &str = "DELETE FROM worker_event WHERE id IN (SELECT id FROM worker_event \
     WHERE state = 'dead' AND due_at < ?1 LIMIT ?2)";

/// An event that a worker tries again, or gave up.
#[derive(Clone, Debug)]
pub struct WorkerEvent {
    pub id: i64,
    pub worker: WorkerId,
    pub attempts: u32,
    pub crashes: u32,
    pub due_at: Option<i64>,
    pub last_error: Option<String>,
    pub key: i64,
    pub event: Envelope,
}

/// An event that a worker gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: i64,
    pub position: Position,
    pub attempts: u32,
    pub dead_since: Option<i64>,
    pub last_error: Option<String>,
    /// The event's id and full type. None: the log no longer has it, and it cannot be tried again.
    pub event: Option<(String, String)>,
}

/// An event that the cursor passes although it was not handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    pub position: Position,
    pub key: i64,
    pub attempts: u32,
    pub fate: Fate,
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Again(i64),
    /// It waits until the one before it of its key is handled.
    Behind,
    Dead,
}

const OWN: &str = "e.key_id, w.id, w.worker_id, w.attempts, w.crashes, w.due_at, w.last_error";

fn worker_event(row: &Row<'_>) -> rusqlite::Result<WorkerEvent> {
    Ok(WorkerEvent {
        event: envelope(row)?,
        key: row.get(15)?,
        id: row.get(16)?,
        worker: WorkerId(row.get(17)?),
        attempts: row.get(18)?,
        crashes: row.get(19)?,
        due_at: row.get(20)?,
        last_error: row.get(21)?,
    })
}

fn dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let event = match row.get::<_, Option<String>>(5)? {
        None => None,
        Some(id) => {
            Some((id, format!("{}.{}", row.get::<_, String>(6)?, row.get::<_, String>(7)?)))
        }
    };
    Ok(DeadLetter {
        id: row.get(0)?,
        position: Position(row.get(1)?),
        attempts: row.get(2)?,
        dead_since: row.get(3)?,
        last_error: row.get(4)?,
        event,
    })
}

impl Reader<'_> {
    /// Workers after `after` that have an event due at `now`: one step of the index for each that has anything waiting. And
    /// where to go on, if there may be more.
    pub fn workers_due(
        &self,
        after: WorkerId,
        now: i64,
        limit: usize,
    ) -> Result<(Vec<WorkerId>, Option<WorkerId>), StoreError> {
        let mut next = self.conn.prepare_cached(NEXT_WORKER)?;
        let (mut at, mut due) = (after.0, Vec::new());
        for _ in 0..limit {
            let row =
                next.query_row([at], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
            let Some((worker, due_at)) = row.optional()? else { return Ok((due, None)) };
            at = worker;
            if due_at <= now {
                due.push(WorkerId(worker));
            }
        }
        Ok((due, Some(WorkerId(at))))
    }

    /// The events of one worker that are due at `now`, the longest due first.
    pub fn worker_retries(
        &self,
        worker: WorkerId,
        now: i64,
        limit: usize,
    ) -> Result<Listed<WorkerEvent>, StoreError> {
        let sql = format!(
            "SELECT {ENVELOPE}, {OWN} FROM {ENVELOPE_FROM} JOIN worker_event w ON w.position = e.position \
             WHERE w.worker_id = ?1 AND w.state = 'waiting' AND w.due_at <= ?2 ORDER BY w.due_at, w.position LIMIT ?3"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query(params![worker.0, now, sql_limit(limit)])?;
        self.unreadable.list(rows, WORKER_EVENT, limit, worker_event)
    }

    /// The worker's dead letters after `after`.
    pub fn dead_letters(
        &self,
        worker: WorkerId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT w.id, w.position, attempts, due_at, last_error, e.id, e.source, e.event_type \
             FROM worker_event w LEFT JOIN event e ON e.position = w.position \
             WHERE w.worker_id = ?1 AND w.state = 'dead' AND w.id > ?2 ORDER BY w.id LIMIT ?3",
        )?;
        let rows = statement.query(params![worker.0, after, sql_limit(limit)])?;
        Ok(self.unreadable.list(rows, Table(WORKER_EVENT.0, 0), limit, dead_letter)?.rows)
    }

    /// The events that the worker will try again or holds back, in the order of the log.
    pub fn waiting_events(
        &self,
        worker: WorkerId,
        limit: usize,
    ) -> Result<Vec<WorkerEvent>, StoreError> {
        let sql = format!(
            "SELECT {ENVELOPE}, {OWN} FROM {ENVELOPE_FROM} JOIN worker_event w ON w.position = e.position \
             WHERE w.worker_id = ?1 AND w.state = 'waiting' ORDER BY w.position LIMIT ?2"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query(params![worker.0, sql_limit(limit)])?;
        Ok(self.unreadable.list(rows, WORKER_EVENT, limit, worker_event)?.rows)
    }

    /// How many events of the worker wait to be tried again, and how many are dead letters.
    pub fn worker_counts(&self, worker: WorkerId) -> Result<(i64, i64), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'dead') \
             FROM worker_event WHERE worker_id = ?1",
        )?;
        Ok(statement.query_row([worker.0], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// The keys with an event that waits for a retry.
    pub fn blocked_keys(&self, worker: WorkerId) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT DISTINCT key_id FROM worker_event WHERE worker_id = ?1 AND state = 'waiting'",
        )?;
        let rows = statement.query_map([worker.0], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    pub(super) fn add_worker_event(
        &self,
        worker: WorkerId,
        passed: &Passed,
        now: i64,
    ) -> Result<(), StoreError> {
        let (state, due) = fate(passed.fate, now);
        self.conn
            .prepare_cached(
                "INSERT INTO worker_event (worker_id, position, key_id, state, attempts, crashes, trying, due_at, last_error) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, FALSE, ?6, ?7)",
            )?
            .execute(params![
                worker.0,
                passed.position.0,
                passed.key,
                state,
                passed.attempts,
                due,
                passed.error
            ])?;
        Ok(())
    }

    /// Removes an event that was handled, and makes the next of its key due; fails with `Stale` if it is gone.
    pub fn end_worker_event(&self, done: &WorkerEvent, now: i64) -> Result<(), StoreError> {
        let removed = self
            .conn
            .prepare_cached("DELETE FROM worker_event WHERE id = ?1 AND state = 'waiting'")?
            .execute([done.id])?;
        if removed == 0 {
            return Err(StoreError::Stale);
        }
        self.advance_key(done.worker, done.key, now)
    }

    /// Stores that an event failed again.
    pub fn fail_worker_event(
        &self,
        failed: &WorkerEvent,
        attempts: u32,
        then: Fate,
        now: i64,
        error: &str,
    ) -> Result<(), StoreError> {
        let (state, due) = fate(then, now);
        self.conn
            .prepare_cached(
                "UPDATE worker_event SET state = ?2, attempts = ?3, due_at = ?4, last_error = ?5, trying = FALSE, \
                 crashes = 0 WHERE id = ?1 AND state = 'waiting'",
            )?
            .execute(params![failed.id, state, attempts, due, error])?;
        if then == Fate::Dead {
            self.advance_key(failed.worker, failed.key, now)?;
        }
        Ok(())
    }

    /// Makes dead letters of rows that cannot be read, so that they hold up no others.
    pub fn bury_worker_events(&self, ids: &[i64], now: i64) -> Result<(), StoreError> {
        let mut bury = self.conn.prepare_cached(
            "UPDATE worker_event SET state = 'dead', due_at = ?2, trying = FALSE, attempts = 0, crashes = 0, \
             last_error = 'its stored row or event cannot be read' \
             WHERE id = ?1 AND state = 'waiting' RETURNING worker_id, key_id",
        )?;
        for id in ids {
            let buried = bury.query_row([*id, now], |row| Ok((WorkerId(row.get(0)?), row.get(1)?)));
            if let Some((worker, key)) = buried.optional()? {
                self.advance_key(worker, key, now)?;
            }
        }
        Ok(())
    }

    fn advance_key(&self, worker: WorkerId, key: i64, now: i64) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "UPDATE worker_event SET due_at = ?3 WHERE due_at IS NULL AND id = (SELECT id FROM worker_event \
                 WHERE worker_id = ?1 AND state = 'waiting' AND key_id = ?2 ORDER BY position LIMIT 1)",
            )?
            .execute([worker.0, key, now])?;
        self.raised.workers.set(true);
        Ok(())
    }

    /// Makes dead letters of a worker due again whose events the log still has: one, or at most `limit`. Returns how many.
    pub fn retry_worker_events(
        &self,
        worker: WorkerId,
        id: Option<i64>,
        (now, in_order): (i64, bool),
        limit: usize,
    ) -> Result<usize, StoreError> {
        if limit == 0 {
            return Ok(0);
        }
        let retried = self
            .conn
            .prepare_cached(
                "UPDATE worker_event SET state = 'waiting', attempts = 0, crashes = 0, due_at = ?1 WHERE id IN \
                 (SELECT id FROM worker_event w WHERE worker_id = ?2 AND state = 'dead' AND (?3 IS NULL OR id = ?3) \
                 AND EXISTS (SELECT 1 FROM event WHERE event.position = w.position) LIMIT ?4)",
            )?
            .execute(params![now, worker.0, id, limit as i64])?;
        if in_order {
            self.conn.prepare_cached(PUT_BEHIND)?.execute([worker.0])?;
        }
        self.raised.workers.set(true);
        Ok(retried)
    }

    /// Events up to `position` are about to be removed: makes dead letters of those for which workers still wait, at most
    /// `limit`. Returns how many.
    pub(super) fn give_up_before(
        &self,
        position: Position,
        now: i64,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut statement = self.conn.prepare_cached(GIVE_UP_BEFORE)?;
        let given_up = statement.query_map(params![position.0, now, limit as i64], |row| {
            Ok((WorkerId(row.get(0)?), row.get(1)?))
        })?;
        let given_up: Vec<(WorkerId, i64)> = given_up.collect::<Result<_, _>>()?;
        let lanes: BTreeSet<_> = given_up.iter().copied().collect();
        for (worker, key) in lanes {
            self.advance_key(worker, key, now)?;
        }
        Ok(given_up.len())
    }

    /// Makes dead letters of events that wait for a worker that is not enabled, at most `limit`. Returns how many.
    pub fn give_up_waiting(
        &self,
        worker: WorkerId,
        now: i64,
        limit: usize,
    ) -> Result<usize, StoreError> {
        Ok(self
            .conn
            .prepare_cached(
                "UPDATE worker_event SET state = 'dead', due_at = ?2, last_error = 'the worker was disabled' WHERE id IN \
                 (SELECT id FROM worker_event WHERE worker_id = ?1 AND state = 'waiting' LIMIT ?3)",
            )?
            .execute(params![worker.0, now, limit as i64])?)
    }

    /// Removes dead letters of a worker: one, or at most `limit`. Returns how many.
    pub fn skip_worker_events(
        &self,
        worker: WorkerId,
        id: Option<i64>,
        limit: usize,
    ) -> Result<usize, StoreError> {
        Ok(self
            .conn
            .prepare_cached(
                "DELETE FROM worker_event WHERE id IN (SELECT id FROM worker_event WHERE worker_id = ?1 \
                 AND state = 'dead' AND (?2 IS NULL OR id = ?2) LIMIT ?3)",
            )?
            .execute(params![worker.0, id, limit as i64])?)
    }

    /// Removes dead letters that died before `before`, at most `rows`. Returns how many.
    pub fn purge_worker_events(&self, before: i64, rows: usize) -> Result<usize, StoreError> {
        Ok(self.conn.prepare_cached(PURGE_DEAD)?.execute(params![before, rows as i64])?)
    }
}

fn fate(fate: Fate, now: i64) -> (&'static str, Option<i64>) {
    match fate {
        Fate::Again(at) => ("waiting", Some(at)),
        Fate::Behind => ("waiting", None),
        Fate::Dead => ("dead", Some(now)),
    }
}
