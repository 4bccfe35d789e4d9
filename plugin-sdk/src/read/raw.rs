//! `serde_json`'s `RawValue`, which asks for the text of a value by names of its own.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess};

use crate::misfit::Misfit;

const NAME: &str = "$serde_json::private::RawValue";

pub fn is_asked_for(name: &str) -> bool {
    name == NAME
}

/// A value as it is written.
pub struct AsWritten<'t> {
    text: &'t str,
    is_named: bool,
}

impl<'t> AsWritten<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, is_named: false }
    }
}

impl<'t> MapAccess<'t> for AsWritten<'t> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'t>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        if std::mem::replace(&mut self.is_named, true) {
            return Ok(None);
        }
        let name: StrDeserializer<'_, Misfit> = NAME.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'t>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let text: StrDeserializer<'_, Misfit> = self.text.into_deserializer();
        seed.deserialize(text)
    }
}
