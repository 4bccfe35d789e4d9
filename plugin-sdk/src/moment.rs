//! A point in time, which JSON says as RFC 3339.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use moothall_values::moment::{A_MOMENT, Moment as Time};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::{Error, Result};

/// A point in time between the years 0 and 9999. In JSON it is a text, `2026-01-31T12:00:00Z`; its schema is
/// `{"type": "string", "format": "date-time"}`, so that the host refuses other texts and says what to write. It is
/// read with any offset from UTC, and written in UTC.
///
/// ```
/// use std::time::Duration;
///
/// use moothall_sdk::Moment;
/// use moothall_sdk::prelude::*;
/// # use moothall_sdk::testing::Host;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Meeting {
///     begins: Moment,
/// }
///
/// #[derive(Serialize, JsonSchema)]
/// struct Announced {
///     /// When people are reminded of it.
///     reminder: Moment,
/// }
///
/// struct Calendar;
///
/// #[plugin(name = "calendar")]
/// impl Calendar {
///     #[action(slug = "announce")]
///     fn announce(&self, Meeting { begins }: Meeting) -> Result<Announced> {
///         if begins < Moment::now() {
///             return Err(Error::invalid("'begins' is in the past"));
///         }
///         Ok(Announced { reminder: begins.minus(Duration::from_secs(3_600))? })
///     }
/// }
///
/// # let mut host = Host::new(Calendar);
/// # let answer = host.action("announce", json!({ "begins": "2100-01-31T13:00:00+01:00" }));
/// # assert_eq!(answer, Ok(json!({ "reminder": "2100-01-31T11:00:00Z" })));
/// # let refused = host.action("announce", json!({ "begins": "tomorrow" })).expect_err("no moment");
/// # assert!(refused.message().starts_with("at `/begins`: \"tomorrow\" is not a time as RFC 3339"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Time);

impl Moment {
    /// This very millisecond.
    #[expect(clippy::disallowed_methods, reason = "a guest has no other clock than its host's")]
    pub fn now() -> Self {
        let since_1970 =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let ms = i64::try_from(since_1970.as_millis()).unwrap_or_default();
        // A clock that shows a fifth digit of the year shows the last moment for good.
        Self::from_unix_ms(ms).unwrap_or(Self(Time::LAST))
    }

    /// The moment so many seconds after 1970 began, in UTC. `invalid`: its year has more than four digits.
    pub fn from_unix_s(s: i64) -> Result<Self> {
        Self::at(i128::from(s) * SECOND_NS)
    }

    /// The same in milliseconds.
    pub fn from_unix_ms(ms: i64) -> Result<Self> {
        Self::at(i128::from(ms) * MILLISECOND_NS)
    }

    /// The seconds since 1970 began; negative before.
    pub fn unix_s(self) -> i64 {
        self.0.second()
    }

    /// The milliseconds since 1970 began; negative before.
    pub fn unix_ms(self) -> i64 {
        self.0.second() * 1_000 + i64::from(self.0.nanosecond() / 1_000_000)
    }

    /// The moment that is this much later. `invalid`: it is after the year 9999.
    pub fn plus(self, duration: Duration) -> Result<Self> {
        Self::at(self.unix_ns() + nanoseconds_of(duration))
    }

    /// The moment that is this much earlier. `invalid`: it is before the year 0.
    pub fn minus(self, duration: Duration) -> Result<Self> {
        Self::at(self.unix_ns() - nanoseconds_of(duration))
    }

    /// How much time has passed since an earlier moment; none if that is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        let passed = u128::try_from(self.unix_ns() - earlier.unix_ns());
        Duration::from_nanos_u128(passed.unwrap_or_default())
    }

    /// The nanoseconds since 1970 began; negative before.
    pub fn unix_ns(self) -> i128 {
        i128::from(self.0.second()) * SECOND_NS + i128::from(self.0.nanosecond())
    }

    fn at(nanoseconds: i128) -> Result<Self> {
        let second = i64::try_from(nanoseconds.div_euclid(SECOND_NS)).ok();
        let within = u32::try_from(nanoseconds.rem_euclid(SECOND_NS)).unwrap_or_default();
        let time = second.and_then(|second| Time::new(second, within));
        time.map(Self).ok_or_else(|| Error::invalid("a moment is between the years 0 and 9999"))
    }
}

const MILLISECOND_NS: i128 = 1_000_000;
const SECOND_NS: i128 = 1_000_000_000;

/// The longest duration has 95 bits.
fn nanoseconds_of(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// `invalid`: the text is no moment.
impl FromStr for Moment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let time = Time::parse(text).map(Self);
        time.ok_or_else(|| Error::invalid(format!("`{text}` is not {A_MOMENT}")))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_str(Reading)
    }
}

struct Reading;

impl Visitor<'_> for Reading {
    type Value = Moment;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(A_MOMENT)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Moment, E> {
        let time = Time::parse(text).map(Moment);
        time.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::Moment;
    use crate::{ErrorKind, read};

    fn moment(text: &str) -> Moment {
        text.parse().expect("a moment")
    }

    #[test]
    fn time_passes_forwards_and_backwards() {
        let (early, late) = (moment("1969-12-31T23:59:59.75Z"), moment("1970-01-01T00:00:01.25Z"));
        let between = Duration::from_millis(1_500);
        assert_eq!((early.plus(between), late.minus(between)), (Ok(late), Ok(early)));
        assert_eq!((late.since(early), early.since(late)), (between, Duration::ZERO));
        assert_eq!((early.unix_s(), early.unix_ms(), late.unix_ms()), (-1, -250, 1_250));
        assert_eq!(Moment::from_unix_ms(-250), Ok(early));
        assert_eq!(Moment::from_unix_s(0), Ok(moment("1970-01-01T00:00:00Z")));
    }

    #[test]
    fn no_moment_is_beyond_four_digits_of_a_year() {
        for beyond in [
            moment("9999-12-31T23:59:59Z").plus(Duration::from_secs(1)),
            moment("0000-01-01T00:00:00Z").minus(Duration::from_nanos(1)),
            Moment::now().plus(Duration::MAX),
            Moment::now().minus(Duration::MAX),
            Moment::from_unix_ms(i64::MAX),
            Moment::from_unix_s(i64::MIN),
        ] {
            assert_eq!(beyond.expect_err("no year").kind(), &ErrorKind::Invalid);
        }
    }

    #[test]
    fn a_moment_is_a_text_in_json_and_another_text_is_named_with_its_place() {
        let read = |json: &str| read::json::<BTreeMap<String, Moment>>(json);
        let closed =
            &read(r#"{"closed":"2026-01-31T13:00:00+01:00"}"#).expect("a moment")["closed"];
        let written = serde_json::to_string(closed).expect("JSON");
        assert_eq!(written, r#""2026-01-31T12:00:00Z""#);
        let refused = read(r#"{"closed":"soon"}"#).expect_err("no moment").to_string();
        assert!(
            refused.starts_with(
                "at /closed: invalid value: string \"soon\", expected a time as RFC 3339"
            ),
            "{refused}"
        );
        assert!(read(r#"{"closed":7}"#).is_err());
        let refused = "soon".parse::<Moment>().expect_err("no moment");
        assert!(refused.message().contains("`soon` is not a time as RFC 3339"), "{refused}");
    }
}
