//! The health of the store: the one place that knows whether it can be written and read.
//!
//! The writer reports how its commits end, each thread that reads reports when a read begins and ends, and `watch`, a
//! thread that never touches the disk, notices which of them hangs. Asking costs one load of an atomic. Nothing here waits for
//! the disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::reading::{Reading, Seen};
use super::rows::Unreadable;
use crate::StoreError;
use moothall_core::config::StoreConfig;

/// How often the watch checks what hangs.
pub const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// A read that is still running after this many polls counts as long.
const LONG_POLLS: u128 = 10;

/// What can be the matter with the store. Several can be at once; the worst is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Trouble {
    /// The writer has ended or stopped: only a restart helps.
    Ended = 1,
    /// A read or a write found the file damaged.
    Damaged = 2,
    /// What is in memory may differ from what is stored: a callback after a commit panicked.
    Diverged = 4,
    /// A write has not come back for `stalled_ms`.
    Stalled = 8,
    /// A read has not come back for `stalled_ms`.
    Hanging = 16,
    /// The disk is full, or the database has reached its bound.
    Full = 32,
    /// Writes fail for another reason.
    Failing = 64,
}

const ALL: [Trouble; 7] = [
    Trouble::Ended,
    Trouble::Damaged,
    Trouble::Diverged,
    Trouble::Stalled,
    Trouble::Hanging,
    Trouble::Full,
    Trouble::Failing,
];

/// While one of these is present, a write cannot be expected to be stored.
const PREVENT_WRITES: u8 =
    Trouble::Ended as u8 | Trouble::Stalled as u8 | Trouble::Full as u8 | Trouble::Failing as u8;

impl Trouble {
    /// The reason that `/readyz` shows. The log says more.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Ended => "The store has stopped writing: restart the host",
            Self::Damaged => "The store is damaged: restore a backup",
            Self::Diverged => {
                "The store may contain changes that the host has not noticed: restart the host"
            }
            Self::Stalled => "A write to the store hangs",
            Self::Hanging => "A read from the store hangs",
            Self::Full => "The store is full",
            Self::Failing => "The store cannot be written",
        }
    }

    fn log(self, reason: &str) {
        match self {
            Self::Ended => {
                tracing::error!("the store has stopped writing: {reason}; restart the host")
            }
            Self::Damaged => tracing::error!(
                "the database is damaged: {reason}; stop the host and restore a backup"
            ),
            Self::Diverged => tracing::error!(
                "what the host has in memory may differ from what is stored: {reason}; restart the host"
            ),
            Self::Stalled => tracing::error!(
                "the store cannot be written: {reason}; does the disk answer? does another process lock the database?"
            ),
            Self::Hanging => {
                tracing::error!("the store cannot be read: {reason}; does the disk answer?");
            }
            Self::Full => tracing::error!(
                "the store is full: {reason}; make room on its disk, or raise [store] database_bytes"
            ),
            Self::Failing => tracing::error!("the store cannot be written: {reason}"),
        }
    }
}

/// The health of one store. Clones are the same health.
#[derive(Clone)]
pub struct Health(Arc<State>);

struct State {
    /// The bits of all `Trouble` that is present.
    troubles: AtomicU8,
    /// Times are kept as microseconds after this.
    began: Instant,
    /// When the oldest write that the writer is working on was queued; 0 if there is none.
    oldest_write: AtomicU64,
    stalled_after: Duration,
    slow_after: Duration,
    /// When a write was last stored, or a trial write was last queued.
    last_write: AtomicU64,
    quiet_after: Duration,
    unreadable: Unreadable,
    readers: Mutex<Vec<Weak<Reading>>>,
    long_reads: Mutex<Vec<String>>,
    /// The names of threads that have been in one read for longer than `slow_after`.
    slow_threads: watch::Sender<Vec<String>>,
    /// Notified when a trouble has cleared.
    cleared: Notify,
    /// Why the process cannot go on.
    fatal: watch::Sender<Option<String>>,
}

impl Health {
    pub fn new(config: &StoreConfig) -> Self {
        Self(Arc::new(State {
            troubles: AtomicU8::new(0),
            began: Instant::now(),
            oldest_write: AtomicU64::new(0),
            stalled_after: Duration::from_millis(config.stalled_ms.max(1)),
            slow_after: Duration::from_millis(config.slow_read_ms),
            last_write: AtomicU64::new(0),
            quiet_after: Duration::from_millis(config.quiet_ms),
            unreadable: Unreadable::default(),
            readers: Mutex::default(),
            long_reads: Mutex::default(),
            slow_threads: watch::Sender::default(),
            cleared: Notify::new(),
            fatal: watch::Sender::new(None),
        }))
    }

