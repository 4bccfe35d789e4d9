//! The health of the store: the one place that knows whether it writes and reads.
//!
//! The writer reports how its commits end, each thread that reads reports when a read begins and ends, and `watch`, a
//! thread that never touches the disk, sees which of them hangs. Asking costs one load of an atomic. Nothing here waits for
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
/// A read that was seen by so many polls is a long one.
const LONG_POLLS: u128 = 10;

/// What can be wrong, each independent of the others, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Wrong {
    /// The writer has ended or stopped: only a restart helps.
    Ended = 1,
    /// A read or a write found the file damaged.
    Damaged = 2,
    /// What is in memory may differ from what is stored: a callback after a commit panicked.
    Diverged = 4,
    /// A write hangs.
    Stalled = 8,
    /// A read hangs.
    Hanging = 16,
    /// The disk is full, or the database has reached its bound.
    Full = 32,
    /// Writes fail for another reason.
    Failing = 64,
}

const ALL: [Wrong; 7] = [
    Wrong::Ended,
    Wrong::Damaged,
    Wrong::Diverged,
    Wrong::Stalled,
    Wrong::Hanging,
    Wrong::Full,
    Wrong::Failing,
];

/// While one of these is so, no write can be expected to be stored.
const WRITES_NOT: u8 =
    Wrong::Ended as u8 | Wrong::Stalled as u8 | Wrong::Full as u8 | Wrong::Failing as u8;

impl Wrong {
    /// The reason that `/ready` shows; the log has what the operator needs.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Ended => "The store writes no more until the host is started again",
            Self::Damaged => "The store is damaged: restore a backup",
            Self::Diverged => {
                "The store may have more than the host knows of: start the host again"
            }
            Self::Stalled => "The store does not come back from a write",
            Self::Hanging => "The store does not come back from a read",
            Self::Full => "The store is full",
            Self::Failing => "The store cannot be written",
        }
    }

    fn log(self, reason: &str) {
        match self {
            Self::Ended => tracing::error!("the store writes no more: {reason}"),
            Self::Damaged => tracing::error!(
                "the database is damaged: {reason}; stop the host and restore a backup"
            ),
            Self::Diverged => tracing::error!(
                "what the host knows may differ from what is stored: {reason}; start it again"
            ),
            Self::Stalled => tracing::error!(
                "the store does not write: {reason}; does its disk answer, does another process hold it?"
            ),
            Self::Hanging => {
                tracing::error!("the store cannot be read: {reason}; does its disk answer?");
            }
            Self::Full => tracing::error!(
                "the store is full: {reason}; make room on its disk, or raise [store] database_bytes"
            ),
            Self::Failing => tracing::error!("the store cannot be written: {reason}"),
        }
    }
}

/// Clones share it.
#[derive(Clone)]
pub struct Health(Arc<Known>);

struct Known {
    wrong: AtomicU8,
    began: Instant,
    /// When the oldest write that the writer has taken was queued, in microseconds after `began`; 0: there is none.
    oldest: AtomicU64,
    stalled: Duration,
    slow: Duration,
    /// When a write was stored last, or was tried to see whether the store writes; in the same form as `oldest`.
    last: AtomicU64,
    quiet: Duration,
    unreadable: Unreadable,
    readers: Mutex<Vec<Weak<Reading>>>,
    long_reads: Mutex<Vec<String>>,
    /// Threads whose reads take longer than `slow`, by their names.
    slow_threads: watch::Sender<Vec<String>>,
    /// Notified when something is over.
    over: Notify,
    /// Why the process cannot go on.
    fatal: watch::Sender<Option<String>>,
}

impl Health {
    pub fn new(config: &StoreConfig) -> Self {
        Self(Arc::new(Known {
            wrong: AtomicU8::new(0),
            began: Instant::now(),
            oldest: AtomicU64::new(0),
            stalled: Duration::from_millis(config.stalled_ms.max(1)),
            slow: Duration::from_millis(config.slow_read_ms),
            last: AtomicU64::new(0),
            quiet: Duration::from_millis(config.quiet_ms),
            unreadable: Unreadable::default(),
            readers: Mutex::default(),
            long_reads: Mutex::default(),
            slow_threads: watch::Sender::default(),
            over: Notify::new(),
            fatal: watch::Sender::new(None),
        }))
    }

    // --- asking

    /// Whether a write can be expected to be stored. Background tasks ask before they begin any work.
    pub fn writes(&self) -> bool {
        self.0.wrong.load(Ordering::Acquire) & WRITES_NOT == 0
    }

    /// Waits until the store writes; returns at once if it does.
    pub async fn until_it_writes(&self) {
        loop {
            let mut over = std::pin::pin!(self.0.over.notified());
            over.as_mut().enable();
            if self.writes() {
                return;
            }
            over.await;
        }
    }

    pub fn is(&self, wrong: Wrong) -> bool {
        self.0.wrong.load(Ordering::Acquire) & wrong as u8 != 0
    }

    /// The worst of what is wrong.
    pub fn wrong(&self) -> Option<Wrong> {
        ALL.into_iter().find(|wrong| self.is(*wrong))
    }

    /// Waits until the process must end; returns why.
    pub async fn fatal(&self) -> String {
        let mut fatal = self.0.fatal.subscribe();
        // The sender lives as long as this.
        let reason = fatal.wait_for(Option::is_some).await.map(|reason| reason.clone());
        reason.ok().flatten().unwrap_or_default()
    }

