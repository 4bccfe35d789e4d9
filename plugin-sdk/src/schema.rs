//! JSON Schemas (Draft 2020-12) from Rust types. Used by `describe` only, never on a call.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

/// What a `T` is read from: configuration, settings, parameters. It is always an object.
pub(crate) fn of_object<T: JsonSchema>() -> Schema {
    let mut schema = settings().for_deserialize().into_generator().into_root_schema_for::<T>();
    // A type that says nothing about it (an enum of structs, any JSON) would admit other values.
    schema.ensure_object().entry("type").or_insert_with(|| "object".into());
    schema
}

/// What a `T` is written as: an action's result.
pub(crate) fn of_result<T: JsonSchema>() -> Schema {
    settings().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// Without `$schema`: the contract says which draft an unmarked schema is.
fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None)
}
