//! Which threads are reading, so that the watch sees a read that hangs.
//!
//! A read costs its thread two stores and a load: no clock is read and nothing is shared with other readers. How long a
//! read takes is counted in polls of the watch, so that a process that was stopped for a while suspects no read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One thread's reads. Only that thread writes it, except for `late`.
pub struct Reading {
    thread: String,
    /// Counts the beginnings and the ends of reads: odd while the thread reads.
    read: AtomicU64,
    /// The read that has taken too long.
    late: AtomicU64,
}

/// A read under way; it ends when this is dropped.
pub struct Read<'a> {
    reading: &'a Reading,
    number: u64,
}

/// A read that a poll has seen.
pub struct Seen {
    reading: Arc<Reading>,
    read: u64,
    /// How many polls before this one have seen it.
    pub polls: u128,
}

impl Reading {
    pub fn of_this_thread() -> Self {
        let thread = std::thread::current().name().unwrap_or("main").to_owned();
        Self { thread, read: AtomicU64::new(0), late: AtomicU64::new(0) }
    }

    pub fn begin(&self) -> Read<'_> {
        let number = self.read.load(Ordering::Relaxed) + 1;
        self.read.store(number, Ordering::Release);
        Read { reading: self, number }
    }

    /// None while the thread does not read.
    pub fn seen(self: Arc<Self>, before: &[Seen]) -> Option<Seen> {
        let read = self.read.load(Ordering::Acquire);
        let same = |one: &&Seen| one.read == read && Arc::ptr_eq(&one.reading, &self);
        let polls = before.iter().find(same).map_or(0, |one| one.polls + 1);
        (read % 2 == 1).then_some(Seen { reading: self, read, polls })
    }
}

impl Read<'_> {
    /// Whether the watch has found that it takes too long.
    pub fn is_late(&self) -> bool {
        self.reading.late.load(Ordering::Acquire) == self.number
    }
}

impl Drop for Read<'_> {
    fn drop(&mut self) {
        self.reading.read.store(self.number + 1, Ordering::Release);
    }
}

impl Seen {
    pub fn thread(&self) -> &str {
        &self.reading.thread
    }

    /// The read takes too long: its result must not be used any more.
    pub fn set_late(&self) {
        self.reading.late.store(self.read, Ordering::Release);
    }
}
