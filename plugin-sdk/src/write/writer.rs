//! serde's view of a JSON text that grows.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use super::compound::Compound;
use super::quoted::quote;
use crate::misfit::Misfit;

/// What is wrong with a number that JSON cannot write.
pub const NOT_FINITE: &str = "is infinite or none (NaN), and JSON has no word for that";

/// The name by which `serde_json` says that a value is a `RawValue`.
const RAW: &str = "$serde_json::private::RawValue";

#[derive(Default)]
pub struct Writer {
    pub text: String,
    /// Whether the next text is JSON already.
    pub is_raw: bool,
}

type Written = Result<(), Misfit>;

impl Writer {
    pub fn quote(&mut self, text: &str) {
        quote(&mut self.text, text);
    }

    fn push(&mut self, text: &str) -> Written {
        self.text.push_str(text);
        Ok(())
    }

    fn natural(&mut self, number: u64) -> Written {
        // A `String` can always grow.
        let _ = write!(self.text, "{number}");
        Ok(())
    }

    fn negative(&mut self, number: i64) -> Written {
        let _ = write!(self.text, "{number}");
        Ok(())
    }

    /// A variant with content is an object with one member.
    fn variant(&mut self, name: &str) {
        self.text.push('{');
        self.quote(name);
        self.text.push(':');
    }
}

macro_rules! numbers {
    ($($method:ident: $kind:ty as $as:ident),*) => {
        $(fn $method(self, number: $kind) -> Written { self.$as(number.into()) })*
    };
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = Misfit;
    type SerializeSeq = Compound<'w>;
    type SerializeTuple = Compound<'w>;
    type SerializeTupleStruct = Compound<'w>;
    type SerializeTupleVariant = Compound<'w>;
    type SerializeMap = Compound<'w>;
    type SerializeStruct = Compound<'w>;
    type SerializeStructVariant = Compound<'w>;

    numbers!(
        serialize_u8: u8 as natural, serialize_u16: u16 as natural, serialize_u32: u32 as natural,
        serialize_u64: u64 as natural, serialize_i8: i8 as negative, serialize_i16: i16 as negative,
        serialize_i32: i32 as negative, serialize_i64: i64 as negative
    );

    fn serialize_u128(self, number: u128) -> Written {
        self.push(&number.to_string())
    }

    fn serialize_i128(self, number: i128) -> Written {
        self.push(&number.to_string())
    }

    fn serialize_f32(self, number: f32) -> Written {
        float(number.is_finite(), serde_json::to_string(&number)).and_then(|text| self.push(&text))
    }

    fn serialize_f64(self, number: f64) -> Written {
        float(number.is_finite(), serde_json::to_string(&number)).and_then(|text| self.push(&text))
    }

    fn serialize_bool(self, value: bool) -> Written {
        self.push(if value { "true" } else { "false" })
    }

    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Written {
        if self.is_raw {
            return self.push(value);
        }
        self.quote(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Written {
        self.push("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.push("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.push("null")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        self.variant(variant);
        match value.serialize(&mut *self) {
            Ok(()) => self.push("}"),
            Err(misfit) => Err(misfit.in_member(variant)),
        }
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'w>, Misfit> {
        Ok(Compound::begin(self, "[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'w>, Misfit> {
        Ok(Compound::begin(self, "[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'w>, Misfit> {
        Ok(Compound::begin(self, "[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w>, Misfit> {
        self.variant(variant);
        Ok(Compound::begin(self, "[", "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'w>, Misfit> {
        Ok(Compound::begin(self, "{", "}"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'w>, Misfit> {
        if name == RAW {
            self.is_raw = true;
            return Ok(Compound::begin(self, "", ""));
        }
        Ok(Compound::begin(self, "{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w>, Misfit> {
        self.variant(variant);
        Ok(Compound::begin(self, "{", "}}"))
    }
}

/// The text of a number, in the form of `serde_json`, if JSON can say it.
fn float(is_finite: bool, written: serde_json::Result<String>) -> Result<String, Misfit> {
    match written {
        Ok(text) if is_finite => Ok(text),
        _ => Err(Misfit::new(NOT_FINITE.to_owned())),
    }
}
