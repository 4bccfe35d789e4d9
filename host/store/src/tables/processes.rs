//! The tables `process` and `process_state`.
//!
//! The commit of a call about a process changes it, or the mutation that removes its instance completes it; a completed
//! process never changes. The event for its `callback_url` is appended in the same transaction.

use std::borrow::Cow;

use rusqlite::{OptionalExtension, Row, params};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use crate::engine::rows::{Table, sql_limit, word};
use crate::{Audience, NewEvent, Reader, StoreError, Tx};
use moothall_core::clock::rfc3339;
use moothall_core::effects::{ProcessChange, ProcessStatus};
use moothall_core::ids::{CommunityId, InstanceId, ProcessId, new_event_id};
use moothall_core::instance::ProcessRef;
use moothall_core::schedule::ScheduleKind;
use moothall_values::json::Object;

pub(super) const PROCESS: Table = Table("process", 0);
/// Delay of a new process's first notification, in milliseconds: the driver has to learn the id first.
pub const FIRST_NOTICE_MS: i64 = 1_000;

/// A process as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRow {
    pub id: ProcessId,
    pub public_id: String,
    pub community: CommunityId,
    /// The community's slug now.
    pub slug: String,
    pub instance: InstanceId,
    pub plugin: String,
    pub name: String,
    pub status: ProcessStatus,
    /// JSON.
    pub outcome: String,
    /// JSON.
    pub errors: String,
    pub url: Option<String>,
    pub callback_url: Option<String>,
    pub closing_at: Option<i64>,
    pub state_bytes: u64,
}

/// The JSON that `shown` writes.
impl JsonSchema for ProcessRow {
    fn schema_name() -> Cow<'static, str> {
        "Process".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A governance process.",
            "type": "object",
            "required": ["id", "name", "community", "status", "url", "errors", "outcome", "closing_at"],
            "properties": {
                "id": { "type": "string" },
                "name": { "description": "`<plugin>.<process>`", "type": "string" },
                "community": { "type": "string" },
                "status": { "type": "string", "enum": ["created", "pending", "completed"] },
                "url": { "description": "Where people take part", "type": ["string", "null"] },
                "errors": { "description": "The plugin's" },
                "outcome": { "description": "The plugin's" },
                "closing_at": { "type": ["string", "null"], "format": "date-time" },
            },
        })
    }
}

impl ProcessRow {
    /// The process as drivers see it: a JSON text.
    pub fn shown(&self) -> String {
        Object::new()
            .with("id", self.public_id.as_str())
            .with("name", format!("{}.{}", self.plugin, self.name))
            .with("community", self.slug.as_str())
            .with("status", self.status.as_str())
            .with("url", self.url.as_deref())
            .carrying("errors", &self.errors)
            .carrying("outcome", &self.outcome)
            .with("closing_at", self.closing_at.map(rfc3339))
            .end()
    }

    /// The process with the changes of a call.
    pub fn with(&self, change: &ProcessChange) -> Self {
        let mut row = self.clone();
        row.status = change.status.unwrap_or(row.status);
        row.outcome = change.outcome.clone().unwrap_or(row.outcome);
        row.errors = change.errors.clone().unwrap_or(row.errors);
        row.url = change.url.clone().unwrap_or(row.url);
        row.closing_at = change.closing_at.unwrap_or(row.closing_at);
        row.state_bytes = change.state_bytes.unwrap_or(row.state_bytes);
        row
    }

    /// The reference to it that a call carries.
    pub fn reference(&self) -> ProcessRef {
        ProcessRef {
            id: self.id,
            public_id: self.public_id.as_str().into(),
            name: self.name.as_str().into(),
            is_new: false,
        }
    }
}

/// Which processes are listed.
#[derive(Clone, Debug, Default)]
pub struct ProcessFilter {
    pub community: Option<CommunityId>,
    pub status: Option<ProcessStatus>,
    pub plugin: Option<String>,
    /// Only those after this one.
    pub after: i64,
    pub limit: usize,
}

const SELECT: &str = "SELECT process.id, public_id, community_id, slug, instance_id, plugin, name, status, outcome, \
                      errors, url, callback_url, closing_at, state_bytes \
                      FROM process JOIN community ON community.id = community_id";