    // --- asking

    /// Whether a write can be expected to be stored. Background tasks ask before they begin any work.
    pub fn can_write(&self) -> bool {
        self.0.troubles.load(Ordering::Acquire) & PREVENT_WRITES == 0
    }

    /// Waits until writes can be expected to be stored.
    pub async fn until_it_can_write(&self) {
        loop {
            let mut cleared = std::pin::pin!(self.0.cleared.notified());
            cleared.as_mut().enable();
            if self.can_write() {
                return;
            }
            cleared.await;
        }
    }

    pub fn has(&self, trouble: Trouble) -> bool {
        self.0.troubles.load(Ordering::Acquire) & trouble as u8 != 0
    }

    /// The worst trouble that is present.
    pub fn worst(&self) -> Option<Trouble> {
        ALL.into_iter().find(|trouble| self.has(*trouble))
    }

    /// Waits until the process must end; returns why.
    pub async fn fatal(&self) -> String {
        let mut fatal = self.0.fatal.subscribe();
        // The sender lives as long as this.
        let reason = fatal.wait_for(Option::is_some).await.map(|reason| reason.clone());
        reason.ok().flatten().unwrap_or_default()
    }

    // --- reporting

    /// Notes a trouble, and logs it if it is new.
    pub fn report(&self, trouble: Trouble, reason: &str) {
        if self.0.troubles.fetch_or(trouble as u8, Ordering::AcqRel) & trouble as u8 == 0 {
            trouble.log(reason);
        }
    }

