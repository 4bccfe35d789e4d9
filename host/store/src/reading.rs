//! Which threads are reading, so that a read that does not come back is seen by one that does not read.
//!
//! A turn costs its thread two stores and a load: no clock is read and nothing is shared with other readers.
//! How long one takes is counted in looks, so that a process that was stopped for a while suspects nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One thread's reads. Written by that thread alone, but for `late`.
pub struct Reading {
    thread: String,
    /// Odd while it reads.
    turn: AtomicU64,
    /// The turn that has taken too long.
    late: AtomicU64,
}

/// A read under way; it ends when this is dropped.
pub struct Turn<'a> {
    reading: &'a Reading,
    number: u64,
}

/// A turn that a look has seen.
pub struct Seen {
    reading: Arc<Reading>,
    turn: u64,
    /// How many looks before this one have seen it.
    pub looks: u128,
}

impl Reading {
    pub fn of_this_thread() -> Self {
        let thread = std::thread::current().name().unwrap_or("main").to_owned();
        Self { thread, turn: AtomicU64::new(0), late: AtomicU64::new(0) }
    }

    pub fn begin(&self) -> Turn<'_> {
        let number = self.turn.load(Ordering::Relaxed) + 1;
        self.turn.store(number, Ordering::Release);
        Turn { reading: self, number }
    }

    /// None while it does not read.
    pub fn seen(self: Arc<Self>, before: &[Seen]) -> Option<Seen> {
        let turn = self.turn.load(Ordering::Acquire);
        let same = |one: &&Seen| one.turn == turn && Arc::ptr_eq(&one.reading, &self);
        let looks = before.iter().find(same).map_or(0, |one| one.looks + 1);
        (turn % 2 == 1).then_some(Seen { reading: self, turn, looks })
    }
}

impl Turn<'_> {
    /// Whether it was seen to take too long.
    pub fn is_late(&self) -> bool {
        self.reading.late.load(Ordering::Acquire) == self.number
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.reading.turn.store(self.number + 1, Ordering::Release);
    }
}

impl Seen {
    pub fn thread(&self) -> &str {
        &self.reading.thread
    }

    /// Tells the reader, who may no longer answer with what it finds.
    pub fn is_late(&self) {
        self.reading.late.store(self.turn, Ordering::Release);
    }
}
