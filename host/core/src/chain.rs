//! The chain of an instance: its writes that are queued, each of which may rest on those before it.
//!
//! A call runs on what the chain is going to store, and nobody is shown any of that before it is stored. If a write
//! fails, all that come after it fail too. Nothing here waits for the disk: the writer reports how each write ended, in
//! the order in which they were queued.
//!
//! With the chain goes the cache of what is stored. A key of which a write begins does not count in it until everything that
//! was queued is stored: until then calls see the write in the chain.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use crate::state_cache::{InstanceCache, StateCache, StoredValue};

#[cfg(test)]
mod tests;

/// New values by key; `None` is a removal.
pub type StateWrites = BTreeMap<Arc<str>, Option<Arc<str>>>;
/// One of them.
pub type StateWrite = (Arc<str>, Option<Arc<str>>);

/// About how many bytes an entry takes besides its key and its value.
const ENTRY_BYTES: usize = 64;
/// Why a write failed that was dropped.
const DROPPED: &str = "the writer has ended";

/// The chain of one instance. Whoever holds the instance's lock exclusively adds to it.
#[derive(Debug, Default)]
pub struct Chain {
    links: Mutex<Links>,
    /// Notified each time a write has ended or failed.
    changed: Notify,
    /// Stored values that this instance's calls have read or written; none before the first of them.
    cache: OnceLock<Arc<InstanceCache>>,
}

#[derive(Debug, Default)]
struct Links {
    /// The number of the write that was queued last.
    queued: u64,
    /// The number of the write that ended last.
    ended: u64,
    /// The number of the last write before everything was stored for the last time.
    begun: u64,
    /// The first write that failed, and why.
    broken: Option<(u64, Arc<str>)>,
    /// Whether calls cannot see the write that was queued last: its call has not shown it yet, or never will.
    hides_last: bool,
    /// What calls see of the writes that have not ended.
    unstored: Arc<StateWrites>,
    unstored_bytes: usize,
}

/// How much of an instance calls may see before it is stored.
#[derive(Clone, Copy, Debug)]
pub struct ChainBounds {
    pub writes: usize,
    pub bytes: usize,
}

/// What a call that takes the lock now finds.
#[derive(Debug)]
pub enum Standing {
    /// Everything is stored.
    Stored,
    /// Some of what it sees is not stored yet.
    Unstored(Seen, Arc<StateWrites>),
    /// A write has failed: nothing can rest on this chain any more.
    Broken,
}

/// What a call has seen of a chain: everything up to one of its writes.
#[derive(Clone, Debug)]
pub struct Seen {
    chain: Arc<Chain>,
    number: u64,
}

/// The place of one write in a chain. It goes to the writer with the write.
#[derive(Debug)]
pub struct Link {
    chain: Arc<Chain>,
    number: u64,
    is_over: bool,
}

impl Chain {
    pub fn standing(self: &Arc<Self>) -> Standing {
        let links = self.links();
        match (&links.broken, links.all_ended()) {
            (Some(_), _) => Standing::Broken,
            (None, true) => Standing::Stored,
            (None, false) => {
                let seen = Seen { chain: self.clone(), number: links.queued };
                Standing::Unstored(seen, links.unstored.clone())
            }
        }
    }

    /// Waits until each write that was queued has ended.
    pub async fn all_ended(&self) {
        self.until(|links| links.all_ended().then_some(())).await;
    }

    /// The place of the next write; an error if one before it has failed.
    pub fn link(self: &Arc<Self>) -> Result<Link, Arc<str>> {
        let mut links = self.links();
        if let Some((_, reason)) = &links.broken {
            return Err(reason.clone());
        }
        links.queued += 1;
        links.hides_last = true;
        Ok(Link { chain: self.clone(), number: links.queued, is_over: false })
    }

    /// Shows the last write, which is in the writer's queue now, to the calls that follow.
    pub fn show(&self, writes: Vec<StateWrite>) {
        let mut links = self.links();
        links.hides_last = false;
        if links.broken.is_some() {
            return;
        }
        // The writer may have been faster; then the calls read what is stored.
        if links.all_ended() {
            return self.note_stored(writes.iter().map(|(key, value)| (key, value)));
        }
        let Links { unstored, unstored_bytes, .. } = &mut *links;
        let unstored = Arc::make_mut(unstored);
        for (key, value) in writes {
            *unstored_bytes += entry_bytes(&key, value.as_deref());
            if let Some(before) = unstored.get(&*key) {
                *unstored_bytes -= entry_bytes(&key, before.as_deref());
            }
            unstored.insert(key, value);
        }
    }

    fn fail(&self, number: u64, reason: &str) {
        let mut links = self.links();
        if links.broken.as_ref().is_none_or(|(first, _)| number < *first) {
            links.broken = Some((number, reason.into()));
        }
        let gone = links.forget();
        self.forget_stored();
        drop(links);
        drop(gone);
        self.changed.notify_waiters();
    }

