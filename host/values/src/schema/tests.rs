//! Tests of `Schema` as its callers use it: which schemas are refused and why, which values are valid, what is
//! filled in, what is hidden.

mod bounds;
mod costs;
mod defaults;
mod refusals;
mod secret_paths;
mod validation;

use serde_json::Value;

use super::{Bounds, Room, Schema, SchemaError, SchemaLimits};

fn limits() -> SchemaLimits {
    SchemaLimits::default()
}

/// The bounds for the largest request.
fn compile(document: &Value) -> Result<Schema, Vec<SchemaError>> {
    Schema::compile(document, &Bounds::new(&limits(), 1 << 20), &mut Room::new(&limits()))
}

fn compiled(document: Value) -> Schema {
    match compile(&document) {
        Ok(schema) => schema,
        Err(errors) => unreachable!("{errors:?}"),
    }
}

fn errors(document: Value) -> Vec<SchemaError> {
    compile(&document).err().unwrap_or_default()
}

fn is_valid(schema: &Schema, value: &Value) -> bool {
    schema.validate(value).is_ok()
}
