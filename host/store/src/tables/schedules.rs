//! The table `schedule`: when ticks, updates and closing times are due.
//!
//! A row belongs to an instance, or to one of its processes, and is removed with it. The commit of a tick advances its row,
//! unless the row has another due time by then.

use rusqlite::{Row, params};

use crate::engine::rows::{Table, sql_limit, word};
use crate::{Reader, StoreError, Tx};
use moothall_core::ids::{InstanceId, ProcessId};
use moothall_core::schedule::ScheduleKind;

const SCHEDULE: Table = Table("schedule", 0);

/// A schedule as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRow {
    pub id: i64,
    pub instance: InstanceId,
    /// None: of the instance itself.
    pub process: Option<ProcessId>,
    pub kind: ScheduleKind,
    pub due_at: i64,
    pub last_at: Option<i64>,
    pub failures: u32,
    pub last_error: Option<String>,
}

/// A schedule that is not due yet.
#[derive(Clone, Debug)]
pub struct FarSchedule {
    pub row: ScheduleRow,
    /// The type of its process.
    pub process: Option<String>,
    /// Of its process.
    pub closing_at: Option<i64>,
}

/// Which schedules are listed.
#[derive(Clone, Debug, Default)]
pub struct ScheduleFilter {
    /// A slug.
    pub community: Option<String>,
    pub plugin: Option<String>,
    /// Only those after this one.
    pub after: i64,
    pub limit: usize,
}

/// When a schedule is due next, after a tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    pub id: i64,
    /// When it was due: if the row has another time, somebody else advanced it.
    pub from: i64,
    pub to: i64,
    pub at: i64,
    pub failures: u32,
    pub error: Option<String>,
}

const COLUMNS: &str = "id, instance_id, process_id, kind, due_at, last_at, failures, last_error";

fn schedule_row(row: &Row<'_>) -> rusqlite::Result<ScheduleRow> {
    Ok(ScheduleRow {
        id: row.get(0)?,
        instance: InstanceId(row.get(1)?),
        process: Some(row.get(2)?).filter(|id| *id != 0).map(ProcessId),
        kind: word(row, 3, ScheduleKind::parse)?,
        due_at: row.get(4)?,
        last_at: row.get(5)?,
        failures: row.get(6)?,
        last_error: row.get(7)?,
    })
}

impl Reader<'_> {
    /// When the tick was due that has been due for longest.
    pub fn first_due(&self) -> Result<Option<i64>, StoreError> {
        let mut first = self.conn.prepare_cached("SELECT min(due_at) FROM schedule")?;
        Ok(first.query_row([], |row| row.get(0))?)
    }

    /// The schedules that are due at `now`, the longest first. Closing times go by the trusted time, because a
    /// process that was closed too early cannot be opened again.
    pub fn due_schedules(
        &self,
        (now, trusted): (i64, i64),
        limit: usize,
    ) -> Result<Vec<ScheduleRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM schedule WHERE due_at <= ?1 AND (kind <> 'closing' OR due_at <= ?2) \
             ORDER BY due_at LIMIT ?3"
        ))?;
        let rows = statement.query(params![now, trusted, sql_limit(limit)])?;
        Ok(self.unreadable.list(rows, SCHEDULE, limit, schedule_row)?.rows)
    }

    /// The schedules that are due after `from` (a time and an id), in that order, each with its process.
    pub fn schedules_after(
        &self,
        from: (i64, i64),
        limit: usize,
    ) -> Result<Vec<FarSchedule>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT s.id, s.instance_id, s.process_id, s.kind, s.due_at, s.last_at, s.failures, s.last_error, \
             p.name, p.closing_at FROM schedule s LEFT JOIN process p ON p.id = s.process_id \
             WHERE (s.due_at, s.id) > (?1, ?2) ORDER BY s.due_at, s.id LIMIT ?3",
        )?;
        let far = |row: &Row<'_>| {
            let row_of = schedule_row(row)?;
            Ok(FarSchedule { row: row_of, process: row.get(8)?, closing_at: row.get(9)? })
        };
        let rows = statement.query(params![from.0, from.1, sql_limit(limit)])?;
        Ok(self.unreadable.list(rows, SCHEDULE, limit, far)?.rows)
    }

    /// In ascending id.
    pub fn schedules(&self, filter: &ScheduleFilter) -> Result<Vec<ScheduleRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT schedule.id, instance_id, process_id, kind, due_at, last_at, failures, last_error \
             FROM schedule JOIN instance ON instance.id = instance_id JOIN community ON community.id = community_id \
             WHERE schedule.id > ?1 AND (?2 IS NULL OR slug = ?2) AND (?3 IS NULL OR plugin = ?3) \
             ORDER BY schedule.id LIMIT ?4",
        )?;
        let rows = statement.query(params![
            filter.after,
            filter.community,
            filter.plugin,
            sql_limit(filter.limit)
        ])?;
        Ok(self.unreadable.list(rows, SCHEDULE, filter.limit, schedule_row)?.rows)
    }

    /// Of the instances after `after`, those of `plugin` that have no schedule of that kind; and where
    /// to go on, if there may be more.
    pub fn without_schedule(
        &self,
        plugin: &str,
        kind: &ScheduleKind,
        after: InstanceId,
        limit: usize,
    ) -> Result<(Vec<InstanceId>, Option<InstanceId>), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, plugin = ?1 AND NOT EXISTS (SELECT 1 FROM schedule WHERE instance_id = instance.id \
             AND process_id = 0 AND kind = ?4) FROM instance WHERE id > ?2 ORDER BY id LIMIT ?3",
        )?;
        let rows = statement
            .query_map(params![plugin, after.0, limit as i64, kind.to_string()], |row| {
                Ok((InstanceId(row.get(0)?), row.get::<_, bool>(1)?))
            })?;
        let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
        let next = rows.last().map(|(id, _)| *id).filter(|_| rows.len() == limit);
        Ok((rows.into_iter().filter(|(_, lacks)| *lacks).map(|(id, _)| id).collect(), next))
    }
}