    /// Notes that the process must end: only a new one can go on.
    pub fn report_fatal(&self, reason: &str) {
        self.report(Trouble::Ended, reason);
        self.0.fatal.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert_with(|| reason.to_owned());
            is_first
        });
    }

    /// Notes that these have cleared.
    pub fn clear(&self, gone: &[Trouble]) {
        let bits = gone.iter().fold(0, |bits, trouble| bits | *trouble as u8);
        let before = self.0.troubles.fetch_and(!bits, Ordering::AcqRel);
        if before & bits == 0 {
            return;
        }
        let possible = possible_again(before, before & !bits);
        possible.into_iter().for_each(|what| tracing::warn!("the store can be {what} again"));
        self.0.cleared.notify_waiters();
    }

    /// Notes what an error of one statement says about the whole store.
    pub fn note_error(&self, error: &StoreError) {
        if matches!(error, StoreError::Damaged(_) | StoreError::Unreadable(_)) {
            self.report(Trouble::Damaged, &error.to_string());
        }
    }

    /// Starts a thread of the store. If it panics, the process must end.
    pub fn spawn_thread(
        &self,
        name: &'static str,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<(), StoreError> {
        let health = self.clone();
        let guarded = move || {
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                health.report_fatal(&format!("the thread {name} panicked"));
            }
        };
        let spawned = std::thread::Builder::new().name(name.into()).spawn(guarded);
        spawned.map(drop).map_err(|error| {
            StoreError::Unavailable(format!("the thread {name} cannot start: {error}"))
        })
    }

    // --- the writer

    /// The writer begins to work on writes, of which the oldest was queued then.
    pub fn write_started(&self, queued: Instant) {
        let micros = micros(queued.saturating_duration_since(self.0.began));
        self.0.oldest_write.store(micros.max(1), Ordering::Release);
    }

    /// A write has stored rows.
    pub fn write_stored(&self) {
        self.0.last_write.store(micros(self.0.began.elapsed()), Ordering::Relaxed);
    }

    /// Whether the caller has to queue a trial write, because nothing was stored for so long that nobody knows whether the
    /// store can still write. Of several callers at once only one is told so.
    pub fn claim_trial_write(&self) -> bool {
        let now = micros(self.0.began.elapsed());
        let take =
            |last: u64| (now.saturating_sub(last) >= micros(self.0.quiet_after)).then_some(now);
        self.0.last_write.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// The writer has answered the writes that it was working on.
    pub fn writes_finished(&self) {
        self.0.oldest_write.store(0, Ordering::Release);
        if self.has(Trouble::Stalled) {
            self.clear(&[Trouble::Stalled]);
        }
    }

    /// Notes that a write hangs.
    pub fn report_stalled(&self) {
        let ms = self.0.stalled_after.as_millis();
        self.report(Trouble::Stalled, &format!("a write has not come back for {ms} ms"));
    }

    /// How long ago the oldest write that the writer is working on was queued.
    pub fn oldest_write(&self) -> Duration {
        match self.0.oldest_write.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            micros => self.0.began.elapsed().saturating_sub(Duration::from_micros(micros)),
        }
    }

    // --- readers

    /// Rows that could not be read and were left out.
    pub fn unreadable(&self) -> &Unreadable {
        &self.0.unreadable
    }

    /// Registers a thread that is going to read.
    pub fn reader(&self) -> Arc<Reading> {
        let reading = Arc::new(Reading::of_this_thread());
        self.readers().push(Arc::downgrade(&reading));
        reading
    }

    /// One poll of `watch`. `seen` has the reads of the poll before, and is replaced by those of this one.
    pub fn poll(&self, seen: &mut Vec<Seen>) {
        if self.oldest_write() >= self.0.stalled_after {
            self.report_stalled();
        }
        let polls = polls_in(self.0.stalled_after);
        let reading: Vec<_> = {
            let mut readers = self.readers();
            readers.retain(|reading| reading.strong_count() > 0);
            readers.iter().filter_map(Weak::upgrade).collect()
        };
        *seen = reading.into_iter().filter_map(|one| one.seen(seen)).collect();
        self.publish_slow_threads(seen);
        let long = seen.iter().filter(|one| one.polls >= LONG_POLLS);
        let long = long.map(|one| format!("this host's thread {}", one.thread())).collect();
        *self.0.long_reads.lock().unwrap_or_else(PoisonError::into_inner) = long;
        let mut hanging = seen.iter().filter(|one| one.polls >= polls);
        let Some(first) = hanging.next() else {
            if self.has(Trouble::Hanging) {
                self.clear(&[Trouble::Hanging]);
            }
            return;
        };
        first.set_late();
        hanging.for_each(Seen::set_late);
        let (thread, ms) = (first.thread(), self.0.stalled_after.as_millis());
        self.report(Trouble::Hanging, &format!("a read of the thread {thread} takes over {ms} ms"));
    }

    fn publish_slow_threads(&self, seen: &[Seen]) {
        let polls = polls_in(self.0.slow_after);
        let slow = seen.iter().filter(|one| one.polls >= polls);
        let slow: Vec<String> = slow.map(|one| one.thread().to_owned()).collect();
        self.0.slow_threads.send_if_modified(|known| {
            let has_changed = *known != slow;
            *known = slow;
            has_changed
        });
    }

    /// The names of the threads that are in a read for longer than `slow_read_ms`.
    pub fn slow_threads(&self) -> watch::Receiver<Vec<String>> {
        self.0.slow_threads.subscribe()
    }

    /// Threads of this process whose reads have been seen for a second or more.
    pub fn long_reads(&self) -> Vec<String> {
        self.0.long_reads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Reading>>> {
        self.0.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What can be done again, now that the troubles are `now` and no longer `before`. One may turn into another, as a write
/// that hung and then failed: then nothing can.
fn possible_again(before: u8, now: u8) -> Vec<&'static str> {
    let cleared = |bits: u8| before & bits != 0 && now & bits == 0;
    let read = cleared(Trouble::Hanging as u8).then_some("read");
    let written = cleared(PREVENT_WRITES).then_some("written");
    read.into_iter().chain(written).collect()
}

/// How many polls see a read that takes so long.
fn polls_in(duration: Duration) -> u128 {
    duration.as_millis().div_ceil(POLL_INTERVAL.as_millis())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_that_the_store_can_be_written_only_when_nothing_prevents_it() {
        let (stalled, failing) = (Trouble::Stalled as u8, Trouble::Failing as u8);
        assert_eq!(possible_again(stalled, 0), ["written"]);
        assert_eq!(possible_again(stalled | failing, failing), [""; 0]);
        assert_eq!(possible_again(Trouble::Hanging as u8 | failing, failing), ["read"]);
        assert_eq!(
            possible_again(Trouble::Damaged as u8 | stalled, Trouble::Damaged as u8),
            ["written"]
        );
    }
}