/// The same for a process whose community may be deleted already.
const SELECT_REMOVED: &str = "SELECT process.id, public_id, process.community_id, coalesce(community.slug, gone.slug), instance_id, \
                              plugin, name, status, outcome, errors, url, callback_url, closing_at, state_bytes \
                              FROM process LEFT JOIN community ON community.id = process.community_id \
                              LEFT JOIN purge_community gone ON gone.community_id = process.community_id";

fn process_row(row: &Row<'_>) -> rusqlite::Result<ProcessRow> {
    Ok(ProcessRow {
        id: ProcessId(row.get(0)?),
        public_id: row.get(1)?,
        community: CommunityId(row.get(2)?),
        slug: row.get(3)?,
        instance: InstanceId(row.get(4)?),
        plugin: row.get(5)?,
        name: row.get(6)?,
        status: word(row, 7, ProcessStatus::parse)?,
        outcome: row.get(8)?,
        errors: row.get(9)?,
        url: row.get(10)?,
        callback_url: row.get(11)?,
        closing_at: row.get(12)?,
        state_bytes: row.get::<_, i64>(13)?.unsigned_abs(),
    })
}

impl Reader<'_> {
    pub fn process(&self, public_id: &str) -> Result<Option<ProcessRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{SELECT} WHERE public_id = ?1"))?;
        Ok(statement.query_row([public_id], process_row).optional()?)
    }

    pub fn process_by_id(&self, id: ProcessId) -> Result<Option<ProcessRow>, StoreError> {
        read_process(self.conn, id)
    }

    /// How many processes of an instance are not completed.
    pub fn pending_count(&self, instance: InstanceId) -> Result<usize, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*) FROM process WHERE instance_id = ?1 AND status <> 'completed'",
        )?;
        Ok(statement.query_row([instance.0], |row| row.get::<_, i64>(0))?.unsigned_abs() as usize)
    }

    /// In ascending id.
    pub fn processes(&self, filter: &ProcessFilter) -> Result<Vec<ProcessRow>, StoreError> {
        let by = if filter.community.is_some() { "community_id = ?2" } else { "?2 IS NULL" };
        let mut statement = self.conn.prepare_cached(&format!(
            "{SELECT} WHERE process.id > ?1 AND {by} AND (?3 IS NULL OR status = ?3) \
             AND (?4 IS NULL OR plugin = ?4) ORDER BY process.id LIMIT ?5"
        ))?;
        let rows = statement.query(params![
            filter.after,
            filter.community.map(|community| community.0),
            filter.status.map(ProcessStatus::as_str),
            filter.plugin,
            sql_limit(filter.limit)
        ])?;
        Ok(self.unreadable.list(rows, PROCESS, filter.limit, process_row)?.rows)
    }

    /// The highest id ever given to a process.
    pub fn last_process(&self) -> Result<i64, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'process'")?;
        Ok(statement.query_row([], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    pub fn process_value(&self, id: ProcessId, key: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT value FROM process_state WHERE process_id = ?1 AND key = ?2")?;
        Ok(statement.query_row(params![id.0, key], |row| row.get(0)).optional()?)
    }
}

fn read_process(
    conn: &rusqlite::Connection,
    id: ProcessId,
) -> Result<Option<ProcessRow>, StoreError> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE process.id = ?1"))?;
    Ok(statement.query_row([id.0], process_row).optional()?)
}

