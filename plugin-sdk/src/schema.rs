//! Makes JSON Schemas (Draft 2020-12) from Rust types. Used by `describe` only, never on a call.

mod anything;
mod closed;

pub(crate) use closed::closed;
use schemars::Schema;
use schemars::generate::SchemaSettings;

use crate::export::HasSchema;
use crate::secrets;

/// The schema of what a `T` is read from: configuration, settings, parameters. It is always an object.
pub(crate) fn of_object<T: HasSchema>() -> Schema {
    let schema = settings().for_deserialize().into_generator().into_root_schema_for::<T>();
    let mut schema = anything::as_object(schema);
    // A type without a `type` (an enum of structs, any JSON) would accept other values.
    schema.ensure_object().entry("type").or_insert_with(|| "object".into());
    schema
}

/// The same for a caller's input. It cannot contain a `Secret`, which is a place in the configuration and no
/// value.
pub(crate) fn of_parameters<T: HasSchema>(of: &str) -> Schema {
    let (schema, has_secret) = secrets::is_used_by(of_object::<T>);
    assert!(
        !has_secret,
        "the parameters of {of} have a `Secret`, which only a configuration and settings can have; take a `String`"
    );
    schema
}

/// The schema of an output. It cannot contain a `Secret`, which is shown to nobody.
pub(crate) fn of_said<T: HasSchema>(of: &str) -> Schema {
    let (schema, has_secret) = secrets::is_used_by(of_result::<T>);
    assert!(!has_secret, "{of} says a `Secret`, which is shown to nobody; leave it out");
    schema
}

/// The schema of what a `T` is written as: an action's result.
fn of_result<T: HasSchema>() -> Schema {
    let schema = settings().for_serialize().into_generator().into_root_schema_for::<T>();
    anything::as_object(schema)
}

/// Leaves out `$schema`: the contract says which draft applies without it.
fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None)
}
