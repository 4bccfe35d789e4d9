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
use super::trouble::{ALL, PREVENT_WRITES, Trouble, possible_again};
use crate::StoreError;
use moothall_core::config::StoreConfig;

/// How often the watch checks what hangs.
pub const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// A read that is still running after this many polls counts as long.
const LONG_POLLS: u128 = 10;

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
    /// When the writer began to work on what it is working on; 0 if that is nothing.
    writing_since: AtomicU64,
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
            writing_since: AtomicU64::new(0),
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
        self.0.writing_since.store(self.now().max(1), Ordering::Release);
    }

    /// A write has stored rows.
    pub fn write_stored(&self) {
        self.0.last_write.store(self.now(), Ordering::Relaxed);
    }

    /// Whether the caller has to queue a trial write, because nothing was stored for so long that nobody knows whether the
    /// store can still write. Of several callers at once only one is told so.
    pub fn claim_trial_write(&self) -> bool {
        let now = self.now();
        let take =
            |last: u64| (now.saturating_sub(last) >= micros(self.0.quiet_after)).then_some(now);
        self.0.last_write.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// The writer has answered the writes that it was working on.
    pub fn writes_finished(&self) {
        self.0.oldest_write.store(0, Ordering::Release);
        self.0.writing_since.store(0, Ordering::Release);
        if self.has(Trouble::Stalled) {
            self.clear(&[Trouble::Stalled]);
        }
    }

    /// Notes it if a write hangs. One that waits while the writer gets on with others does not: after a hang that would
    /// be all that waited behind it.
    pub fn report_if_stalled(&self) {
        if self.age(&self.0.writing_since) >= self.0.stalled_after {
            let ms = self.0.stalled_after.as_millis();
            self.report(Trouble::Stalled, &format!("a write has not come back for {ms} ms"));
        }
    }

    /// How long ago the oldest write that the writer is working on was queued.
    pub fn oldest_write(&self) -> Duration {
        self.age(&self.0.oldest_write)
    }

    /// The time since then; none if nothing is noted.
    fn age(&self, noted: &AtomicU64) -> Duration {
        match noted.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            then => Duration::from_micros(self.now().saturating_sub(then)),
        }
    }

    /// Now, as the times here are kept.
    fn now(&self) -> u64 {
        micros(self.0.began.elapsed())
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
        self.report_if_stalled();
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
    fn what_waited_behind_a_write_that_hung_does_not_hang() {
        let config = StoreConfig { stalled_ms: 50, ..StoreConfig::default() };
        let health = Health::new(&config);
        let queued = Instant::now();
        health.write_started(queued);
        std::thread::sleep(Duration::from_millis(60));
        health.report_if_stalled();
        assert!(health.has(Trouble::Stalled), "the first write hangs");
        health.writes_finished();
        health.write_started(queued);
        health.report_if_stalled();
        assert!(health.can_write(), "the writer has only begun on the second");
        assert!(health.oldest_write() >= Duration::from_millis(60), "the metric counts its wait");
    }
}
