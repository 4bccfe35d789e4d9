//! The table `failed_call`: calls that failed because of their plugin or the host.

use rusqlite::{OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::rows::{Table, sql_limit};
use crate::{Reader, StoreError, Tx};
use moothall_core::clock::Moment;

const FAILED_CALL: Table = Table("failed_call", 0);

/// A failed call as `/api/internal/calls` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailedCall {
    /// Its place in the list: rises with each.
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
    /// The code of the problem that the caller got.
    pub code: String,
    pub detail: String,
    /// The last lines of the guest's log.
    pub log: String,
    pub started_at: Moment,
    pub duration_us: i64,
    pub cpu_us: i64,
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
        started_at: Moment(row.get(12)?),
        duration_us: row.get(13)?,
        cpu_us: row.get(14)?,
    })
}

impl Reader<'_> {
    /// The newest calls before `before`, at most `limit`; of one request, or of all.
    pub fn failed_calls(
        &self,
        request: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<FailedCall>, StoreError> {
        let of_request = if request.is_some() { "request_id = ?3" } else { "?3 IS NULL" };
        let sql = format!(
            "SELECT {COLUMNS} FROM failed_call WHERE {of_request} AND (?1 IS NULL OR position < ?1) \
             ORDER BY position DESC LIMIT ?2"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query(params![before, sql_limit(limit), request])?;
        Ok(self.unreadable.list(rows, FAILED_CALL, limit, failed_call)?.rows)
    }

    /// The call with that id, or else the last call of the request with that id.
    pub fn failed_call(&self, id: &str) -> Result<Option<FailedCall>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM failed_call WHERE id = ?1");
        let own = self.conn.prepare_cached(&sql)?.query_row([id], failed_call).optional()?;
        match own {
            Some(call) => Ok(Some(call)),
            None => Ok(self.failed_calls(Some(id), None, 1)?.pop()),
        }
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
                call.started_at.0,
                call.duration_us,
                call.cpu_us
            ])?;
        Ok(())
    }

    /// Removes at most `rows` calls that are too old or too many. Returns how many.
    pub fn purge_failed_calls(
        &self,
        before: i64,
        keep: u32,
        rows: usize,
    ) -> Result<usize, StoreError> {
        let mut removed = self
            .conn
            .prepare_cached(
                "DELETE FROM failed_call WHERE position IN (SELECT position FROM failed_call \
                 WHERE started_at < ?1 LIMIT ?2)",
            )?
            .execute(params![before, rows as i64])?;
        let counts = self.failed_calls_of_plugins()?;
        let share = fair_share(counts.iter().map(|(_, count)| *count), u64::from(keep));
        for (plugin, _) in counts.iter().filter(|(_, count)| *count > share) {
            removed += self
                .conn
                .prepare_cached(
                    "DELETE FROM failed_call WHERE position IN (SELECT position FROM failed_call \
                     WHERE plugin = ?1 ORDER BY position DESC LIMIT ?2 OFFSET ?3)",
                )?
                .execute(params![plugin, rows.saturating_sub(removed) as i64, share as i64])?;
        }
        Ok(removed)
    }

    fn failed_calls_of_plugins(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT plugin, count(*) FROM failed_call GROUP BY plugin")?;
        let count = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()));
        let rows = statement.query([])?;
        Ok(self.unreadable.list(rows, FAILED_CALL, usize::MAX, count)?.rows)
    }
}

/// How many calls of each plugin may stay, so that `keep` stay together, and no plugin with few gives up any for those with
/// many. At least one of each.
fn fair_share(counts: impl Iterator<Item = u64>, keep: u64) -> u64 {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_unstable();
    let (mut left, mut sharers) = (keep, counts.len() as u64);
    for count in counts {
        let share = left / sharers;
        if count > share {
            return share.max(1);
        }
        left -= count;
        sharers -= 1;
    }
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_with_many_give_up_theirs() {
        let share = |counts: &[u64], keep| fair_share(counts.iter().copied(), keep);
        assert_eq!(share(&[], 10), u64::MAX);
        assert_eq!(share(&[4, 6], 10), u64::MAX, "nothing is too many");
        assert_eq!(share(&[2, 900], 10), 8);
        assert_eq!(share(&[900, 2, 900], 10), 4);
        assert_eq!(share(&[5, 5, 5], 2), 1, "each keeps its newest");
    }
}
