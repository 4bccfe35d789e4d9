//! The tables `purge` and `purge_community`: deleted instances and communities whose rows are still to be removed, in chunks,
//! so that no write is long.

use rusqlite::{OptionalExtension, params};

use crate::{StoreError, Tx};
use moothall_core::ids::InstanceId;

/// Pending processes that one write completes.
const COMPLETED: usize = 500;

impl Tx<'_> {
    /// Completes the pending processes of one deleted instance, then removes at most `rows` rows of its workers, recordings and
    /// state.
    /// False: nothing is left to do.
    pub fn purge_state(&self, now: i64, rows: usize) -> Result<bool, StoreError> {
        let Some(instance) = self.next_purge()? else { return Ok(false) };
        if self.complete_removed(instance, now)? {
            return Ok(true);
        }
        if self.purge_workers(instance, rows)? == rows {
            return Ok(true);
        }
        if self.purge_recordings_of(instance, rows)? == rows {
            return Ok(true);
        }
        let removed = self
            .conn
            .prepare_cached(
                "DELETE FROM state WHERE (instance_id, key) IN \
                 (SELECT instance_id, key FROM state WHERE instance_id = ?1 LIMIT ?2)",
            )?
            .execute(params![instance.0, rows as i64])?;
        if removed < rows {
            self.conn
                .prepare_cached("DELETE FROM purge WHERE instance_id = ?1")?
                .execute([instance.0])?;
        }
        Ok(true)
    }

    fn next_purge(&self) -> Result<Option<InstanceId>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT instance_id FROM purge LIMIT 1")?;
        Ok(statement.query_row([], |row| row.get(0).map(InstanceId)).optional()?)
    }

    /// Completes some of the pending processes of an instance that was removed, if its removal left any.
    /// Whether there may be more.
    pub fn complete_removed(&self, instance: InstanceId, now: i64) -> Result<bool, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT code FROM purge WHERE instance_id = ?1 AND code IS NOT NULL")?;
        let code: Option<String> =
            statement.query_row([instance.0], |row| row.get(0)).optional()?;
        let Some(code) = code else { return Ok(false) };
        if self.complete_pending(instance, &code, now, COMPLETED)? == COMPLETED {
            return Ok(true);
        }
        self.conn
            .prepare_cached("UPDATE purge SET code = NULL WHERE instance_id = ?1")?
            .execute([instance.0])?;
        Ok(false)
    }

    /// Removes at most `rows` rows of one deleted community's processes and people, once its processes are
    /// completed. False: nothing is left to do.
    pub fn purge_community(&self, rows: usize) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT community_id FROM purge_community WHERE NOT EXISTS (SELECT 1 FROM purge \
             JOIN process INDEXED BY process_pending ON process.instance_id = purge.instance_id \
             AND status <> 'completed' WHERE code IS NOT NULL \
             AND process.community_id = purge_community.community_id) LIMIT 1",
        )?;
        let community: Option<i64> = statement.query_row([], |row| row.get(0)).optional()?;
        let Some(community) = community else { return Ok(false) };
        let chunks = [
            "DELETE FROM process_state WHERE (process_id, key) IN (SELECT process_id, key FROM process \
             JOIN process_state ON process_id = process.id WHERE community_id = ?1 LIMIT ?2)",
            "DELETE FROM process WHERE id IN (SELECT id FROM process WHERE community_id = ?1 LIMIT ?2)",
            "DELETE FROM linked_account WHERE (platform_type, platform_identifier, community_platform_id) IN \
             (SELECT platform_type, platform_identifier, community_platform_id FROM linked_account \
             WHERE community_id = ?1 LIMIT ?2) AND community_id = ?1",
            "DELETE FROM person WHERE id IN (SELECT id FROM person WHERE community_id = ?1 LIMIT ?2)",
        ];
        for chunk in chunks {
            let removed =
                self.conn.prepare_cached(chunk)?.execute(params![community, rows as i64])?;
            if removed == rows {
                return Ok(true);
            }
        }
        self.conn
            .prepare_cached("DELETE FROM purge_community WHERE community_id = ?1")?
            .execute([community])?;
        Ok(true)
    }
}
