//! The table `state`: keys and values of instances.
//!
//! Only the commits of calls and mutations write it. Size limits are checked before, when the guest calls `state.set`.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use crate::{Reader, StoreError, Tx};
use moothall_core::ids::{Generation, InstanceId};

/// One key's new value, or its removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    pub key: Arc<str>,
    pub value: Option<Arc<str>>,
}

impl Reader<'_> {
    pub fn state_value(
        &self,
        instance: InstanceId,
        key: &str,
    ) -> Result<Option<String>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT value FROM state WHERE instance_id = ?1 AND key = ?2")?;
        Ok(statement.query_row(params![instance.0, key], |row| row.get(0)).optional()?)
    }

    /// Length of a value in bytes, without reading it.
    pub fn state_value_bytes(
        &self,
        instance: InstanceId,
        key: &str,
    ) -> Result<Option<u64>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT octet_length(value) FROM state WHERE instance_id = ?1 AND key = ?2",
        )?;
        Ok(statement
            .query_row(params![instance.0, key], |row| row.get::<_, i64>(0).map(i64::unsigned_abs))
            .optional()?)
    }

    /// Keys that begin with `prefix` and sort after `after`, ascending, at most `limit`.
    pub fn state_keys(
        &self,
        instance: InstanceId,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT key FROM state WHERE instance_id = ?1 AND key >= ?2 AND (?3 IS NULL OR key > ?3) ORDER BY key",
        )?;
        let mut rows = statement.query(params![instance.0, prefix, after])?;
        let mut keys = Vec::new();
        // In order from the prefix on: the first key without it is the end.
        while keys.len() < limit
            && let Some(row) = rows.next()?
        {
            let key: String = row.get(0)?;
            if !key.starts_with(prefix) {
                break;
            }
            keys.push(key);
        }
        Ok(keys)
    }

    /// Bytes of all keys and values of an instance.
    pub fn state_bytes(&self, instance: InstanceId) -> Result<u64, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT coalesce(sum(octet_length(key) + octet_length(value)), 0) FROM state WHERE instance_id = ?1",
        )?;
        Ok(statement.query_row([instance.0], |row| row.get::<_, i64>(0).map(i64::unsigned_abs))?)
    }
}

impl Tx<'_> {
    /// Fails with `Stale` unless the instance is still there in that generation.
    pub fn require_generation(
        &self,
        instance: InstanceId,
        generation: Generation,
    ) -> Result<(), StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT 1 FROM instance WHERE id = ?1 AND generation = ?2")?;
        if statement.exists(params![instance.0, generation.0])? {
            Ok(())
        } else {
            Err(StoreError::Stale)
        }
    }

    pub fn apply_state(
        &self,
        instance: InstanceId,
        changes: &[StateChange],
    ) -> Result<(), StoreError> {
        for change in changes {
            match &change.value {
                Some(value) => self.put_state(instance, &change.key, value)?,
                None => self.remove_state(instance, &change.key)?,
            }
        }
        Ok(())
    }

    fn put_state(&self, instance: InstanceId, key: &str, value: &str) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO state (instance_id, key, value) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (instance_id, key) DO UPDATE SET value = excluded.value",
            )?
            .execute(params![instance.0, key, value])?;
        Ok(())
    }

    fn remove_state(&self, instance: InstanceId, key: &str) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("DELETE FROM state WHERE instance_id = ?1 AND key = ?2")?
            .execute(params![instance.0, key])?;
        Ok(())
    }
}
