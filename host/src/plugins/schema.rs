//! JSON Schemas of manifests: checked and compiled once at load, then asked for every call.
//!
//! A schema is written by a plugin's author and its values by anybody: compiling answers every reason at once, nothing is
//! ever fetched, patterns are of bounded number, size and cost, a value is refused where checking it would take too
//! long, and a violation never quotes a value where the schema knows of secrets.

mod applied;
mod breadth;
mod check;
mod circles;
mod cost;
mod defaults;
mod heads;
mod meter;
mod patterns;
mod places;
mod references;
mod room;
mod secret_paths;
mod violation;

pub use check::{SCHEMA_BYTES, SchemaError};
pub use meter::Budget;
pub use room::Room;
pub use secret_paths::SecretPaths;
pub use violation::{Violation, shortened};

use std::fmt;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::config::Limits;
use applied::Applied;
use breadth::{Breadth, Reasons, Size};
use cost::NameCost;
use defaults::Defaults;
use meter::metered;
use references::References;

/// A JSON Schema of a manifest: checked, compiled, with its defaults and secrets found once.
pub struct Schema {
    document: Value,
    validator: Validator,
    defaults: Defaults,
    secrets: SecretPaths,
    breadth: Breadth,
    names: NameCost,
    validation_ms: u64,
}

/// What bounds a schema where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The largest value that can come here, in bytes of its JSON text.
    pub value_bytes: usize,
    pub validation_ms: u64,
    pub default_values: usize,
    pub default_bytes: usize,
}

impl Bounds {
    pub fn new(limits: &Limits, value_bytes: usize) -> Bounds {
        Bounds {
            value_bytes,
            validation_ms: limits.validation_ms,
            default_values: limits.default_values,
            default_bytes: limits.default_bytes,
        }
    }
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
        let breadth = Breadth::of(&references, &applied).map_err(one)?;
        let names = cost::bounded(&references, &applied, &patterns, bounds).map_err(one)?;
        let defaults = Defaults::of(&references, bounds, room.default_values()).map_err(one)?;
        let secrets = SecretPaths::of(&references, &patterns);
        Ok(Schema {
            validator: check::build(draft, document, patterns, !secrets.is_empty()).map_err(one)?,
            secrets,
            defaults,
            breadth,
            names,
            validation_ms: bounds.validation_ms,
            document: document.clone(),
        })
    }

    /// What stands for the schema of parameters or of a config that a manifest does not give.
    pub fn any_object() -> Schema {
        let limits = Limits::default();
        let bounds = Bounds::new(&limits, limits.result_bytes);
        Schema::compile(&json!({ "type": "object" }), &bounds, &mut Room::new(&limits))
            .expect("a type alone is a schema")
    }

    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Adds what is absent and has a default. What is there, `null` too, stays as it is.
    pub fn fill_defaults(&self, value: &mut Value) -> Result<(), Violation> {
        self.defaults.fill(value)
    }

    /// Checks one value by itself.
    pub fn validate(&self, value: &Value) -> Result<(), Vec<Violation>> {
        self.validate_within(value, &mut Budget::of_ms(self.validation_ms))
    }

    /// Checks one value of several that share a budget. A valid one costs one pass, the reasons are looked for only in an
    /// invalid one; one that would take too long is not looked at, or not to its end.
    pub fn validate_within(
        &self,
        value: &Value,
        budget: &mut Budget,
    ) -> Result<(), Vec<Violation>> {
        let size = Size::of(value);
        if !budget.take(self.breadth.ns(&size) + self.names.ns(&size)) {
            return Err(vec![Violation::too_large(budget.whole_ms())]);
        }
        match metered(budget, || self.validator.is_valid(value)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.reasons(value, &size, budget)),
            Err(place) => Err(vec![Violation::too_costly(&place, budget.whole_ms())]),
        }
    }

    /// Why a value is not valid, as far as what is left of the budget goes.
    fn reasons(&self, value: &Value, size: &Size, budget: &mut Budget) -> Vec<Violation> {
        let hide_values = !self.secrets.is_empty();
        let all = || violation::collect(self.validator.iter_errors(value), hide_values);
        // It ends at the first: also where a text is too long for the pattern that would look at it next.
        let first =
            || violation::collect(self.validator.validate(value).err().into_iter(), hide_values);
        let reasons = match self.breadth.reasons(size, budget) {
            Reasons::All => {
                metered(&mut budget.half(), all).or_else(|_| metered(budget, first)).ok()
            }
            Reasons::First => metered(budget, first).ok(),
            Reasons::None => None,
        };
        reasons.unwrap_or_else(|| vec![Violation::unexplained()])
    }

    pub fn secrets(&self) -> &SecretPaths {
        &self.secrets
    }
}

/// Without the document: a default in it may be a secret.
impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema(..)")
    }
}

#[cfg(test)]
mod tests;
