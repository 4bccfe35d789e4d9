//! The table `failed_call`: calls that failed by fault of plugin or host.

use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::{Reader, StoreError, Tx};
use crate::clock::rfc3339;

/// A failed call as `/api/internal/calls` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedCall {
    /// Where it stands in the list: rises with each.
    #[serde(skip)]
    pub position: i64,
    pub id: String,
    pub request_id: String,
    pub community: String,
    pub plugin: String,
    pub version: String,
    pub instance: i64,
    pub origin: String,
    pub name: String,
    /// The code of the problem that was answered.
    pub code: String,
    pub detail: String,
    /// The guest's last lines.
    pub log: String,
    #[serde(serialize_with = "as_rfc3339")]
    pub started_at: i64,
    pub duration_us: i64,
    pub cpu_us: i64,
}

fn as_rfc3339<S: serde::Serializer>(ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*ms))
}

const COLUMNS: &str = "position, id, request_id, community, plugin, version, instance_id, origin, name, code, \
                       detail, log, started_at, duration_us, cpu_us";

fn failed_call(row: &Row<'_>) -> rusqlite::Result<FailedCall> {
    Ok(FailedCall {
        position: row.get(0)?,
        id: row.get(1)?,
        request_id: row.get(2)?,
        community: row.get(3)?,
        plugin: row.get(4)?,
        version: row.get(5)?,
        instance: row.get(6)?,
        origin: row.get(7)?,
        name: row.get(8)?,
        code: row.get(9)?,
        detail: row.get(10)?,
        log: row.get(11)?,
        started_at: row.get(12)?,
        duration_us: row.get(13)?,
        cpu_us: row.get(14)?,
    })
}

impl Reader<'_> {
    /// The newest before `before`, at most `limit`.
    pub fn failed_calls(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<FailedCall>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM failed_call WHERE ?1 IS NULL OR position < ?1 ORDER BY position DESC LIMIT ?2"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let rows = statement.query_map(params![before, limit as i64], failed_call)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn failed_call(&self, id: &str) -> Result<Option<FailedCall>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM failed_call WHERE id = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([id], failed_call).optional()?)
    }
}

impl Tx<'_> {
    pub fn add_failed_call(&self, call: &FailedCall) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO failed_call (id, request_id, community, plugin, version, instance_id, origin, name, \
                 code, detail, log, started_at, duration_us, cpu_us) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?
            .execute(params![
                call.id,
                call.request_id,
                call.community,
                call.plugin,
                call.version,
                call.instance,
                call.origin,
                call.name,
                call.code,
                call.detail,
                call.log,
                call.started_at,
                call.duration_us,
                call.cpu_us
            ])?;
        Ok(())
    }

    /// Removes at most `rows` that are too old or too many; how many it removed.
    pub fn purge_failed_calls(
        &self,
        before: i64,
        keep: u32,
        rows: usize,
    ) -> Result<usize, StoreError> {
        Ok(self
            .conn
            .prepare_cached(
                "DELETE FROM failed_call WHERE position IN (SELECT position FROM failed_call \
                 WHERE started_at < ?1 OR position <= (SELECT max(position) FROM failed_call) - ?2 LIMIT ?3)",
            )?
            .execute(params![before, keep, rows as i64])?)
    }
}
