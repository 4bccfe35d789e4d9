//! Discord's ids and other numbers of 64 bits: as numbers in JSON, and as texts, because JavaScript cannot hold such
//! numbers.

use std::borrow::Cow;
use std::fmt;

use moothall_sdk::schemars::{Schema, SchemaGenerator, json_schema};
use schemars::JsonSchema;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snowflake(pub u64);

impl fmt::Display for Snowflake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// As Discord writes it.
impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl Visitor<'_> for Reading {
    type Value = Snowflake;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an id of Discord, digits or a number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Snowflake, E> {
        Ok(Snowflake(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Snowflake, E> {
        let number = text.parse().map(Snowflake);
        number.map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl JsonSchema for Snowflake {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Snowflake".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "pattern": "^[0-9]{1,20}$", "minimum": 0 })
    }
}

#[cfg(test)]
mod tests {
    use moothall_sdk::serde_json::{from_value, json, to_value};

    use super::Snowflake;

    #[test]
    fn an_id_is_digits_or_a_number() {
        let read = |id| from_value::<Snowflake>(id).ok();
        let id = read(json!("1234567890123456789"));
        assert_eq!(id, read(json!(1_234_567_890_123_456_789_u64)));
        assert_eq!(to_value(id).expect("JSON"), json!("1234567890123456789"));
        assert_eq!((read(json!("12a")), read(json!(-1)), read(json!("-1"))), (None, None, None));
    }
}
