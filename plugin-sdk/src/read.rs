//! Reads JSON as an author's type. Errors name the place, as a JSON Pointer.
//!
//! All of a component's reading goes through this one reader: each reader that a type is compiled for makes the
//! component larger, `serde_json`'s most, because it also accepts arrays for structs.

mod access;
mod number;
mod raw;
mod reader;
mod typed;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use crate::misfit::Misfit;
use crate::{Error, write};
use reader::Reader;

/// Reads the text.
pub fn json<T: DeserializeOwned>(text: impl AsRef<[u8]>) -> Result<T, Misfit> {
    bytes(text.as_ref())
}

/// Reads a JSON value as a type. `internal`: it does not fit.
///
/// Of a type that a plugin reads otherwise too, [`serde_json::from_value`] would need a reader of its own, which makes
/// the component larger.
pub fn from_value<T: DeserializeOwned>(value: &Value) -> crate::Result<T> {
    of_host(write::json(value)?)
}

/// Reads a text for which no caller is to blame.
pub(crate) fn of_host<T: DeserializeOwned>(text: String) -> crate::Result<T> {
    json(text).map_err(Error::internal)
}

/// Never inlined, so that a type is read by the same code wherever it is read.
#[inline(never)]
fn bytes<T: DeserializeOwned>(text: &[u8]) -> Result<T, Misfit> {
    let mut reader = Reader::new(text)?;
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests;
