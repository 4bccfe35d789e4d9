//! The bytes that each plugin and each driver stored today: a plugin's events, processes, accounts and
//! webhooks; a driver's published events and remembered answers.
//!
//! Counted in memory in one atomic number for each, so that a call neither reads the store for it nor waits for
//! another. A day is one of UTC. Bytes that are not stored after all are given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ids::PluginName;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The bits of the packed number that count bytes; the others are the day.
const BYTES_BITS: u32 = 44;
const MOST_BYTES: u64 = (1 << BYTES_BITS) - 1;
/// About what a row takes besides its texts, in bytes.
pub const ROW_BYTES: u64 = 200;

/// What one plugin or driver stored on the last day on which it stored anything.
#[derive(Debug)]
pub struct Spent {
    day_and_bytes: AtomicU64,
}

/// A plugin or driver has stored as many bytes as it may on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedUp {
    /// When the next day begins, in milliseconds since the Unix epoch.
    pub until: i64,
}

/// Bytes that were counted for a write; given back when dropped, unless the write was stored.
#[derive(Debug)]
pub struct Charge {
    spent: Arc<Spent>,
    day: u64,
    bytes: u64,
}

impl Spent {
    fn new(day: u64, bytes: u64) -> Self {
        Self { day_and_bytes: AtomicU64::new(packed(day, bytes)) }
    }

    /// The bytes of the day of `now`.
    pub fn today(&self, now: i64) -> u64 {
        match self.parts() {
            (day, bytes) if day == day_of(now) => bytes,
            _ => 0,
        }
    }

    /// Whether this many more are within `limit`; counts nothing.
    pub fn has_room(&self, now: i64, bytes: u64, limit: u64) -> Result<(), UsedUp> {
        if self.today(now).saturating_add(bytes) <= limit {
            return Ok(());
        }
        Err(UsedUp { until: day_end(now) })
    }

    /// Counts them, if they are within `limit`.
    pub fn charge(self: &Arc<Self>, now: i64, bytes: u64, limit: u64) -> Result<Charge, UsedUp> {
        let today = day_of(now);
        let counted =
            self.day_and_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |was| {
                let (day, spent) = unpacked(was);
                let all = if day == today { spent.saturating_add(bytes) } else { bytes };
                (all <= limit).then(|| packed(today, all))
            });
        match counted {
            Ok(_) => Ok(Charge { spent: self.clone(), day: today, bytes }),
            Err(_) => Err(UsedUp { until: day_end(now) }),
        }
    }

    /// Counts them, whatever the limit is.
    pub fn add(self: &Arc<Self>, now: i64, bytes: u64) {
        if let Ok(charge) = self.charge(now, bytes, u64::MAX) {
            charge.keep();
        }
    }

    fn give_back(&self, on: u64, bytes: u64) {
        // Bytes of an earlier day need not be given back.
        let _same_day_or_not =
            self.day_and_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |was| {
                let (day, spent) = unpacked(was);
                (day == on).then(|| packed(day, spent.saturating_sub(bytes)))
            });
    }

    fn parts(&self) -> (u64, u64) {
        unpacked(self.day_and_bytes.load(Ordering::Relaxed))
    }
}

impl Charge {
    /// The write was stored.
    pub fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.spent.give_back(self.day, self.bytes);
        }
    }
}

/// A day as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDay {
    pub who: String,
    pub day: i64,
    pub bytes: i64,
}

/// The prefix of a driver's name; no plugin's name contains it.
const DRIVER: &str = "driver:";

/// The budgets of all plugins and of all drivers; a plugin's is looked up when the plugin is loaded.
#[derive(Debug, Default)]
pub struct DayBudgets(papaya::HashMap<String, Arc<Spent>>);

impl DayBudgets {
    /// As they were when the host ended.
    pub fn restored(days: Vec<StoredDay>) -> Self {
        let spent = days.into_iter().map(|one| {
            let (day, bytes) = (one.day.unsigned_abs(), one.bytes.unsigned_abs());
            (one.who, Arc::new(Spent::new(day, bytes)))
        });
        Self(spent.collect())
    }

