//! JSON Schemas of manifests: checked and compiled once at load, then used in every call.
//!
//! A plugin's author writes the schema, and anybody the values. So compiling reports every problem at once,
//! nothing is ever fetched, the number, size and cost of patterns are limited, a value that would take too long
//! to check is refused, and a violation never quotes a value if the schema has secrets.

mod alternatives;
mod applied;
mod check;
mod cost;
mod cycles;
mod defaults;
mod error;
mod integers;
mod lead;
mod limits;
mod meaning;
mod meter;
mod outline;
mod patterns;
mod place_costs;
mod places;
mod references;
mod room;
mod secret_paths;
mod value_cost;
mod violation;

pub use check::SCHEMA_BYTES;
pub use error::SchemaError;
pub use lead::Lead;
pub use limits::{Bounds, SchemaLimits};
pub use meter::Budget;
pub use room::Room;
pub use secret_paths::SecretPaths;
pub use violation::{Violation, shortened};

use std::fmt;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::json::{self, Exact};
use applied::Applied;
use cost::NameCost;
use defaults::Defaults;
use integers::{Ended, Integers};
use meaning::Meaning;
use meter::metered;
use references::References;
use value_cost::{Reasons, ValueCost, ValueSize};
use violation::Revealed;

/// A schema that checks only the type does not depend on the size of the value.
const ANY_BYTES: usize = 1 << 20;

/// A JSON Schema of a manifest: checked, compiled, with its defaults and secrets found once.
pub struct Schema {
    document: Value,
    validator: Validator,
    defaults: Defaults,
    secrets: SecretPaths,
    meaning: Meaning,
    value_cost: ValueCost,
    names: NameCost,
    integers: Integers,
    validation_ms: u64,
}

impl Schema {
    pub fn compile(
        document: &Value,
        bounds: &Bounds,
        room: &mut Room,
    ) -> Result<Schema, Vec<SchemaError>> {
        let one = |error| vec![error];
        let draft = check::draft(document).map_err(one)?;
        let references = References::of(document).map_err(one)?;
        let patterns = patterns::compile(&references, room).map_err(one)?;
        let reasons = check::reasons(draft, document, &references, &patterns);
        if !reasons.is_empty() {
            return Err(reasons);
        }
        let applied = Applied::of(&references, room).map_err(one)?;
        let value_cost = ValueCost::of(&references, &applied).map_err(one)?;
        let names = cost::bounded(&references, &applied, &patterns, bounds).map_err(one)?;
        let defaults = Defaults::of(&references, bounds, room.default_values()).map_err(one)?;
        let secrets = SecretPaths::of(&references, &patterns);
        let meaning = Meaning::of(&references, &patterns);
        let bounded = integers::bounded(document, &references);
        let hides_values = !secrets.is_empty();
        let validator = check::build(draft, &bounded, patterns, hides_values).map_err(one)?;
        Ok(Schema {
            validator,
            integers: Integers::of(&references),
            secrets,
            meaning,
            defaults,
            value_cost,
            names,
            validation_ms: bounds.validation_ms,
            document: document.clone(),
        })
    }

    /// The schema of parameters or of a config for which the manifest has none.
    pub fn any_object() -> Schema {
        let limits = SchemaLimits::default();
        let bounds = Bounds::new(&limits, ANY_BYTES);
        Schema::compile(&json!({ "type": "object" }), &bounds, &mut Room::new(&limits))
            .expect("a type alone is a schema")
    }

    pub fn document(&self) -> &Value {
        &self.document
    }

    /// An input as a plugin gets it: with defaults, valid, integers written as integers, everything else
    /// unchanged.
    pub fn accepted(&self, text: String) -> Result<String, Vec<Violation>> {
        let (text, mut value) = read(text)?;
        let is_filled = self.fill_defaults(&mut value).map_err(|one| vec![one])?;
        self.settled(text, value, is_filled)
    }

    /// The same without defaults.
    pub fn checked(&self, text: String) -> Result<String, Vec<Violation>> {
        let (text, value) = read(text)?;
        let is_filled = false;
        self.settled(text, value, is_filled)
    }

    /// Validates the value. The text that it came from stays if it still says the same: nothing was filled in, and no
    /// integer has to be written otherwise.
    fn settled(
        &self,
        text: String,
        mut value: Value,
        is_filled: bool,
    ) -> Result<String, Vec<Violation>> {
        let mut tokens = self.integers.are_in(&value).then(|| Exact::of(&text).ok()).flatten();
        let is_rewritten = self.write_integers(&mut value, tokens.as_mut())?;
        self.validate(&value)?;
        if !is_filled && !is_rewritten {
            return Ok(text);
        }
        let tokens = tokens.or_else(|| Exact::of(&text).ok());
        Ok(json::rewritten(&value, &tokens.iter().collect::<Vec<_>>()))
    }

