//! Counts down what a validation may still cost.
//!
//! The validator's interface has no place for a budget, so the budget is in a thread-local variable while one
//! validation lasts. Calculated cost is counted, never time: the same value costs the same on every machine,
//! however busy it is.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use jsonschema::{Keyword, ValidationError};
use serde_json::Value;

use super::patterns::Pattern;
use super::violation::shortened;

/// The calculated time that validation may take.
#[derive(Debug)]
pub struct Budget {
    left_ns: f64,
    whole_ms: u64,
}

impl Budget {
    pub fn of_ms(ms: u64) -> Budget {
        Budget { left_ns: ms as f64 * 1e6, whole_ms: ms }
    }

    pub fn whole_ms(&self) -> u64 {
        self.whole_ms
    }

    /// Takes this much of it; false if less is left.
    pub fn take(&mut self, ns: f64) -> bool {
        let is_there = ns <= self.left_ns;
        if is_there {
            self.left_ns -= ns;
        }
        is_there
    }

    /// A part of what is left, for work that may fail because it does not suffice.
    pub fn half(&mut self) -> Budget {
        self.left_ns /= 2.0;
        Budget { left_ns: self.left_ns, whole_ms: self.whole_ms }
    }
}

thread_local! {
    static LEFT_NS: Cell<f64> = const { Cell::new(0.0) };
    /// The place in the schema where the budget was used up.
    static ENDED_AT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// What `validate` returns; or the place in the schema where the budget was used up.
pub fn metered<T>(budget: &mut Budget, validate: impl FnOnce() -> T) -> Result<T, Arc<str>> {
    LEFT_NS.set(budget.left_ns);
    ENDED_AT.set(None);
    let answer = validate();
    budget.left_ns = LEFT_NS.get().max(0.0);
    ENDED_AT.take().map_or(Ok(answer), Err)
}

fn charge(ns: f64, place: &Arc<str>) -> bool {
    let left = LEFT_NS.get() - ns;
    LEFT_NS.set(left);
    if left < 0.0 {
        ENDED_AT.with_borrow_mut(|at| {
            at.get_or_insert_with(|| place.clone());
        });
    }
    left >= 0.0
}

/// The keyword `pattern`, which pays for each text before it matches it.
pub struct MeteredPattern {
    pub pattern: Arc<Pattern>,
    pub text: String,
    pub place: Arc<str>,
    /// Whether reasons must not quote a value.
    pub hides_values: bool,
}

impl<'i> Keyword<'i> for MeteredPattern {
    fn is_valid(&self, instance: &'i Value) -> bool {
        let Value::String(text) = instance else { return true };
        charge(self.pattern.cost.of_text(text.len()), &self.place) && self.pattern.is_match(text)
    }

    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        let value = match self.hides_values {
            true => "the value".to_owned(),
            false => shortened(instance),
        };
        Err(ValidationError::custom(format!("{value} does not match {:?}", self.text)))
    }
}