impl Tx<'_> {
    /// Adds a schedule that is due then, or changes its time. Not for an instance that was removed meanwhile: nothing would
    /// remove the schedule.
    pub fn put_schedule(
        &self,
        instance: InstanceId,
        process: ProcessId,
        kind: &ScheduleKind,
        due_at: i64,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO schedule (instance_id, process_id, kind, due_at, failures) \
                 SELECT id, ?2, ?3, ?4, 0 FROM instance WHERE id = ?1 \
                 ON CONFLICT (instance_id, process_id, kind) DO UPDATE SET due_at = excluded.due_at, failures = 0",
            )?
            .execute(params![instance.0, process.0, kind.to_string(), due_at])?;
        self.raised.schedules.set(true);
        Ok(())
    }

    /// Makes schedules due earlier (id, when it was due, when it is due now), if their times have not changed.
    pub fn bring_schedules_back(&self, all: &[(i64, i64, i64)]) -> Result<(), StoreError> {
        let mut update = self
            .conn
            .prepare_cached("UPDATE schedule SET due_at = ?3 WHERE id = ?1 AND due_at = ?2")?;
        all.iter().try_for_each(|(id, from, to)| update.execute([*id, *from, *to]).map(drop))?;
        self.raised.schedules.set(true);
        Ok(())
    }

    /// Advances the schedules whose due times have not changed since their ticks began.
    pub fn advance_schedules(&self, advances: &[Advance]) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "UPDATE schedule SET due_at = ?3, last_at = ?4, failures = ?5, last_error = ?6 WHERE id = ?1 AND due_at = ?2",
        )?;
        for one in advances {
            statement.execute(params![
                one.id,
                one.from,
                one.to,
                one.at,
                one.failures,
                one.error
            ])?;
        }
        Ok(())
    }

    /// Advances a schedule in the write of its tick's effects; fails if somebody else advanced it. If its process was
    /// completed, and the schedule removed with it, that is no failure.
    pub fn advance_schedule(&self, advance: &Advance) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "UPDATE schedule SET due_at = ?3, last_at = ?4, failures = ?5, last_error = ?6 WHERE id = ?1 AND due_at = ?2",
        )?;
        let one = advance;
        let changed = statement.execute(params![
            one.id,
            one.from,
            one.to,
            one.at,
            one.failures,
            one.error
        ])?;
        if changed == 0 && self.has_schedule(one.id)? {
            return Err(StoreError::Stale);
        }
        Ok(())
    }

    /// The same for a closing time, which the call may have moved itself: never to before the next attempt.
    pub fn advance_closing(&self, advance: &Advance) -> Result<(), StoreError> {
        match self.advance_schedule(advance) {
            Err(StoreError::Stale) => {
                self.conn
                    .prepare_cached(
                        "UPDATE schedule SET due_at = ?2 WHERE id = ?1 AND due_at < ?2",
                    )?
                    .execute([advance.id, advance.to])?;
                Ok(())
            }
            other => other,
        }
    }

    fn has_schedule(&self, id: i64) -> Result<bool, StoreError> {
        Ok(self.conn.prepare_cached("SELECT 1 FROM schedule WHERE id = ?1")?.exists([id])?)
    }

    pub fn remove_schedule_row(&self, id: i64) -> Result<(), StoreError> {
        self.conn.prepare_cached("DELETE FROM schedule WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    pub fn remove_schedule(
        &self,
        instance: InstanceId,
        process: ProcessId,
        kind: &ScheduleKind,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "DELETE FROM schedule WHERE instance_id = ?1 AND process_id = ?2 AND kind = ?3",
            )?
            .execute(params![instance.0, process.0, kind.to_string()])?;
        Ok(())
    }

    /// Removes the schedules of a process.
    pub fn remove_schedules_of(
        &self,
        instance: InstanceId,
        process: ProcessId,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("DELETE FROM schedule WHERE instance_id = ?1 AND process_id = ?2")?
            .execute(params![instance.0, process.0])?;
        Ok(())
    }

    /// Removes the schedules of an instance.
    pub fn remove_schedules(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("DELETE FROM schedule WHERE instance_id = ?1")?
            .execute([instance.0])?;
        Ok(())
    }
}
