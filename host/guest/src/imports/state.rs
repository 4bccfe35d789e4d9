//! `state`: the instance's key-value state, under its lock and within its quotas.
//!
//! Reads see the call's own writes; writes collect in its effects and are stored by the commit. What is stored is read from
//! the instance's cache if it is there.

use crate::bindings::imports::moothall::plugin::state;
use crate::bindings::{Error, ErrorKind};
use crate::call_state::CallState;
use crate::refusal::{carried, error};
use moothall_core::effects::{Overlay, StoredKeys};
use moothall_core::ids::InstanceId;
use moothall_core::state_cache::StoredValue;

/// How many keys `keys` returns at most.
const KEYS: u32 = 1_000;

impl state::Host for CallState {
    async fn get(&mut self, key: String) -> Result<Option<String>, Error> {
        self.check_key(&key)?;
        let instance = self.touched().await?;
        match self.effects.get(&key) {
            Overlay::Written(value) => Ok(Some(value.to_owned())),
            Overlay::Removed => Ok(None),
            Overlay::Untouched => self.stored_value(instance, &key),
        }
    }

    async fn set(&mut self, key: String, value: String) -> Result<(), Error> {
        self.check_key(&key)?;
        self.check_value(&key, &value)?;
        let instance = self.touched().await?;
        self.count_write()?;
        let before = self.entry_bytes(instance, &key)?;
        let after = (key.len() + value.len()) as u64;
        self.account(instance, before, after)?;
        self.keep(after)?;
        self.effects.write(key, Some(value));
        Ok(())
    }

    async fn remove(&mut self, key: String) -> Result<bool, Error> {
        self.check_key(&key)?;
        let instance = self.touched().await?;
        self.count_write()?;
        let before = self.entry_bytes(instance, &key)?;
        if before == 0 {
            return Ok(false);
        }
        self.account(instance, before, 0)?;
        self.effects.write(key, None);
        Ok(true)
    }

    async fn keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, Error> {
        let instance = self.touched().await?;
        let limit = limit.clamp(1, KEYS) as usize;
        // Each removal of this call may hide one stored key.
        let read = limit + self.effects.touched();
        let after = after.as_deref();
        let stored = self.stored(|state| {
            state.shared.store.read(|r| r.state_keys(instance, &prefix, after, read))
        })?;
        let stored = match stored.len() < read {
            true => StoredKeys::All(stored),
            false => StoredKeys::First(stored),
        };
        Ok(self.effects.merge_keys(stored, &prefix, after, limit))
    }
}

impl CallState {
    async fn touched(&mut self) -> Result<InstanceId, Error> {
        let touched = self.touch_state().await;
        touched.map(|instance| instance.id).map_err(|fault| self.end_with(fault))
    }

    /// Reads from the store; a store that fails ends the call.
    pub(super) fn stored<T>(
        &mut self,
        read: impl FnOnce(&Self) -> Result<T, moothall_store::StoreError>,
    ) -> Result<T, Error> {
        read(self).map_err(|error| self.end_with(error.into()))
    }

    /// The value that is stored under a key which nobody is changing: from memory, where it then is for the next calls.
    fn stored_value(&mut self, instance: InstanceId, key: &str) -> Result<Option<String>, Error> {
        if let Some(known) = self.known_value(key) {
            self.shared.state_reads.count_memory();
            return Ok(known.as_deref().map(str::to_owned));
        }
        self.shared.state_reads.count_store();
        let value =
            self.stored(|state| state.shared.store.read(|r| r.state_value(instance, key)))?;
        let shared = self.shared.clone();
        self.with_lock(|lock| lock.keep_stored(&shared.state_cache, key, value.as_deref()));
        Ok(value)
    }

    /// What is stored, if memory has it. Only for whoever holds the lock: a call whose caller has it reads the table.
    fn known_value(&mut self, key: &str) -> Option<StoredValue> {
        self.with_lock(|lock| lock.stored(key)).flatten()
    }

    pub(super) fn check_key(&self, key: &str) -> Result<(), Error> {
        let limit = self.plugin_context.limits.state_key_bytes;
        if (1..=limit).contains(&key.len()) {
            return Ok(());
        }
        Err(error(
            ErrorKind::Invalid,
            format!("a state key has 1 to {limit} bytes, this one has {}", key.len()),
        ))
    }

    pub(super) fn check_value(&self, key: &str, value: &str) -> Result<(), Error> {
        let limit = self.plugin_context.limits.state_value_bytes;
        if value.len() > limit {
            let message = format!(
                "the state value of `{key}` has {} bytes, at most {limit} are allowed",
                value.len()
            );
            return Err(error(ErrorKind::Invalid, message));
        }
        carried(|| format!("the state value of `{key}`"), value)
    }

    pub(super) fn count_write(&mut self) -> Result<(), Error> {
        if self.function.is_read_only {
            return Err(error(
                ErrorKind::Forbidden,
                "this call is read-only and may not write state",
            ));
        }
        let limit = self.plugin_context.limits.state_writes;
        if self.writes >= limit {
            return Err(error(
                ErrorKind::Conflict,
                format!("a call may write state {limit} times"),
            ));
        }
        self.writes += 1;
        Ok(())
    }

    /// Bytes of the key and value as this call sees them; 0 where the key is not set.
    fn entry_bytes(&mut self, instance: InstanceId, key: &str) -> Result<u64, Error> {
        let value = match self.effects.get(key) {
            Overlay::Written(value) => Some(value.len() as u64),
            Overlay::Removed => None,
            Overlay::Untouched => self.stored_value_bytes(instance, key)?,
        };
        Ok(value.map_or(0, |value| value + key.len() as u64))
    }

    /// The length of a stored value. One that is not in memory is not read for that.
    fn stored_value_bytes(
        &mut self,
        instance: InstanceId,
        key: &str,
    ) -> Result<Option<u64>, Error> {
        match self.known_value(key) {
            Some(known) => Ok(known.map(|value| value.len() as u64)),
            None => {
                self.stored(|state| state.shared.store.read(|r| r.state_value_bytes(instance, key)))
            }
        }
    }

    /// Replaces `before` by `after` in the size of the instance's state.
    fn account(&mut self, instance: InstanceId, before: u64, after: u64) -> Result<(), Error> {
        let bytes = match self.state_bytes {
            Some(bytes) => bytes,
            None => self.counted(instance)?,
        };
        let bytes = bytes.saturating_sub(before) + after;
        let limit = self.plugin_context.limits.state_bytes;
        if after > before && bytes > limit {
            let message = format!(
                "the instance's state would have {bytes} bytes, at most {limit} are allowed"
            );
            return Err(error(ErrorKind::Conflict, message));
        }
        self.state_bytes = Some(bytes);
        Ok(())
    }

    /// The size of the stored state: remembered with the lock, or else counted, which happens once after the host's start.
    fn counted(&mut self, instance: InstanceId) -> Result<u64, Error> {
        if let Some(bytes) = self.with_lock(|hold| hold.locked_state().state_bytes).flatten() {
            return Ok(bytes);
        }
        let bytes = self.stored(|state| state.shared.store.read(|r| r.state_bytes(instance)))?;
        // Without this call's writes, which may never be stored.
        self.with_lock(|hold| {
            if let Some(locked_state) = hold.locked_state_mut() {
                locked_state.state_bytes = Some(bytes);
            }
        });
        self.state_bytes = Some(bytes);
        Ok(bytes)
    }
}
