//! Makes JSON Schemas (Draft 2020-12) from Rust types. Used by `describe` only, never on a call.

mod anything;
mod closed;

pub(crate) use closed::close;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};

use crate::export::HasSchema;
use crate::manifest::Object;
use crate::secrets;

/// How the schema of a type is made. All else is the same for every type, and there once.
pub(crate) type Maker = fn(SchemaGenerator) -> Schema;

pub(crate) fn maker<T: HasSchema>() -> Maker {
    SchemaGenerator::into_root_schema_for::<T>
}

/// The schema of what a type is read from: configuration, settings, parameters. It is always an object.
pub(crate) fn of_object(make: Maker) -> Schema {
    let schema = make(settings().for_deserialize().into_generator());
    let mut schema = anything::as_object(schema);
    // A type without a `type` (an enum of structs, any JSON) would accept other values.
    schema.ensure_object().entry("type").or_insert_with(|| "object".into());
    schema
}

/// The same for a caller's input. It cannot contain a `Secret`, which is a place in the configuration and no
/// value.
pub(crate) fn of_parameters(make: Maker, kind: &str, named: &Object) -> Schema {
    let (schema, has_secret) = secrets::is_used_by(|| of_object(make));
    assert!(
        !has_secret,
        "the parameters of {kind} `{}` have a `Secret`, which only a configuration and settings can have; take a `String`",
        named.name()
    );
    schema
}

/// The schema of an output. It cannot contain a `Secret`, which is shown to nobody.
pub(crate) fn of_said(make: Maker, kind: &str, named: &Object) -> Schema {
    let (schema, has_secret) = secrets::is_used_by(|| of_result(make));
    assert!(
        !has_secret,
        "{kind} `{}` says a `Secret`, which is shown to nobody; leave it out",
        named.name()
    );
    schema
}

/// The schema of what a type is written as: an action's result.
fn of_result(make: Maker) -> Schema {
    anything::as_object(make(settings().for_serialize().into_generator()))
}

/// Leaves out `$schema`: the contract says which draft applies without it.
fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None)
}
