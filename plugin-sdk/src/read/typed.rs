//! serde's view of a [`Reader`]. What is generic here is compiled for each type of an author, so it only asks the reader.

use serde::Deserializer;
use serde::de::{IntoDeserializer, Visitor};

use super::access::{Items, Members, Variant};
use super::raw;
use super::reader::Reader;
use crate::misfit::Misfit;

type Read<T> = Result<T, Misfit>;

macro_rules! numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
            self.number(&visitor)?.visit(visitor)
        })*
    };
}

macro_rules! strings {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
            let text = self.string(&visitor)?;
            visitor.visit_str(&text)
        })*
    };
}

impl<'t> Deserializer<'t> for &mut Reader<'t> {
    type Error = Misfit;

    numbers!(
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_i8 deserialize_i16
        deserialize_i32 deserialize_i64 deserialize_f32 deserialize_f64
    );

    strings!(deserialize_str deserialize_string deserialize_char deserialize_identifier);

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
        match self.peek() {
            Some(b'{') => self.deserialize_map(visitor),
            Some(b'[') => self.deserialize_seq(visitor),
            Some(b'"') => self.deserialize_str(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            Some(b'n') => self.deserialize_unit(visitor),
            _ => self.deserialize_u64(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
        let value = self.bool(&visitor)?;
        visitor.visit_bool(value)
    }

    fn deserialize_u128<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
        match self.digits(&visitor)?.parse() {
            Ok(wide) => visitor.visit_u128(wide),
            Err(_) => Err(self.wrong("number out of range")),
        }
    }

    fn deserialize_i128<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
        match self.digits(&visitor)?.parse() {
            Ok(wide) => visitor.visit_i128(wide),
            Err(_) => Err(self.wrong("number out of range")),
        }
    }

    fn deserialize_bytes<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
        match self.peek() {
            Some(b'[') => self.deserialize_seq(visitor),
            _ => visitor.visit_bytes(self.string(&"bytes")?.as_bytes()),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
        if self.is_null()? { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
        if self.is_null()? { visitor.visit_unit() } else { Err(self.unexpected(&visitor)) }
    }

    fn deserialize_unit_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Read<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Read<V::Value> {
        if raw::is_asked_for(name) {
            return visitor.visit_map(raw::AsWritten::new(self.skip()?));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
        self.open(b'[', &visitor)?;
        let read = visitor.visit_seq(Items::of(self))?;
        self.close(b']')?;
        Ok(read)
    }

    fn deserialize_tuple<V: Visitor<'t>>(self, _: usize, visitor: V) -> Read<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Read<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
        self.open(b'{', &visitor)?;
        let read = visitor.visit_map(Members::of(self))?;
        self.close(b'}')?;
        Ok(read)
    }

    fn deserialize_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        if self.peek() != Some(b'{') {
            let name = self.string(&visitor)?;
            return visitor.visit_enum(name.as_ref().into_deserializer());
        }
        self.open(b'{', &visitor)?;
        let read = visitor.visit_enum(Variant::of(self)?)?;
        self.close(b'}')?;
        Ok(read)
    }

    fn deserialize_ignored_any<V: Visitor<'t>>(self, visitor: V) -> Read<V::Value> {
        self.skip()?;
        visitor.visit_unit()
    }
}
