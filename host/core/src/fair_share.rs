//! Permits of a limit that plugins, or destinations, share: each may have three quarters of them, so that
//! others still get some when all calls of one hang.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ids::PluginName;

/// How many each holder has.
pub struct FairShare<T = PluginName> {
    most: usize,
    taken: Taken<T>,
}

type Taken<T> = Arc<Mutex<HashMap<T, usize>>>;

/// One permit, given back when it is dropped.
pub struct SharePermit<T: Eq + Hash = PluginName> {
    taken: Taken<T>,
    whose: T,
}

impl<T: Eq + Hash + Clone> FairShare<T> {
    pub fn of(all: usize) -> Self {
        Self { most: (all - all / 4).max(1), taken: Arc::default() }
    }

    /// None if the holder has as many as it may have.
    pub fn take(&self, whose: &T) -> Option<SharePermit<T>> {
        let mut taken = lock(&self.taken);
        let count = taken.entry(whose.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(SharePermit { taken: self.taken.clone(), whose: whose.clone() })
    }

    /// How many each holder may have.
    pub fn most(&self) -> usize {
        self.most
    }

    /// How many more the holder may have.
    pub fn left(&self, whose: &T) -> usize {
        self.most.saturating_sub(lock(&self.taken).get(whose).copied().unwrap_or(0))
    }
}

impl<T: Eq + Hash> Drop for SharePermit<T> {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if let Some(count) = taken.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.whose);
            }
        }
    }
}

fn lock<T>(taken: &Taken<T>) -> MutexGuard<'_, HashMap<T, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_for_others() {
        let (shares, greedy) = (FairShare::of(4), PluginName::parse("greedy").unwrap());
        let mut held: Vec<_> = (0..3).map(|_| shares.take(&greedy).unwrap()).collect();
        assert!(shares.take(&greedy).is_none());
        assert!(shares.take(&PluginName::parse("modest").unwrap()).is_some());
        held.pop();
        assert!(shares.take(&greedy).is_some());
        assert!(FairShare::of(1).take(&greedy).is_some(), "each may have one");
    }
}
