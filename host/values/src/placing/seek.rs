//! Finds a value in a JSON text. It reads the text once, and keeps only where the value is.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// One part of a JSON Pointer.
#[derive(Debug)]
pub struct PointerStep {
    name: String,
    index: Option<usize>,
}

impl PointerStep {
    /// None for a `~` without `0` or `1` after it.
    pub fn parse(part: &str) -> Option<Self> {
        let mut name = String::new();
        let mut characters = part.chars();
        while let Some(character) = characters.next() {
            name.push(match character {
                '~' => match characters.next()? {
                    '0' => '~',
                    '1' => '/',
                    _ => return None,
                },
                other => other,
            });
        }
        // `01` is no index (RFC 6901).
        let index = name.parse().ok().filter(|index: &usize| index.to_string() == name);
        Some(Self { name, index })
    }

    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The part as it is written in a pointer.
    pub fn written(&self) -> String {
        format!("/{}", self.name.replace('~', "~0").replace('/', "~1"))
    }
}

/// The value at the end of the steps in a whole text, if it exists.
pub fn seek<'t>(text: &'t str, steps: &[PointerStep]) -> serde_json::Result<Option<&'t RawValue>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let found = Seek(steps).deserialize(&mut reader)?;
    reader.end()?;
    Ok(found)
}

/// The value of a member by its name, and how many members there are.
pub struct Members<'t> {
    pub named: Vec<&'t RawValue>,
    pub count: usize,
}

/// The members of an object that was read before.
pub fn members<'t>(object: &'t RawValue, name: &PointerStep) -> Members<'t> {
    let nothing = Members { named: Vec::new(), count: 0 };
    serde_json::Deserializer::from_str(object.get()).deserialize_map(Named(name)).unwrap_or(nothing)
}

/// An element of an array that was read before.
pub fn element<'t>(array: &'t RawValue, index: &PointerStep) -> Option<&'t RawValue> {
    seek(array.get(), std::slice::from_ref(index)).ok().flatten()
}

struct Seek<'s>(&'s [PointerStep]);

impl<'t> DeserializeSeed<'t> for Seek<'_> {
    type Value = Option<&'t RawValue>;

    fn deserialize<D: Deserializer<'t>>(self, reader: D) -> Result<Self::Value, D::Error> {
        match self.0.split_first() {
            None => serde::Deserialize::deserialize(reader).map(Some),
            Some((step, rest)) => reader.deserialize_any(Inside { step, rest }),
        }
    }
}

/// Looks for one step in a value, and for the remaining steps in what it finds.
struct Inside<'s> {
    step: &'s PointerStep,
    rest: &'s [PointerStep],
}

impl<'t> Visitor<'t> for Inside<'_> {
    type Value = Option<&'t RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = members.next_key::<String>()? {
            if name != self.step.name {
                members.next_value::<IgnoredAny>()?;
            } else if found.replace(members.next_value_seed(Seek(self.rest))?).is_some() {
                return Err(A::Error::custom(format!("it has `{name}` more than once")));
            }
        }
        Ok(found.flatten())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        for _ in 0..self.step.index.unwrap_or(usize::MAX) {
            if elements.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = elements.next_element_seed(Seek(self.rest))?;
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found.flatten())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

struct Named<'s>(&'s PointerStep);

impl<'t> Visitor<'t> for Named<'_> {
    type Value = Members<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = Members { named: Vec::new(), count: 0 };
        while let Some(name) = members.next_key::<String>()? {
            found.count += 1;
            if name == self.0.name {
                found.named.push(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
