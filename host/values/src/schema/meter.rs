//! What validating may still cost, counted down while it goes on.
//!
//! The validator is asked for a value and has no way to be told more, so what is left stands beside it: in the thread, for
//! as long as one validation lasts. Counted is what is calculated, never what a clock says: the same value costs the same
//! on every machine, however busy it is.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use jsonschema::{Keyword, ValidationError};
use serde_json::Value;

use super::patterns::Pattern;
use super::violation::shortened;

/// The time that validation may take, as it is calculated.
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

    /// Takes so much of it, unless it is more than there is.
    pub fn take(&mut self, ns: f64) -> bool {
        let is_there = ns <= self.left_ns;
        if is_there {
            self.left_ns -= ns;
        }
        is_there
    }

    /// A part of what is left, for something that may fail for want of it.
    pub fn half(&mut self) -> Budget {
        self.left_ns /= 2.0;
        Budget { left_ns: self.left_ns, whole_ms: self.whole_ms }
    }
}

thread_local! {
    static LEFT_NS: Cell<f64> = const { Cell::new(0.0) };
    /// Where in the schema the budget ended.
    static ENDED_AT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// What `validate` answers; or where in the schema there was too much to do.
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

/// The keyword `pattern`, which pays for each text before it looks at it.
pub struct MeteredPattern {
    pub pattern: Arc<Pattern>,
    pub text: String,
    pub place: Arc<str>,
    /// Whether no reason may quote a value.
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
