//! The lock of an instance, and what it protects. Fair: the first to ask gets it first.
//!
//! Either everything that was queued for the instance is stored when it is acquired (`lock`); or its holder runs ahead
//! (`lock_ahead`): it sees what is queued, and must show nothing of that before it is stored.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};
use tokio::time::Instant;

use super::Instance;
use crate::chain::{Chain, Link, Seen, Standing, StateWrite, StateWrites};
use crate::ids::Generation;
use crate::state_cache::{StateCache, StoredValue};

#[cfg(test)]
mod tests;

/// What the lock protects.
#[derive(Debug)]
pub struct LockedState {
    /// The generation that may still write; none once the instance is removed.
    pub generation: Option<Generation>,
    /// Bytes of all keys and values, those included that are queued; none until somebody had to count them.
    pub state_bytes: Option<u64>,
    /// Its writes that are queued, and what is known of its state; none before the first of them.
    chain: OnceLock<Arc<Chain>>,
}

/// The held lock. It moves into the write, and the writer releases it after the commit; or, if it is held by a call that
/// runs ahead, it is released when the write is queued.
#[derive(Debug)]
pub struct InstanceLock {
    guard: Guard,
    is_ahead: bool,
    /// What its holder sees of writes that are not stored.
    seen: Option<Seen>,
    unstored: Option<Arc<StateWrites>>,
}

#[derive(Debug)]
enum Guard {
    Shared(OwnedRwLockReadGuard<LockedState>),
    Exclusive(OwnedRwLockWriteGuard<LockedState>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Shared,
    Exclusive,
}

/// Why the lock was not acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockError {
    /// Others held it for longer than the wait, or their writes took longer to be stored.
    Busy,
    /// The instance was reconfigured or removed since the call began.
    Replaced,
}

impl Instance {
    /// Waits for the lock and until everything that was queued is stored, at most `wait`.
    pub async fn lock(&self, access: Access, wait: Duration) -> Result<InstanceLock, LockError> {
        let end = Instant::now() + wait;
        let mut lock = self.acquired(access, end).await?;
        lock.settle(end).await?;
        Ok(lock)
    }

    /// Waits for the lock, at most `wait`. Its holder sees what is queued.
    pub async fn lock_ahead(
        &self,
        access: Access,
        wait: Duration,
    ) -> Result<InstanceLock, LockError> {
        let end = Instant::now() + wait;
        let mut lock = self.acquired(access, end).await?;
        if !lock.look() {
            lock.settle(end).await?;
        }
        lock.is_ahead = true;
        Ok(lock)
    }

    async fn acquired(&self, access: Access, end: Instant) -> Result<InstanceLock, LockError> {
        let guard = match self.try_lock(access) {
            Some(guard) => guard,
            None => tokio::time::timeout_at(end, self.wait_for(access))
                .await
                .map_err(|_| LockError::Busy)?,
        };
        let lock = InstanceLock { guard, is_ahead: false, seen: None, unstored: None };
        if lock.locked_state().generation == Some(self.generation) {
            Ok(lock)
        } else {
            Err(LockError::Replaced)
        }
    }

    fn try_lock(&self, access: Access) -> Option<Guard> {
        match access {
            Access::Shared => self.lock.clone().try_read_owned().ok().map(Guard::Shared),
            Access::Exclusive => self.lock.clone().try_write_owned().ok().map(Guard::Exclusive),
        }
    }

    async fn wait_for(&self, access: Access) -> Guard {
        match access {
            Access::Shared => Guard::Shared(self.lock.clone().read_owned().await),
            Access::Exclusive => Guard::Exclusive(self.lock.clone().write_owned().await),
        }
    }
}

impl LockedState {
    pub(super) fn of(generation: Generation) -> Self {
        Self { generation: Some(generation), state_bytes: None, chain: OnceLock::new() }
    }
}

impl InstanceLock {
    pub fn locked_state(&self) -> &LockedState {
        match &self.guard {
            Guard::Shared(guard) => guard,
            Guard::Exclusive(guard) => guard,
        }
    }

