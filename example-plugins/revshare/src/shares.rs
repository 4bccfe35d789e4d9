//! Pointers and their weights, and the draw among them.

use std::collections::BTreeMap;

use moothall_sdk::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pointer's share, relative to the weights of the others.
pub type Weight = u32;

/// Pointers with their weights.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Shares(BTreeMap<String, Weight>);

impl Shares {
    pub fn add(&mut self, pointer: String, weight: Weight) {
        self.0.insert(pointer, weight);
    }

    pub fn remove(&mut self, pointer: &str) {
        self.0.remove(pointer);
    }

    /// A random pointer. `key` is what the message names if there is none.
    pub fn pick(self, key: &str) -> Result<String> {
        let total = self.0.values().copied().map(u64::from).sum();
        let drawn = below(total)?;
        self.at(drawn).ok_or_else(|| Error::not_found(format!("No pointers for key {key}")))
    }

    /// The pointer at a place, if each takes as many places as its weight is.
    fn at(self, mut place: u64) -> Option<String> {
        for (pointer, weight) in self.0 {
            match place.checked_sub(weight.into()) {
                Some(rest) => place = rest,
                None => return Some(pointer),
            }
        }
        None
    }
}

/// A random number below `bound`; zero if there is none. All are equally likely but for one part in 2^64 / `bound`.
#[expect(clippy::disallowed_methods, reason = "this is the plugin's one home of randomness")]
fn below(bound: u64) -> Result<u64> {
    let drawn = getrandom::u64()
        .map_err(|error| Error::internal(format!("no random number can be had: {error}")))?;
    Ok(((u128::from(drawn) * u128::from(bound)) >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::{Shares, below};

    fn shares() -> Shares {
        let mut shares = Shares::default();
        for (pointer, weight) in [("$ann", 2), ("$bob", 0), ("$eve", 1)] {
            shares.add(pointer.to_owned(), weight);
        }
        shares
    }

    #[test]
    fn a_pointer_has_as_many_places_as_its_weight() {
        let places = [Some("$ann"), Some("$ann"), Some("$eve"), None];
        for (place, pointer) in (0..).zip(places) {
            assert_eq!(shares().at(place).as_deref(), pointer, "{place}");
        }
    }

    #[test]
    fn a_heavy_pointer_is_picked_more_often_and_a_weightless_one_never() {
        let picked: Vec<_> = (0..1_000).map(|_| shares().pick("k").expect("a pointer")).collect();
        let times = |pointer: &str| picked.iter().filter(|one| *one == pointer).count();
        assert_eq!(times("$bob"), 0);
        // Each bound is more than ten standard deviations away.
        assert!((500..834).contains(&times("$ann")), "{}", times("$ann"));
    }

    #[test]
    fn nothing_is_below_nothing() {
        assert_eq!(below(0), Ok(0));
        assert_eq!(below(1), Ok(0));
        let none = Shares::default().pick("k").expect_err("no pointers");
        assert_eq!(none.message(), "No pointers for key k");
    }
}
