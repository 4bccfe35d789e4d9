//! A rate limit: some per second, and some at once. Each plugin has one for things that all plugins need.
//!
//! One atomic number and no lock. It counts what it refused, for whoever reports that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const SECOND_NS: u64 = 1_000_000_000;

#[derive(Debug)]
pub struct Rate {
    since: Instant,
    /// The time between two, at the rate.
    pause_ns: u64,
    /// How far the holder may be ahead of the rate.
    ahead_ns: u64,
    /// When the next one is due at the rate, as time since `since`.
    due_ns: AtomicU64,
    refused: AtomicU64,
}

impl Rate {
    pub fn new(per_second: u32, at_once: u32) -> Self {
        let pause_ns = SECOND_NS / u64::from(per_second.max(1));
        Self {
            since: Instant::now(),
            pause_ns,
            ahead_ns: pause_ns.saturating_mul(u64::from(at_once.max(1))),
            due_ns: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Counts one, unless there are too many.
    pub fn take(&self) -> bool {
        self.take_some(1)
    }

    /// Counts several, or none of them.
    pub fn take_some(&self, count: usize) -> bool {
        let now = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let taken = self.take_at(now, count);
        if !taken {
            self.refuse();
        }
        taken
    }

    /// Counts one that was refused for another reason.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were refused since the last call of this.
    pub fn refused(&self) -> u64 {
        self.refused.swap(0, Ordering::Relaxed)
    }

    fn take_at(&self, now_ns: u64, count: usize) -> bool {
        let pause_ns = self.pause_ns.saturating_mul(count as u64);
        let next = |due: u64| {
            let after = due.max(now_ns).saturating_add(pause_ns);
            (after <= now_ns.saturating_add(self.ahead_ns)).then_some(after)
        };
        self.due_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_at_the_rate() {
        let rate = Rate::new(10, 3);
        assert_eq!([0, 0, 0, 0].map(|now| rate.take_at(now, 1)), [true, true, true, false]);
        let tenth = SECOND_NS / 10;
        assert_eq!([tenth, tenth].map(|now| rate.take_at(now, 1)), [true, false]);
        let later = 100 * SECOND_NS;
        assert_eq!([later; 4].map(|now| rate.take_at(now, 1)), [true, true, true, false]);
    }

    #[test]
    fn several_are_taken_together_or_not_at_all() {
        let rate = Rate::new(10, 3);
        assert!(!rate.take_at(0, 4), "more than at once");
        assert!(rate.take_at(0, 2) && !rate.take_at(0, 2) && rate.take_at(0, 1));
    }

    #[test]
    fn what_is_refused_is_told_once() {
        let rate = Rate::new(1, 1);
        assert!(rate.take() && !rate.take());
        rate.refuse();
        assert_eq!((rate.refused(), rate.refused()), (2, 0));
    }
}
