//! Values of state that calls have read lately, in memory. They are what the table has, and nothing else.
//!
//! Each instance has a cache of its own. Whoever uses it holds the instance's lock, so that nobody changes what he reads;
//! `chain` says when a value counts again that was written. The caches of all instances have a bound together: beyond it,
//! whole caches are emptied that have not been used for longest. Nothing here waits for more than a few instructions of
//! another thread.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use hashlink::LruCache;

#[cfg(test)]
mod tests;

/// A value as it is stored; none: the key is not set.
pub type StoredValue = Option<Arc<str>>;

/// About how many bytes an entry takes besides its key and its value.
const ENTRY_BYTES: usize = 128;
/// Whoever has to make room makes this part of all more, so that the next ones need not.
const MORE_ROOM: usize = 16;
/// Caches that one look for room goes over, at most, and over each once.
const STEPS: usize = 64;
/// Caches of instances that are gone are removed from the list when there may be more than these, and more than others.
const GONE: usize = 1_024;

/// What the caches of all instances share: their bounds.
#[derive(Debug)]
pub struct StateCache {
    bytes: usize,
    instance_bytes: usize,
    used: AtomicUsize,
    filled: Mutex<Filled>,
}

/// The caches that are not empty.
#[derive(Debug, Default)]
struct Filled {
    /// A look for room begins with the first, and moves those that were used to the end.
    queue: VecDeque<Weak<InstanceCache>>,
    /// How many were left when those of instances that are gone were removed last.
    left: usize,
}

/// The cache of one instance.
#[derive(Debug)]
pub struct InstanceCache {
    all: Arc<StateCache>,
    values: Mutex<Values>,
    /// Whether it was used since the last look for room.
    is_used: AtomicBool,
}

#[derive(Debug)]
struct Values {
    entries: LruCache<Arc<str>, Entry>,
    bytes: usize,
    /// Whether it is among those that are not empty.
    is_listed: bool,
}

#[derive(Debug)]
enum Entry {
    Stored(StoredValue),
    /// A write of the key is under way: it counts again when that is stored.
    Changing,
}

impl StateCache {
    /// With 0 bytes nothing is kept.
    pub fn new(bytes: usize, instance_bytes: usize) -> Arc<Self> {
        let (used, filled) = (AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { bytes, instance_bytes, used, filled })
    }

    /// Bytes of all keys and values, and of what they need.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The cache of an instance; none where nothing is kept.
    pub fn of_instance(self: &Arc<Self>) -> Option<Arc<InstanceCache>> {
        let values = Values { entries: LruCache::new_unbounded(), bytes: 0, is_listed: false };
        let cache = || InstanceCache {
            all: self.clone(),
            values: Mutex::new(values),
            is_used: AtomicBool::new(false),
        };
        (self.bytes > 0).then(|| Arc::new(cache()))
    }

    fn reserve(&self, bytes: usize) -> bool {
        let is_reserved = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.bytes;
        if !is_reserved {
            self.release(bytes);
        }
        is_reserved
    }

    fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Reserves, and empties other caches where that is necessary. False: there is no room, or others are looking for it.
    fn make_room(&self, bytes: usize) -> bool {
        if self.reserve(bytes) {
            return true;
        }
        let Ok(mut filled) = self.filled.try_lock() else { return false };
        let enough = self.bytes - self.bytes / MORE_ROOM;
        let mut emptied = Vec::new();
        for _ in 0..filled.queue.len().min(STEPS) {
            if self.used() + bytes <= enough {
                break;
            }
            let Some(next) = filled.queue.pop_front() else { break };
            let Some(cache) = next.upgrade() else { continue };
            match cache.take_if_unused() {
                Some(entries) => emptied.push(entries),
                None => filled.queue.push_back(next),
            }
        }
        // What was in them is freed without the lock.
        drop(filled);
        self.reserve(bytes)
    }

    fn list(&self, cache: &Arc<InstanceCache>) {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        filled.queue.push_back(Arc::downgrade(cache));
        if filled.queue.len() > GONE + 2 * filled.left {
            filled.queue.retain(|one| one.strong_count() > 0);
            filled.left = filled.queue.len();
        }
    }
}