impl Tx<'_> {
    /// Adds a process as its `start` left it. If `start` completed it, its callback is notified a second later; of nothing
    /// else, because the answer to the start has it.
    pub fn add_process(
        &self,
        row: &ProcessRow,
        change: &ProcessChange,
        now: i64,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO process (id, public_id, community_id, instance_id, plugin, name, status, outcome, errors, \
                 url, callback_url, closing_at, state_bytes, created_at, completed_at, written_by) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .execute(params![
                row.id.0,
                row.public_id,
                row.community.0,
                row.instance.0,
                row.plugin,
                row.name,
                row.status.as_str(),
                row.outcome,
                row.errors,
                row.url,
                row.callback_url,
                row.closing_at,
                row.state_bytes.cast_signed(),
                now,
                (row.status == ProcessStatus::Completed).then_some(now),
                self.name
            ])?;
        self.apply_process_state(row.id, change)?;
        self.keep_closing(row)?;
        if row.status == ProcessStatus::Completed {
            self.tell_driver(row, now, now + FIRST_NOTICE_MS)?;
        }
        Ok(())
    }

    /// Stores the changes of a call to a process, unless it is completed.
    pub fn apply_process(
        &self,
        process: &ProcessRef,
        change: &ProcessChange,
        now: i64,
    ) -> Result<(), StoreError> {
        if process.is_new {
            return Ok(());
        }
        let stored = read_process(self.conn, process.id)?.ok_or(StoreError::Stale)?;
        if stored.status == ProcessStatus::Completed {
            return Err(StoreError::Stale);
        }
        self.change_process(&stored, &stored.with(change), now)?;
        self.apply_process_state(process.id, change)
    }

    /// Completes at most `limit` processes of an instance that is removed. Returns how many.
    pub fn complete_pending(
        &self,
        instance: InstanceId,
        code: &str,
        now: i64,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!(
            "{SELECT_REMOVED} WHERE instance_id = ?1 AND status <> 'completed' ORDER BY process.id LIMIT ?2"
        ))?;
        let pending = statement.query(params![instance.0, sql_limit(limit)])?;
        let pending = self.unreadable.list(pending, PROCESS, limit, process_row)?.rows;
        for stored in &pending {
            let mut completed = stored.clone();
            completed.status = ProcessStatus::Completed;
            completed.errors = json!({ "code": code }).to_string();
            self.change_process(stored, &completed, now)?;
        }
        Ok(pending.len())
    }

    fn change_process(
        &self,
        before: &ProcessRow,
        after: &ProcessRow,
        now: i64,
    ) -> Result<(), StoreError> {
        let completed = after.status == ProcessStatus::Completed;
        self.conn
            .prepare_cached(
                "UPDATE process SET status = ?2, outcome = ?3, errors = ?4, url = ?5, closing_at = ?6, \
                 state_bytes = ?7, completed_at = ?8, written_by = ?9 WHERE id = ?1",
            )?
            .execute(params![
                after.id.0,
                after.status.as_str(),
                after.outcome,
                after.errors,
                after.url,
                after.closing_at,
                after.state_bytes.cast_signed(),
                completed.then_some(now),
                self.name
            ])?;
        if completed {
            self.remove_schedules_of(after.instance, after.id)?;
        } else if before.closing_at != after.closing_at {
            self.keep_closing(after)?;
        }
        if completed || before.outcome != after.outcome {
            self.tell_driver(after, now, now)?;
        }
        Ok(())
    }

    fn keep_closing(&self, row: &ProcessRow) -> Result<(), StoreError> {
        match row.closing_at.filter(|_| row.status != ProcessStatus::Completed) {
            Some(due) => self.put_schedule(row.instance, row.id, &ScheduleKind::Closing, due),
            None => self.remove_schedule(row.instance, row.id, &ScheduleKind::Closing),
        }
    }

    fn apply_process_state(&self, id: ProcessId, change: &ProcessChange) -> Result<(), StoreError> {
        for (key, value) in &change.state {
            let Some(value) = value else {
                self.conn
                    .prepare_cached("DELETE FROM process_state WHERE process_id = ?1 AND key = ?2")?
                    .execute(params![id.0, key])?;
                continue;
            };
            self.conn
                .prepare_cached(
                    "INSERT INTO process_state (process_id, key, value) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (process_id, key) DO UPDATE SET value = excluded.value",
                )?
                .execute(params![id.0, key, value])?;
        }
        Ok(())
    }

    /// Appends the event for the `callback_url`, with the process as it is now.
    fn tell_driver(&self, row: &ProcessRow, now: i64, not_before: i64) -> Result<(), StoreError> {
        let Some(url) = row.callback_url.clone() else { return Ok(()) };
        let event = NewEvent {
            id: new_event_id(now),
            community: Some(row.community),
            slug: row.slug.clone(),
            key: format!("process/{}", row.public_id),
            source: row.plugin.clone(),
            event_type: "process.updated".to_owned(),
            time: now,
            data: row.shown(),
            initiator: None,
            dedupe: None,
            origin: "process",
            instance: Some(row.instance),
            request_id: String::new(),
            audience: Audience::Callback { url, not_before },
        };
        self.append_event(event)
    }
}
