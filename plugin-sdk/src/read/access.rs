//! What stands in a list, an object, or a variant with content. An error inside learns its place here.

use std::borrow::Cow;

use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::number::Number;
use super::reader::Reader;
use crate::misfit::Misfit;

/// The items of a list.
pub struct Items<'r, 't> {
    reader: &'r mut Reader<'t>,
    count: usize,
}

impl<'r, 't> Items<'r, 't> {
    pub fn of(reader: &'r mut Reader<'t>) -> Self {
        Self { reader, count: 0 }
    }
}

impl<'t> SeqAccess<'t> for Items<'_, 't> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'t>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        if !self.reader.goes_on(b']', self.count == 0)? {
            return Ok(None);
        }
        self.count += 1;
        match seed.deserialize(&mut *self.reader) {
            Ok(item) => Ok(Some(item)),
            Err(misfit) => Err(misfit.in_item(self.count - 1)),
        }
    }
}

/// The members of an object.
pub struct Members<'r, 't> {
    reader: &'r mut Reader<'t>,
    is_first: bool,
    /// The name of the member that was read last.
    name: Cow<'t, str>,
}

impl<'r, 't> Members<'r, 't> {
    pub fn of(reader: &'r mut Reader<'t>) -> Self {
        Self { reader, is_first: true, name: Cow::Borrowed("") }
    }

    /// Moves to the next member's value.
    fn next_name(&mut self) -> Result<Option<&str>, Misfit> {
        if !self.reader.goes_on(b'}', std::mem::take(&mut self.is_first))? {
            return Ok(None);
        }
        self.name = self.reader.name()?;
        Ok(Some(&self.name))
    }
}

impl<'t> MapAccess<'t> for Members<'_, 't> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'t>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        match self.next_name()? {
            Some(name) => seed.deserialize(Name(name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'t>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        match seed.deserialize(&mut *self.reader) {
            Ok(value) => Ok(value),
            Err(misfit) => Err(misfit.in_member(&self.name)),
        }
    }
}

/// The name of a member. A map may have numbers, truth values or variants as its keys.
struct Name<'n>(&'n str);

impl Name<'_> {
    fn number(&self, expected: &dyn Expected) -> Result<Number, Misfit> {
        let mut reader = Reader::new(self.0.as_bytes())?;
        let number = reader.number(expected)?;
        reader.end()?;
        Ok(number)
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
            self.number(&visitor)?.visit(visitor)
        })*
    };
}

impl<'t> Deserializer<'t> for Name<'_> {
    type Error = Misfit;

    numbers!(
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_i8
        deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_f32 deserialize_f64
    );

    fn deserialize_bool<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => visitor.visit_str(other),
        }
    }

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'t>>
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

/// The one member of an object that stands for a variant with content.
pub struct Variant<'r, 't> {
    reader: &'r mut Reader<'t>,
    name: Cow<'t, str>,
}

impl<'r, 't> Variant<'r, 't> {
    pub fn of(reader: &'r mut Reader<'t>) -> Result<Self, Misfit> {
        let name = reader.name()?;
        Ok(Self { reader, name })
    }

    fn placed<T>(&self, read: Result<T, Misfit>) -> Result<T, Misfit> {
        match read {
            Ok(value) => Ok(value),
            Err(misfit) => Err(misfit.in_member(&self.name)),
        }
    }
}

impl<'t> EnumAccess<'t> for Variant<'_, 't> {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'t>>(self, seed: V) -> Result<(V::Value, Self), Misfit> {
        let name: StrDeserializer<'_, Misfit> = self.name.as_ref().into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'t> VariantAccess<'t> for Variant<'_, 't> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        let read = serde::Deserialize::deserialize(&mut *self.reader);
        self.placed(read)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'t>>(self, seed: T) -> Result<T::Value, Misfit> {
        let read = seed.deserialize(&mut *self.reader);
        self.placed(read)
    }

    fn tuple_variant<V: Visitor<'t>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        let read = self.reader.deserialize_seq(visitor);
        self.placed(read)
    }

    fn struct_variant<V: Visitor<'t>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let read = self.reader.deserialize_map(visitor);
        self.placed(read)
    }
}