    /// The same for every version of the plugin.
    pub fn of_plugin(&self, plugin: &PluginName) -> Arc<Spent> {
        self.of(plugin.as_str())
    }

    /// The budget of an API key, by its id; without one, the budget of all who need no API key.
    pub fn of_driver(&self, key: &str) -> Arc<Spent> {
        self.of(&format!("{DRIVER}{key}"))
    }

    fn of(&self, who: &str) -> Arc<Spent> {
        let all = self.0.pin();
        match all.get(who) {
            Some(spent) => spent.clone(),
            None => all.get_or_insert_with(who.to_owned(), || Arc::new(Spent::new(0, 0))).clone(),
        }
    }

    /// The budgets, to be stored.
    pub fn days(&self) -> Vec<StoredDay> {
        let all = self.0.pin();
        let days = all.iter().map(|(who, spent)| {
            let (day, bytes) = spent.parts();
            StoredDay { who: who.clone(), day: day.cast_signed(), bytes: bytes.cast_signed() }
        });
        let mut days: Vec<_> = days.filter(|one| one.bytes > 0).collect();
        days.sort_by(|a, b| a.who.cmp(&b.who));
        days
    }
}

/// The bytes that the driver with that API key stored today, by the stored budgets.
pub fn stored_today(days: &[StoredDay], key: &str, now: i64) -> i64 {
    let today = day_of(now).cast_signed();
    let of_key = |one: &&StoredDay| one.day == today && one.who.strip_prefix(DRIVER) == Some(key);
    days.iter().find(of_key).map_or(0, |one| one.bytes)
}

/// The end of the day of `now`, in milliseconds since the Unix epoch.
pub fn day_end(now: i64) -> i64 {
    (now.div_euclid(DAY_MS) + 1) * DAY_MS
}

fn day_of(now: i64) -> u64 {
    now.max(0).div_euclid(DAY_MS).unsigned_abs()
}

fn packed(day: u64, bytes: u64) -> u64 {
    day << BYTES_BITS | bytes.min(MOST_BYTES)
}

fn unpacked(number: u64) -> (u64, u64) {
    (number >> BYTES_BITS, number & MOST_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent() -> Arc<Spent> {
        DayBudgets::default().of_plugin(&PluginName::parse("a").unwrap())
    }

    #[test]
    fn what_was_not_stored_is_given_back() {
        let spent = spent();
        spent.charge(DAY_MS, 60, 100).unwrap().keep();
        let charge = spent.charge(DAY_MS, 40, 100).unwrap();
        assert_eq!(spent.charge(DAY_MS, 1, 100).unwrap_err(), UsedUp { until: 2 * DAY_MS });
        assert_eq!(spent.has_room(DAY_MS, 1, 100), Err(UsedUp { until: 2 * DAY_MS }));
        drop(charge);
        assert_eq!(spent.today(DAY_MS), 60);
        assert_eq!(spent.has_room(DAY_MS, 40, 100), Ok(()));
    }

    #[test]
    fn each_day_begins_with_nothing() {
        let spent = spent();
        let yesterdays = spent.charge(DAY_MS, 100, 100).unwrap();
        spent.charge(2 * DAY_MS, 70, 100).unwrap().keep();
        drop(yesterdays);
        assert_eq!((spent.today(2 * DAY_MS), spent.today(3 * DAY_MS)), (70, 0));
    }

    #[test]
    fn a_restart_forgets_nothing() {
        let name = PluginName::parse("a").unwrap();
        let before = DayBudgets::default();
        before.of_plugin(&name).charge(DAY_MS, 70, 100).unwrap().keep();
        before.of_driver("a").charge(DAY_MS, 60, 100).unwrap().keep();
        let after = DayBudgets::restored(before.days());
        assert_eq!(after.of_plugin(&name).today(DAY_MS), 70);
        assert!(after.of_plugin(&name).charge(DAY_MS, 31, 100).is_err());
        assert_eq!(after.of_driver("a").today(DAY_MS), 60, "a driver is no plugin of its name");
    }
}
