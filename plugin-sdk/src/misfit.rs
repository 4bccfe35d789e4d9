//! Why a value and a JSON text do not fit together, and where.

use std::fmt::{self, Display, Formatter};

use serde::de::{Expected, Unexpected};
use serde::{de, ser};

/// What does not fit. It learns its place on the way out of the value, so that what fits costs nothing.
#[derive(Debug)]
pub struct Misfit(Box<Found>);

#[derive(Debug)]
struct Found {
    /// A JSON Pointer.
    place: String,
    message: String,
}

impl Misfit {
    #[cold]
    #[inline(never)]
    pub fn new(message: String) -> Self {
        Self(Box::new(Found { place: String::new(), message }))
    }

    /// The same, seen from the object that has it as this member.
    #[cold]
    #[inline(never)]
    pub fn in_member(mut self, name: &str) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        self.0.place = format!("/{name}{}", self.0.place);
        self
    }

    /// The same, seen from the array that has it as this item.
    #[cold]
    #[inline(never)]
    pub fn in_item(self, index: usize) -> Self {
        self.in_member(&index.to_string())
    }

    pub fn place(&self) -> &str {
        &self.0.place
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl Display for Misfit {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self.place() {
            "" => formatter.write_str(self.message()),
            place => write!(formatter, "at {place}: {}", self.message()),
        }
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    #[cold]
    #[inline(never)]
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("invalid type: {}, expected {expected}", named(unexpected)))
    }

    #[cold]
    #[inline(never)]
    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("invalid value: {}, expected {expected}", named(unexpected)))
    }
}

impl ser::Error for Misfit {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

/// What was found. `Unexpected` writes floating point numbers by code that nothing else needs, and which makes a
/// component some KiB larger.
fn named(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("boolean `{value}`"),
        Unexpected::Unsigned(number) => format!("integer `{number}`"),
        Unexpected::Signed(number) => format!("integer `{number}`"),
        Unexpected::Float(number) => match serde_json::to_string(&number) {
            Ok(number) => format!("floating point `{number}`"),
            Err(_) => "floating point".to_owned(),
        },
        Unexpected::Char(character) => format!("character `{character}`"),
        Unexpected::Str(text) => format!("string {text:?}"),
        Unexpected::Bytes(_) => "byte array".to_owned(),
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Option => "Option value".to_owned(),
        Unexpected::NewtypeStruct => "newtype struct".to_owned(),
        Unexpected::Seq => "sequence".to_owned(),
        Unexpected::Map => "map".to_owned(),
        Unexpected::Enum => "enum".to_owned(),
        Unexpected::UnitVariant => "unit variant".to_owned(),
        Unexpected::NewtypeVariant => "newtype variant".to_owned(),
        Unexpected::TupleVariant => "tuple variant".to_owned(),
        Unexpected::StructVariant => "struct variant".to_owned(),
        Unexpected::Other(other) => other.to_owned(),
    }
}
