//! Places that plugins share: each may have three quarters of them, so that one whose calls all hang leaves
//! some to the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ids::PluginName;

/// How many each plugin has.
pub struct Slots {
    most: usize,
    taken: Taken,
}

type Taken = Arc<Mutex<HashMap<PluginName, usize>>>;

/// One of a plugin's, given back when it is dropped.
pub struct Slot {
    taken: Taken,
    plugin: PluginName,
}

impl Slots {
    pub fn of(all: usize) -> Self {
        Self { most: (all - all / 4).max(1), taken: Arc::default() }
    }

    /// None: the plugin has as many as one may.
    pub fn take(&self, plugin: &PluginName) -> Option<Slot> {
        let mut taken = lock(&self.taken);
        let count = taken.entry(plugin.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Slot { taken: self.taken.clone(), plugin: plugin.clone() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if let Some(count) = taken.get_mut(&self.plugin) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.plugin);
            }
        }
    }
}

fn lock(taken: &Taken) -> MutexGuard<'_, HashMap<PluginName, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_for_others() {
        let (slots, greedy) = (Slots::of(4), PluginName::parse("greedy").unwrap());
        let mut held: Vec<_> = (0..3).map(|_| slots.take(&greedy).unwrap()).collect();
        assert!(slots.take(&greedy).is_none());
        assert!(slots.take(&PluginName::parse("modest").unwrap()).is_some());
        held.pop();
        assert!(slots.take(&greedy).is_some());
        assert!(Slots::of(1).take(&greedy).is_some(), "each may have one");
    }
}
