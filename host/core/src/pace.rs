//! Permits by speed: however many calls hang, a holder whose last call was quick soon gets a permit.
//!
//! Holders whose last call was slow get at most three quarters of the permits together; they and those about
//! whom nothing is known yet, seven eighths. The shares of `fair_share`, which count one plugin or one
//! destination, cannot see that several hang together.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A call that takes longer is slow.
const SLOW: Duration = Duration::from_secs(1);
/// For how many holders the speed is remembered; beyond it, all are forgotten.
const REMEMBERED: usize = 10_000;

pub struct Paces<T> {
    was_slow: papaya::HashMap<T, bool>,
    slow: Arc<Semaphore>,
    not_quick: Arc<Semaphore>,
}

/// A permit of those for holders that are not known to be quick; given back when it is dropped.
#[derive(Default)]
pub struct Pace {
    _slow: Option<OwnedSemaphorePermit>,
    _not_quick: Option<OwnedSemaphorePermit>,
}

impl<T: Eq + Hash + Clone> Paces<T> {
    pub fn of(all: usize) -> Self {
        let places = |n: usize| Arc::new(Semaphore::new(n.clamp(1, Semaphore::MAX_PERMITS)));
        let (slow, not_quick) = (places(all - all / 4), places(all - all / 8));
        Self { was_slow: papaya::HashMap::new(), slow, not_quick }
    }

    fn was_slow(&self, whose: &T) -> Option<bool> {
        self.was_slow.pin().get(whose).copied()
    }

    /// None if no permit is free.
    pub fn try_begin(&self, whose: &T) -> Option<Pace> {
        let one = |all: &Arc<Semaphore>| all.clone().try_acquire_owned().ok();
        Some(match self.was_slow(whose) {
            Some(false) => Pace::default(),
            None => Pace { _slow: None, _not_quick: Some(one(&self.not_quick)?) },
            Some(true) => {
                Pace { _slow: Some(one(&self.slow)?), _not_quick: Some(one(&self.not_quick)?) }
            }
        })
    }

    /// Waits for a permit.
    pub async fn begin(&self, whose: &T) -> Pace {
        // The semaphore is never closed.
        let one = async |all: &Arc<Semaphore>| all.clone().acquire_owned().await.ok();
        match self.was_slow(whose) {
            Some(false) => Pace::default(),
            None => Pace { _slow: None, _not_quick: one(&self.not_quick).await },
            Some(true) => {
                Pace { _slow: one(&self.slow).await, _not_quick: one(&self.not_quick).await }
            }
        }
    }

    /// How many more may begin by this limit.
    pub fn left(&self, whose: &T) -> usize {
        match self.was_slow(whose) {
            Some(false) => usize::MAX,
            None => self.not_quick.available_permits(),
            Some(true) => self.slow.available_permits().min(self.not_quick.available_permits()),
        }
    }

    /// The call has ended.
    pub fn ended(&self, whose: &T, took: Duration) {
        let is_slow = took > SLOW;
        if self.was_slow(whose) == Some(is_slow) {
            return;
        }
        let known = self.was_slow.pin();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(whose.clone(), is_slow);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(1);

    #[test]
    fn the_quick_find_a_place_whoever_hangs() {
        let paces: Paces<&str> = Paces::of(16);
        paces.ended(&"slow", SLOW * 2);
        paces.ended(&"quick", QUICK);
        let all_of = |whose| -> Vec<Pace> {
            std::iter::from_fn(|| paces.try_begin(&whose)).take(100).collect()
        };
        let slow = all_of("slow");
        assert_eq!((slow.len(), paces.left(&"slow")), (12, 0), "three quarters");
        let new = all_of("new");
        assert_eq!((new.len(), paces.left(&"new")), (2, 0), "seven eighths with them");
        assert!(paces.try_begin(&"quick").is_some());
        drop((slow, new));
        assert!(paces.try_begin(&"new").is_some() && paces.try_begin(&"slow").is_some());
    }

    #[test]
    fn whoever_is_quick_again_is_quick() {
        let paces: Paces<&str> = Paces::of(1);
        paces.ended(&"one", SLOW * 2);
        let _all = paces.try_begin(&"another");
        assert!(paces.try_begin(&"one").is_none());
        paces.ended(&"one", QUICK);
        assert!(paces.try_begin(&"one").is_some());
    }
}