    fn end(&self, number: u64) {
        let mut links = self.links();
        links.ended = links.ended.max(number);
        let gone = if links.all_ended() { links.forget() } else { Arc::default() };
        // The last write may be of the same keys. With the mutex: one that is queued from now on comes later.
        if !links.hides_last {
            self.note_stored(gone.iter());
        }
        drop(links);
        drop(gone);
        self.changed.notify_waiters();
    }

    /// The stored value of a key that no queued write changes, if the cache has it.
    pub fn stored(&self, key: &str) -> Option<StoredValue> {
        self.cache.get()?.get(key)
    }

    /// Keeps what was read of a key that is not in the chain.
    pub fn keep_stored(&self, all: &Arc<StateCache>, key: &str, value: Option<&str>) {
        if let Some(cache) = self.cache.get() {
            cache.keep(key, value);
        } else if let Some(cache) = all.of_instance() {
            self.cache.get_or_init(|| cache).keep(key, value);
        }
    }

    /// A write begins that has its place in the chain, if it has one. Returns those parts of it of which the old value was
    /// known.
    pub fn expect_writes<'a>(
        &self,
        writes: impl Iterator<Item = (&'a Arc<str>, &'a StoredValue)>,
    ) -> Vec<StateWrite> {
        let Some(cache) = self.cache.get() else { return Vec::new() };
        let known = writes.filter(|(key, _)| cache.expect_change(key));
        known.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Writes are stored, and no write of their keys comes after them in the chain.
    pub fn note_stored<'a>(&self, writes: impl Iterator<Item = (&'a Arc<str>, &'a StoredValue)>) {
        if let Some(cache) = self.cache.get() {
            writes.for_each(|(key, value)| cache.change(key, value));
        }
    }

    /// Empties the cache: the next call reads the table.
    pub fn forget_stored(&self) {
        if let Some(cache) = self.cache.get() {
            cache.clear();
        }
    }

    async fn until<T>(&self, found: impl Fn(&Links) -> Option<T>) -> T {
        loop {
            if let Some(found) = found(&self.links()) {
                return found;
            }
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            // It may have changed before it was enabled.
            if let Some(found) = found(&self.links()) {
                return found;
            }
            changed.await;
        }
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Links {
    fn all_ended(&self) -> bool {
        self.ended >= self.queued
    }

    /// How the writes up to this one ended; none if they have not.
    fn outcome(&self, number: u64) -> Option<Result<(), Arc<str>>> {
        match &self.broken {
            Some((first, reason)) if *first <= number => Some(Err(reason.clone())),
            _ => (self.ended >= number).then_some(Ok(())),
        }
    }

    /// Calls see what is stored from now on. Returns what they saw, to be freed without the mutex.
    fn forget(&mut self) -> Arc<StateWrites> {
        self.begun = self.queued;
        self.unstored_bytes = 0;
        std::mem::take(&mut self.unstored)
    }
}

impl Seen {
    /// Waits until everything that was seen is stored, or some of it has failed; then says why.
    pub async fn stored(&self) -> Result<(), Arc<str>> {
        self.chain.until(|links| links.outcome(self.number)).await
    }
}

impl Link {
    /// Whether everything is well that the write rests on. The writer asks before it runs the write.
    pub fn require_sound(&self) -> Result<(), Arc<str>> {
        match &self.chain.links().broken {
            Some((_, reason)) => Err(reason.clone()),
            None => Ok(()),
        }
    }

    /// Whether calls may see what the write stores before it is stored.
    pub fn has_room<'a>(
        &self,
        bounds: ChainBounds,
        mut writes: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    ) -> bool {
        let links = self.chain.links();
        let length = usize::try_from(links.queued - links.begun).unwrap_or(usize::MAX);
        let mut bytes = links.unstored_bytes;
        let fits = |(key, value): (&str, _)| {
            let replaced = links.unstored.get(key);
            bytes -= replaced.map_or(0, |before| entry_bytes(key, before.as_deref()));
            bytes += entry_bytes(key, value);
            bytes <= bounds.bytes
        };
        length <= bounds.writes && writes.all(fits)
    }

    /// The write has failed: what comes after it fails, too.
    pub fn fail(&self, reason: &str) {
        self.chain.fail(self.number, reason);
    }

    /// The write has ended: it is durable, or it has failed.
    pub fn end(mut self, outcome: Result<(), &str>) {
        if let Err(reason) = outcome {
            self.fail(reason);
        }
        self.is_over = true;
        self.chain.end(self.number);
    }

    /// The write was not even queued, and whoever adds to the chain still holds the lock: as if it had never been.
    pub fn retract(mut self) {
        self.is_over = true;
        let mut links = self.chain.links();
        links.queued -= 1;
        links.hides_last = false;
        // Those before it may have ended while it had its place: nobody else forgets what they showed.
        let gone = if links.all_ended() { links.forget() } else { Arc::default() };
        self.chain.note_stored(gone.iter());
        drop(links);
        drop(gone);
        self.chain.changed.notify_waiters();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if !self.is_over {
            self.chain.fail(self.number, DROPPED);
            self.chain.end(self.number);
        }
    }
}

fn entry_bytes(key: &str, value: Option<&str>) -> usize {
    ENTRY_BYTES + key.len() + value.map_or(0, str::len)
}
