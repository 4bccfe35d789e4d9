//! Writes an author's value as JSON. `serde_json` writes an infinite number and NaN as `null`; here this is an
//! error with its place, because nobody could notice it later.

use std::fmt;

use serde::Serialize;
use serde::ser::{
    self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use serde_json::Value;

use crate::read::pointer;
use crate::{Error, Result};

/// The JSON text. `internal`: the value cannot be written.
pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    let text = serde_json::to_string(value)?;
    // Only a text that has `null` can contain such a number.
    if text.contains("null") {
        check(value)?;
    }
    Ok(text)
}

/// The value as a JSON value.
pub fn value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    check(value)?;
    Ok(serde_json::to_value(value)?)
}

/// Refuses a number that is not finite. Other errors are reported when the value is written.
fn check<T: Serialize + ?Sized>(value: &T) -> Result<()> {
    let Err(found) = serde_path_to_error::serialize(value, Looking) else { return Ok(()) };
    if matches!(found.inner(), Found::Other) {
        return Ok(());
    }
    let place = match pointer(found.path()) {
        pointer if pointer.is_empty() => String::new(),
        pointer => format!(" at {pointer}"),
    };
    Err(Error::internal(format!(
        "the number{place} is infinite or none (NaN), and JSON has no word for that"
    )))
}

/// Goes through a value without writing it.
struct Looking;

#[derive(Debug)]
enum Found {
    NotFinite,
    Other,
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number that is not finite")
    }
}

impl std::error::Error for Found {}

impl ser::Error for Found {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }
}

type Seen = std::result::Result<(), Found>;
type Inside = std::result::Result<Looking, Found>;

macro_rules! nothing_to_see {
    ($($method:ident: $kind:ty),*) => {
        $(fn $method(self, _: $kind) -> Seen { Ok(()) })*
    };
}

impl Serializer for Looking {
    type Ok = ();
    type Error = Found;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    nothing_to_see!(
        serialize_bool: bool, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_unit_struct: &'static str
    );

    fn serialize_f32(self, number: f32) -> Seen {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Seen {
        if number.is_finite() { Ok(()) } else { Err(Found::NotFinite) }
    }

    fn serialize_none(self) -> Seen {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Seen {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Seen {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Seen {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Seen {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Seen {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Inside {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Inside {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Inside {
        Ok(self)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Inside {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Inside {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Inside {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Inside {
        Ok(self)
    }
}

macro_rules! look_inside {
    ($($kind:ident: $method:ident($($key:ty)?)),*) => {
        $(impl $kind for Looking {
            type Ok = ();
            type Error = Found;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $key,)? value: &T) -> Seen {
                value.serialize(Looking)
            }

            fn end(self) -> Seen {
                Ok(())
            }
        })*
    };
}

look_inside!(
    SerializeSeq: serialize_element(), SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(), SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(&'static str), SerializeStructVariant: serialize_field(&'static str)
);

impl SerializeMap for Looking {
    type Ok = ();
    type Error = Found;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Seen {
        key.serialize(Looking)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Seen {
        value.serialize(Looking)
    }

    fn end(self) -> Seen {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::json;

    #[derive(Serialize)]
    enum Shape {
        Circle { radius: f32 },
        Path(f64, f64),
    }

    #[test]
    fn a_number_that_json_cannot_say_is_refused_with_its_place() {
        let beyond: f32 = 1e39_f64 as f32;
        let said = |refused: crate::Result<String>| refused.expect_err("it is refused").to_string();
        assert!(said(json(&[None, Some(beyond)])).contains("at /1 is"));
        let map = BTreeMap::from([("a/b", vec![0.0, f64::NAN])]);
        assert!(said(json(&map)).contains("at /a~1b/1 is"));
        assert!(said(json(&Shape::Circle { radius: beyond })).contains("/radius is"));
        assert!(said(json(&Shape::Path(0.0, f64::NEG_INFINITY))).contains("/1 is"));
    }

    #[test]
    fn what_is_null_by_itself_is_written() {
        assert_eq!(
            json(&(None::<f64>, (), 1.5, "null")).expect("JSON"),
            r#"[null,null,1.5,"null"]"#
        );
    }
}