impl InstanceCache {
    /// What is stored for a key, if it is known.
    pub fn get(&self, key: &str) -> Option<StoredValue> {
        let mut values = self.values();
        let Entry::Stored(value) = values.entries.get(key)? else { return None };
        let value = value.clone();
        drop(values);
        self.is_used.store(true, Ordering::Relaxed);
        Some(value)
    }

    /// Keeps what was read, if there is room. Whoever read it holds the instance's lock, and saw no write of it that is not
    /// stored.
    pub fn keep(self: &Arc<Self>, key: &str, value: Option<&str>) {
        let bytes = entry_bytes(key, value);
        if bytes > self.all.instance_bytes || !self.all.make_room(bytes) {
            return;
        }
        self.is_used.store(true, Ordering::Relaxed);
        let entry = Entry::Stored(value.map(Into::into));
        let mut values = self.values();
        let before = values.entries.insert(key.into(), entry);
        let mut freed = before.map_or(0, |entry| entry.bytes(key));
        values.bytes = values.bytes + bytes - freed;
        freed += values.trim(self.all.instance_bytes);
        let is_first = !std::mem::replace(&mut values.is_listed, true);
        drop(values);
        self.all.release(freed);
        if is_first {
            self.all.list(self);
        }
    }

    /// A write of the key begins: what is stored is not known until `change`. Returns whether it was known.
    pub fn expect_change(&self, key: &str) -> bool {
        let mut guard = self.values();
        let values = &mut *guard;
        let Some(entry) = values.entries.get_mut(key) else { return false };
        let freed = entry.bytes(key) - Entry::Changing.bytes(key);
        let gone = std::mem::replace(entry, Entry::Changing);
        values.bytes -= freed;
        drop(guard);
        drop(gone);
        self.all.release(freed);
        true
    }

    /// A write of the key is stored. Only what was known before is kept: what nobody reads needs no room. Empties no other
    /// cache.
    pub fn change(&self, key: &str, value: &StoredValue) {
        let mut guard = self.values();
        let values = &mut *guard;
        let Some(entry) = values.entries.peek_mut(key) else { return };
        let (before, after) = (entry.bytes(key), entry_bytes(key, value.as_deref()));
        let fits = after <= self.all.instance_bytes;
        let mut freed = if fits && self.all.reserve(after.saturating_sub(before)) {
            *entry = Entry::Stored(value.clone());
            values.bytes = values.bytes + after - before;
            before.saturating_sub(after)
        } else {
            values.entries.remove(key);
            values.bytes -= before;
            before
        };
        freed += values.trim(self.all.instance_bytes);
        drop(guard);
        self.all.release(freed);
    }

    /// Nothing is known any more.
    pub fn clear(&self) {
        let mut values = self.values();
        let gone = values.take();
        drop(values);
        self.all.release(gone.bytes);
    }

    /// Empties it, unless it was used since the last look for room or is in use now.
    fn take_if_unused(&self) -> Option<Values> {
        if self.is_used.swap(false, Ordering::Relaxed) {
            return None;
        }
        let mut values = self.values.try_lock().ok()?;
        let gone = values.take();
        values.is_listed = false;
        drop(values);
        self.all.release(gone.bytes);
        Some(gone)
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Values {
    /// Takes out everything; whether it is listed stays as it is.
    fn take(&mut self) -> Self {
        let entries = std::mem::replace(&mut self.entries, LruCache::new_unbounded());
        Self { entries, bytes: std::mem::take(&mut self.bytes), is_listed: self.is_listed }
    }

    /// Removes what was not read for longest, down to that many bytes. Returns how many are freed.
    fn trim(&mut self, bytes: usize) -> usize {
        let before = self.bytes;
        while self.bytes > bytes
            && let Some((key, entry)) = self.entries.remove_lru()
        {
            self.bytes -= entry.bytes(&key);
        }
        before - self.bytes
    }
}

impl Entry {
    fn bytes(&self, key: &str) -> usize {
        match self {
            Self::Stored(value) => entry_bytes(key, value.as_deref()),
            Self::Changing => entry_bytes(key, None),
        }
    }
}

impl Drop for InstanceCache {
    fn drop(&mut self) {
        self.all.release(self.values().bytes);
    }
}

fn entry_bytes(key: &str, value: Option<&str>) -> usize {
    ENTRY_BYTES + key.len() + value.map_or(0, str::len)
}