    /// Writes `5.0` as `5` where the schema says integer. Whether anything changed.
    pub fn write_integers(
        &self,
        value: &mut Value,
        tokens: Option<&mut Exact<'_>>,
    ) -> Result<bool, Vec<Violation>> {
        let written = self.integers.write(value, tokens, self.validation_ms);
        written.map_err(|ended| match ended {
            Ended::TooLarge => vec![Violation::too_large(self.validation_ms)],
            Ended::Wrong(wrong) => wrong,
        })
    }

    /// Adds absent members that have a default. Existing members, also `null`, stay as they are. Whether anything
    /// was added.
    pub fn fill_defaults(&self, value: &mut Value) -> Result<bool, Violation> {
        self.defaults.fill(value)
    }

    /// Takes out what this schema neither knows nor refuses, because it has no effect.
    pub fn forget_ignored(&self, value: &mut Value) {
        self.meaning.forget_ignored(value);
    }

    /// Takes out what this schema does not know, even if it refuses it: the value was stored under another
    /// schema.
    pub fn forget_unknown(&self, value: &mut Value) {
        self.meaning.forget_unknown(value);
    }

    /// Whether two values that it accepts mean the same, apart from their secrets.
    pub fn is_same(&self, one: &Value, other: &Value) -> bool {
        self.meaning.is_same(&self.secrets, one, other)
    }

    /// Checks one value by itself.
    pub fn validate(&self, value: &Value) -> Result<(), Vec<Violation>> {
        self.validate_within(value, &mut Budget::of_ms(self.validation_ms))
    }

    /// Checks one value of several that share a budget. A valid value costs one pass; the reasons are looked
    /// for only if a value is not valid. A value that would take too long is not checked, or not to its end.
    pub fn validate_within(
        &self,
        value: &Value,
        budget: &mut Budget,
    ) -> Result<(), Vec<Violation>> {
        let revealed = if self.secrets.is_empty() { Revealed::Values } else { Revealed::Names };
        self.check(value, budget, revealed)
    }

    /// The same for a value whose secrets this schema may not know: messages name only places.
    pub fn validate_places(&self, value: &Value) -> Result<(), Vec<Violation>> {
        self.check(value, &mut Budget::of_ms(self.validation_ms), Revealed::Places)
    }

    fn check(
        &self,
        value: &Value,
        budget: &mut Budget,
        revealed: Revealed,
    ) -> Result<(), Vec<Violation>> {
        let size = ValueSize::of(value);
        if !budget.take(self.value_cost.ns(&size) + self.names.ns(&size)) {
            return Err(vec![Violation::too_large(budget.whole_ms())]);
        }
        match metered(budget, || self.validator.is_valid(value)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.reasons(value, &size, budget, revealed)),
            Err(place) => Err(vec![Violation::too_costly(&place, budget.whole_ms())]),
        }
    }

    /// Why a value is not valid, as far as the rest of the budget allows.
    fn reasons(
        &self,
        value: &Value,
        size: &ValueSize,
        budget: &mut Budget,
        revealed: Revealed,
    ) -> Vec<Violation> {
        let all = || violation::collect(self.validator.iter_errors(value), revealed);
        // It ends at the first reason, also if a text is too long for the next pattern.
        let first =
            || violation::collect(self.validator.validate(value).err().into_iter(), revealed);
        let reasons = match self.value_cost.reasons(size, budget) {
            Reasons::All => {
                metered(&mut budget.half(), all).or_else(|_| metered(budget, first)).ok()
            }
            Reasons::First => metered(budget, first).ok(),
            Reasons::None => None,
        };
        reasons.unwrap_or_else(|| vec![Violation::unexplained()])
    }

    /// Whether the value at the pointer is a secret.
    pub fn is_secret(&self, pointer: &str) -> bool {
        !self.secrets.find(&lead::sample(pointer)).is_empty()
    }

    pub fn secrets(&self) -> &SecretPaths {
        &self.secrets
    }
}

/// A text that was checked when it came in.
fn read(text: String) -> Result<(String, Value), Vec<Violation>> {
    match serde_json::from_str(&text) {
        Ok(value) => Ok((text, value)),
        Err(error) => Err(vec![Violation { path: String::new(), message: error.to_string() }]),
    }
}

/// Does not show the document, in which a default may be a secret.
impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema(..)")
    }
}

#[cfg(test)]
mod tests;
