//! When a vote ends: a moment, or a date, which drivers of Metagov's gateway send.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::Moment;

/// The end of a vote. JSON says it as a time (RFC 3339), or as a date: then it is the moment in which that day begins in
/// UTC. It is written as a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClosingTime(Moment);

impl ClosingTime {
    /// The moment.
    pub fn moment(self) -> Moment {
        self.0
    }
}

impl From<Moment> for ClosingTime {
    fn from(moment: Moment) -> Self {
        Self(moment)
    }
}

impl fmt::Display for ClosingTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for ClosingTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ClosingTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ReadingEnd)
    }
}

struct ReadingEnd;

impl Visitor<'_> for ReadingEnd {
    type Value = ClosingTime;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("a time as RFC 3339 has it (2026-01-31T12:00:00Z), or a date (2026-01-31)")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ClosingTime, E> {
        let moment = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
        moment.map(ClosingTime).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl JsonSchema for ClosingTime {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ClosingTime".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "anyOf": [{ "format": "date-time" }, { "format": "date" }] })
    }
}

#[cfg(test)]
mod tests {
    use super::ClosingTime;
    use crate::read;

    #[test]
    fn a_date_is_when_its_day_begins() {
        let read = |text: &str| read::json::<ClosingTime>(format!("\"{text}\""));
        for (text, moment) in [
            ("2026-01-31", "2026-01-31T00:00:00Z"),
            ("2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00Z"),
        ] {
            assert_eq!(read(text).expect("a time").to_string(), moment);
        }
        for text in ["soon", "2026-02-31", "2026-01-31T12:00", ""] {
            assert!(read(text).expect_err("no time").to_string().contains("or a date"), "{text}");
        }
    }
}
