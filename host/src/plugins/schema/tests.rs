//! A schema from the outside: what is refused and how it is said, what is valid, what is filled in, what is hidden.

mod bounds;
mod defaults;
mod refusals;
mod secret_paths;
mod validation;

use serde_json::Value;

use super::{Schema, SchemaError};

fn compiled(document: Value) -> Schema {
    match Schema::compile(&document) {
        Ok(schema) => schema,
        Err(errors) => unreachable!("{errors:?}"),
    }
}

fn errors(document: Value) -> Vec<SchemaError> {
    Schema::compile(&document).err().unwrap_or_default()
}

fn is_valid(schema: &Schema, value: &Value) -> bool {
    schema.validate(value).is_ok()
}
