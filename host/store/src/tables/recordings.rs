//! The table `recording`: calls that can be run again.

use rusqlite::{OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::rows::{Table, sql_limit};
use crate::{Reader, StoreError, Tx};
use moothall_core::clock::Moment;
use moothall_core::ids::InstanceId;

const RECORDING: Table = Table("recording", 0);

/// A recorded call as `/api/internal/recordings` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecordedRow {
    /// Its place in the list: rises with each.
    #[serde(skip)]
    pub position: i64,
    /// The call's id.
    pub id: String,
    pub request_id: String,
    pub instance: i64,
    pub community: String,
    pub plugin: String,
    pub version: String,
    /// SHA-256 of the plugin's file, in hex.
    pub digest: String,
    pub origin: String,
    pub name: String,
    /// The code of its failure; `null` if it succeeded.
    pub code: Option<String>,
    /// Why it cannot be run again; `null` if it can.
    pub not_replayable: Option<String>,
    pub started_at: Moment,
}

/// A recorded call that is to be stored.
#[derive(Clone, Debug)]
pub struct NewRecording {
    pub row: RecordedRow,
    /// JSON.
    pub content: String,
}

const COLUMNS: &str = "position, id, request_id, instance_id, community, plugin, version, digest, origin, name, \
                       code, not_replayable, started_at";

fn recorded(row: &Row<'_>) -> rusqlite::Result<RecordedRow> {
    Ok(RecordedRow {
        position: row.get(0)?,
        id: row.get(1)?,
        request_id: row.get(2)?,
        instance: row.get(3)?,
        community: row.get(4)?,
        plugin: row.get(5)?,
        version: row.get(6)?,
        digest: row.get(7)?,
        origin: row.get(8)?,
        name: row.get(9)?,
        code: row.get(10)?,
        not_replayable: row.get(11)?,
        started_at: Moment(row.get(12)?),
    })
}

impl Reader<'_> {
    /// The newest recorded calls before `before`, at most `limit`; of one plugin, and of one request, or of all.
    pub fn recordings(
        &self,
        plugin: Option<&str>,
        request: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<RecordedRow>, StoreError> {
        let of_plugin = if plugin.is_some() { "plugin = ?3" } else { "?3 IS NULL" };
        let of_request = if request.is_some() { "request_id = ?4" } else { "?4 IS NULL" };
        let sql = format!(
            "SELECT {COLUMNS} FROM recording WHERE {of_plugin} AND {of_request} \
             AND (?1 IS NULL OR position < ?1) ORDER BY position DESC LIMIT ?2"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query(params![before, sql_limit(limit), plugin, request])?;
        Ok(self.unreadable.list(rows, RECORDING, limit, recorded)?.rows)
    }

    /// The recording (JSON) of the call with that id, or else of the last call of the request with that id.
    pub fn recording(&self, id: &str) -> Result<Option<String>, StoreError> {
        for sql in [
            "SELECT content FROM recording WHERE id = ?1 ORDER BY position DESC LIMIT 1",
            "SELECT content FROM recording WHERE request_id = ?1 ORDER BY position DESC LIMIT 1",
        ] {
            let mut statement = self.conn.prepare_cached(sql)?;
            let found = statement.query_row([id], |row| row.get(0)).optional()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

impl Tx<'_> {
    pub fn add_recording(&self, new: &NewRecording) -> Result<(), StoreError> {
        let row = &new.row;
        self.conn
            .prepare_cached(
                "INSERT INTO recording (id, request_id, instance_id, community, plugin, version, digest, origin, \
                 name, code, not_replayable, started_at, content) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute(params![
                row.id,
                row.request_id,
                row.instance,
                row.community,
                row.plugin,
                row.version,
                row.digest,
                row.origin,
                row.name,
                row.code,
                row.not_replayable,
                row.started_at.0,
                new.content
            ])?;
        Ok(())
    }

    /// Removes at most `rows` recordings that are too old, or not among the newest `keep` of their plugin. Returns how many.
    pub fn purge_recordings(
        &self,
        before: i64,
        keep: u32,
        rows: usize,
    ) -> Result<usize, StoreError> {
        let mut removed = self
            .conn
            .prepare_cached(
                "DELETE FROM recording WHERE position IN \
                 (SELECT position FROM recording WHERE started_at < ?1 LIMIT ?2)",
            )?
            .execute(params![before, rows as i64])?;
        for plugin in self.plugins_with_more(keep)? {
            removed += self
                .conn
                .prepare_cached(
                    "DELETE FROM recording WHERE position IN (SELECT position FROM recording \
                     WHERE plugin = ?1 ORDER BY position DESC LIMIT ?2 OFFSET ?3)",
                )?
                .execute(params![plugin, rows.saturating_sub(removed) as i64, i64::from(keep)])?;
        }
        Ok(removed)
    }

    fn plugins_with_more(&self, keep: u32) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT plugin FROM recording GROUP BY plugin HAVING count(*) > ?1")?;
        let rows = statement.query([i64::from(keep)])?;
        Ok(self.unreadable.list(rows, RECORDING, usize::MAX, |row| row.get(0))?.rows)
    }

    /// Removes at most `rows` recordings of a deleted instance. Returns how many.
    pub(super) fn purge_recordings_of(
        &self,
        instance: InstanceId,
        rows: usize,
    ) -> Result<usize, StoreError> {
        Ok(self
            .conn
            .prepare_cached(
                "DELETE FROM recording WHERE position IN \
                 (SELECT position FROM recording WHERE instance_id = ?1 LIMIT ?2)",
            )?
            .execute(params![instance.0, rows as i64])?)
    }
}
