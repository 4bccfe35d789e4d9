//! What an author's types must be able to do. Each trait stands for one of serde's or schemars', whose own messages do
//! not say what to write.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type with a JSON Schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON Schema, by which the host checks it and drivers know it",
    label = "no `JsonSchema`",
    note = "write `#[derive(JsonSchema)]` on the type and on each type in it; for a member whose type is another crate's, take that crate's feature for schemars, or write `#[schemars(with = \"String\")]` on the member"
)]
pub trait HasSchema: JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema> HasSchema for T {}

/// A type that is read from JSON, and borrows nothing of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from JSON, as the host hands it over",
    label = "no `Deserialize`",
    note = "write `#[derive(Deserialize)]` on the type and on each type in it; for a member whose type is another crate's, take that crate's feature for serde"
)]
pub trait Read: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Read for T {}

/// A type that is written as JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written as JSON, as the host takes it",
    label = "no `Serialize`",
    note = "write `#[derive(Serialize)]` on the type and on each type in it; for a member whose type is another crate's, take that crate's feature for serde"
)]
pub trait Written: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Written for T {}
