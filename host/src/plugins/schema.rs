//! JSON Schemas of manifests: checked and compiled once at load, then asked for every call.
//!
//! A schema is written by a plugin's author and its values by anybody: compiling answers every reason at once, nothing is
//! ever fetched, patterns are of bounded number and size and take linear time, a value is refused unseen where validating
//! it would take too long, and a violation never quotes a value where the schema knows of secrets.

mod breadth;
mod check;
mod circles;
mod defaults;
mod heads;
mod places;
mod references;
mod secret_paths;
mod violation;

pub use check::{SCHEMA_BYTES, SchemaError};
pub use secret_paths::SecretPaths;
pub use violation::Violation;

use std::fmt;

use jsonschema::Validator;
use serde_json::{Value, json};

use breadth::{Breadth, Reasons};
use defaults::Defaults;
use references::References;

/// A JSON Schema of a manifest: checked, compiled, with its defaults and secrets found once.
pub struct Schema {
    document: Value,
    validator: Validator,
    defaults: Defaults,
    secrets: SecretPaths,
    breadth: Breadth,
}

impl Schema {
    pub fn compile(document: &Value) -> Result<Schema, Vec<SchemaError>> {
        let draft = check::draft(document).map_err(|error| vec![error])?;
        let references = References::of(document).map_err(|error| vec![error])?;
        let matchers = check::matchers(&references).map_err(|error| vec![error])?;
        let reasons = check::reasons(draft, document, &references, &matchers);
        if !reasons.is_empty() {
            return Err(reasons);
        }
        let breadth = Breadth::of(&references).map_err(|error| vec![error])?;
        let defaults = Defaults::of(&references).map_err(|error| vec![error])?;
        Ok(Schema {
            validator: check::build(draft, document).map_err(|error| vec![error])?,
            secrets: SecretPaths::of(&references, &matchers),
            defaults,
            breadth,
            document: document.clone(),
        })
    }

    /// What stands for the schema of parameters or of a config that a manifest does not give.
    pub fn any_object() -> Schema {
        Schema::compile(&json!({ "type": "object" })).expect("a type alone is a schema")
    }

    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Adds what is absent and has a default. What is there, `null` too, stays as it is.
    pub fn fill_defaults(&self, value: &mut Value) {
        self.defaults.fill(value);
    }

    /// A valid value costs one pass, the reasons are looked for only in an invalid one. A value that would take too long
    /// is not looked at.
    pub fn validate(&self, value: &Value) -> Result<(), Vec<Violation>> {
        if self.breadth.is_exceeded_by(value) {
            return Err(vec![Violation::too_large()]);
        }
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let hide_values = !self.secrets.is_empty();
        Err(match self.breadth.reasons(value) {
            Reasons::All => violation::collect(self.validator.iter_errors(value), hide_values),
            Reasons::First => {
                violation::collect(self.validator.validate(value).err().into_iter(), hide_values)
            }
            Reasons::None => vec![Violation::unexplained()],
        })
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