    // --- reporting

    /// Something is wrong. Logged when it begins.
    pub fn note(&self, wrong: Wrong, reason: &str) {
        if self.0.wrong.fetch_or(wrong as u8, Ordering::AcqRel) & wrong as u8 == 0 {
            wrong.log(reason);
        }
    }

    /// The process must end: only a new one can go on.
    pub fn note_fatal(&self, reason: &str) {
        self.note(Wrong::Ended, reason);
        self.0.fatal.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert_with(|| reason.to_owned());
            is_first
        });
    }

    /// These are over.
    pub fn clear(&self, over: &[Wrong]) {
        let bits = over.iter().fold(0, |bits, wrong| bits | *wrong as u8);
        let before = self.0.wrong.fetch_and(!bits, Ordering::AcqRel) & bits;
        if before == 0 {
            return;
        }
        match before & WRITES_NOT {
            0 => tracing::warn!("the store can be read again"),
            _ => tracing::warn!("the store can be written again"),
        }
        self.0.over.notify_waiters();
    }

    /// A statement failed: notes what that says about the whole store.
    pub fn met(&self, error: &StoreError) {
        if matches!(error, StoreError::Damaged(_) | StoreError::Unreadable(_)) {
            self.note(Wrong::Damaged, &error.to_string());
        }
    }

    /// Starts a thread of the store. If it ends, however it does, the process cannot go on.
    pub fn thread(
        &self,
        name: &'static str,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<(), StoreError> {
        let health = self.clone();
        let guarded = move || {
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                health.note_fatal(&format!("the thread {name} panicked"));
            }
        };
        let spawned = std::thread::Builder::new().name(name.into()).spawn(guarded);
        spawned.map(drop).map_err(|error| {
            StoreError::Unavailable(format!("the thread {name} cannot start: {error}"))
        })
    }

    // --- the writer

    /// The writer has taken writes, of which the oldest was queued then.
    pub fn takes_up(&self, queued: Instant) {
        let micros = micros(queued.saturating_duration_since(self.0.began));
        self.0.oldest.store(micros.max(1), Ordering::Release);
    }

    /// Rows were stored.
    pub fn stored(&self) {
        self.0.last.store(micros(self.0.began.elapsed()), Ordering::Relaxed);
    }

    /// Whether nothing was stored for so long that a write must show whether the store still writes. If several ask at once
    /// this is true for one of them.
    pub fn is_quiet(&self) -> bool {
        let now = micros(self.0.began.elapsed());
        let take = |last: u64| (now.saturating_sub(last) >= micros(self.0.quiet)).then_some(now);
        self.0.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// The writer has answered the writes that it had taken.
    pub fn answered(&self) {
        self.0.oldest.store(0, Ordering::Release);
        if self.is(Wrong::Stalled) {
            self.clear(&[Wrong::Stalled]);
        }
    }

    /// Whoever waited for a write gave up.
    pub fn stalled(&self) {
        let ms = self.0.stalled.as_millis();
        self.note(Wrong::Stalled, &format!("a write has not come back for {ms} ms"));
    }

    /// How long ago the oldest write was queued that the writer has taken.
    pub fn oldest_write(&self) -> Duration {
        match self.0.oldest.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            micros => self.0.began.elapsed().saturating_sub(Duration::from_micros(micros)),
        }
    }

    // --- readers

    /// Rows that were left out.
    pub fn unreadable(&self) -> &Unreadable {
        &self.0.unreadable
    }

    /// Registers a thread that is going to read.
    pub fn reader(&self) -> Arc<Reading> {
        let reading = Arc::new(Reading::of_this_thread());
        self.readers().push(Arc::downgrade(&reading));
        reading
    }

    /// One poll of `watch`, with what the poll before has seen.
    pub fn poll(&self, seen: &mut Vec<Seen>) {
        if self.oldest_write() >= self.0.stalled {
            self.stalled();
        }
        let polls = polls_in(self.0.stalled);
        let reading: Vec<_> = {
            let mut readers = self.readers();
            readers.retain(|reading| reading.strong_count() > 0);
            readers.iter().filter_map(Weak::upgrade).collect()
        };
        *seen = reading.into_iter().filter_map(|one| one.seen(seen)).collect();
        self.tell_slow(seen);
        let long = seen.iter().filter(|one| one.polls >= LONG_POLLS);
        let long = long.map(|one| format!("this host's thread {}", one.thread())).collect();
        *self.0.long_reads.lock().unwrap_or_else(PoisonError::into_inner) = long;
        let mut hanging = seen.iter().filter(|one| one.polls >= polls);
        let Some(first) = hanging.next() else {
            if self.is(Wrong::Hanging) {
                self.clear(&[Wrong::Hanging]);
            }
            return;
        };
        first.set_late();
        hanging.for_each(Seen::set_late);
        let (thread, ms) = (first.thread(), self.0.stalled.as_millis());
        self.note(Wrong::Hanging, &format!("a read of the thread {thread} takes over {ms} ms"));
    }

    fn tell_slow(&self, seen: &[Seen]) {
        let polls = polls_in(self.0.slow);
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

/// How many polls see a read that takes so long.
fn polls_in(duration: Duration) -> u128 {
    duration.as_millis().div_ceil(POLL_INTERVAL.as_millis())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