    /// What may be changed under the lock; nothing if the lock is shared.
    pub fn locked_state_mut(&mut self) -> Option<&mut LockedState> {
        match &mut self.guard {
            Guard::Shared(_) => None,
            Guard::Exclusive(guard) => Some(guard),
        }
    }

    /// Whether others may hold it, too.
    pub fn is_shared(&self) -> bool {
        matches!(self.guard, Guard::Shared(_))
    }

    /// What its holder sees that is not stored yet: nothing of the call may be shown before it is.
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// The values of that, for the holder's reads.
    pub fn take_unstored(&mut self) -> Option<Arc<StateWrites>> {
        self.unstored.take()
    }

    /// The place of the holder's write in the chain, if it runs ahead; an error if a write has failed whose values it saw.
    pub fn link(&mut self) -> Option<Result<Link, Arc<str>>> {
        if !self.is_ahead {
            return None;
        }
        let chain = self.locked_state_mut()?.chain.get_or_init(Arc::default);
        Some(chain.link())
    }

    /// Releases the lock: the holder's write is queued, and the next holder runs on it.
    pub fn lead(mut self, writes: Vec<StateWrite>, state_bytes: Option<u64>) {
        let Some(locked_state) = self.locked_state_mut() else { return };
        locked_state.state_bytes = state_bytes.or(locked_state.state_bytes);
        if let Some(chain) = locked_state.chain.get() {
            chain.show(writes);
        }
    }

    /// The stored value of a key, if it is known. For a key of which the holder sees no write that is not stored.
    pub fn stored(&self, key: &str) -> Option<StoredValue> {
        self.locked_state().chain.get()?.stored(key)
    }

    /// Keeps what the holder has read of such a key.
    pub fn keep_stored(&self, all: &Arc<StateCache>, key: &str, value: Option<&str>) {
        self.locked_state().chain.get_or_init(Arc::default).keep_stored(all, key, value);
    }

    /// The holder's write begins; its place in the chain was given, if it has one. Returns what of it has to be passed to
    /// `wrote` if the lock is kept until it is stored.
    pub fn expect_writes<'a>(
        &self,
        writes: impl Iterator<Item = (&'a Arc<str>, &'a StoredValue)>,
    ) -> Vec<StateWrite> {
        let chain = self.locked_state().chain.get();
        chain.map_or_else(Vec::new, |chain| chain.expect_writes(writes))
    }

    /// The holder's write is stored, with this size of the whole state, if it is known.
    pub fn wrote(&mut self, writes: &[StateWrite], state_bytes: Option<u64>) {
        let Some(locked_state) = self.locked_state_mut() else { return };
        locked_state.state_bytes = state_bytes.or(locked_state.state_bytes);
        if let Some(chain) = locked_state.chain.get() {
            chain.note_stored(writes.iter().map(|(key, value)| (key, value)));
        }
    }

    /// Nothing is known any more of the state: somebody else than a call may have written it.
    pub fn forget_stored(&mut self) {
        let Some(locked_state) = self.locked_state_mut() else { return };
        locked_state.state_bytes = None;
        if let Some(chain) = locked_state.chain.get() {
            chain.forget_stored();
        }
    }

    /// Takes note of what is queued. False: of that, something has failed.
    fn look(&mut self) -> bool {
        match self.locked_state().chain.get().map(Chain::standing) {
            None | Some(Standing::Stored) => true,
            Some(Standing::Broken) => false,
            Some(Standing::Unstored(seen, unstored)) => {
                self.seen = Some(seen);
                self.unstored = Some(unstored);
                true
            }
        }
    }

    /// Waits until everything that was queued is stored, or has failed.
    async fn settle(&mut self, end: Instant) -> Result<(), LockError> {
        let Some(chain) = self.locked_state().chain.get().cloned() else { return Ok(()) };
        let ended = tokio::time::timeout_at(end, chain.all_ended()).await;
        ended.map_err(|_| LockError::Busy)?;
        if matches!(chain.standing(), Standing::Broken)
            && let Some(locked_state) = self.locked_state_mut()
        {
            // The size counts what was not stored.
            locked_state.state_bytes = None;
            locked_state.chain.take();
        }
        Ok(())
    }
}
