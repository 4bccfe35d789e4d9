//! The identifiers of everything that has one, a type each, and the only source of new ones.
//!
//! Names that come from outside become these types at the door; later code does not check them
//! again. Nothing here knows what an identifier stands for beyond its form.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use ulid::Ulid;

use crate::clock::Clock;
pub use moothall_values::names::is_slug;

/// The longest slug of a community, in bytes.
const COMMUNITY_SLUG_BYTES: usize = 50;
/// The longest request id that is taken over from a request, in bytes.
const REQUEST_ID_BYTES: usize = 128;

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(inline)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_id! {
    /// A community's row. Never used again after the community is deleted.
    CommunityId
}
row_id! {
    /// An instance's row, and its id in the HTTP API. Never used again.
    InstanceId
}
row_id! {
    /// A process's row. Never used again.
    ProcessId
}
row_id! {
    /// An endpoint's row. In the HTTP API endpoints have names of their own.
    EndpointId
}
row_id! {
    /// A delivery's row, and its id in the HTTP API.
    DeliveryId
}
row_id! {
    /// Identifies the content of a plugin file: 8 bytes of its digest.
    PluginDigestId
}
row_id! {
    /// A worker's row, and its id in the HTTP API.
    WorkerId
}
row_id! {
    /// A person's id, `external_id` in the HTTP API. Random, and small enough for every reader of JSON.
    PersonId
}
row_id! {
    /// An event's row: its place in the log, and the only cursor. Rises with each event.
    Position
}
row_id! {
    /// Rises each time an instance is reconfigured in place. Writes carry it, see `store`.
    Generation
}

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// How many positions later it is.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Default for Position {
    fn default() -> Self {
        Self::START
    }
}

impl PluginDigestId {
    /// That of no plugin file.
    pub const NONE: Self = Self(0);
}

impl Default for PluginDigestId {
    fn default() -> Self {
        Self::NONE
    }
}

impl CommunityId {
    /// Where the instances of plugins of host scope are kept: no community, and listed as none.
    pub const HOST: Self = Self(0);
}

/// Why a name was refused: the rule it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must match {0}")]
pub struct BadName(pub &'static str);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn parse(text: &str) -> Result<Self, BadName> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err(BadName($rule)) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string" })
            }
        }
    };
}

name! {
    /// A community's name in URLs and headers.
    CommunitySlug, "[A-Za-z0-9_-]{1,50}", is_community_slug
}
name! {
    /// A plugin's name, as its manifest has it.
    PluginName, "[a-z][a-z0-9-]{0,49}, and not `api` or `driver`",
    |text| is_slug(text) && !matches!(text, "api" | "driver")
}
name! {
    /// An action's name within its plugin.
    ActionSlug, "[a-z][a-z0-9-]{0,49}", is_slug
}
name! {
    /// A request's id: the caller's own, or a new one. Answered in `X-Request-Id`.
    RequestId, "1 to 128 printable ASCII characters", is_request_id
}

fn is_community_slug(text: &str) -> bool {
    (1..=COMMUNITY_SLUG_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn is_request_id(text: &str) -> bool {
    (1..=REQUEST_ID_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

impl CommunitySlug {
    /// Of `CommunityId::HOST`: a text that no community's slug is.
    pub fn of_host() -> Self {
        Self("".into())
    }
}

impl RequestId {
    pub fn new(clock: &Clock) -> Self {
        let mut text = [0; ulid::ULID_LEN];
        Self((*next_ulid(clock).array_to_str(&mut text)).into())
    }
}

/// A call's id, `call_` and a ULID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallId(Arc<str>);

impl CallId {
    pub fn new(clock: &Clock) -> Self {
        Self(format!("call_{}", next_ulid(clock)).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event's id, `evt_` and a ULID of that time (milliseconds since the Unix epoch).
pub fn new_event_id(now: i64) -> String {
    format!("evt_{}", next_ulid_at(now))
}

/// An id that sorts by time and cannot be guessed: a ULID with fresh randomness.
pub fn unguessable_ulid(clock: &Clock) -> Result<String, getrandom::Error> {
    let random = u128::from_le_bytes(random_bytes()?);
    Ok(Ulid::from_parts(clock.now_ms().unsigned_abs(), random).to_string())
}

impl CommunitySlug {
    /// A slug that cannot be guessed: 128 bits from the operating system.
    pub fn random() -> Result<Self, getrandom::Error> {
        let bytes: [u8; 16] = random_bytes()?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()))
    }
}

/// A number as answers have it, which is its only form in paths and queries: digits, of which the first is no zero.
pub fn parse_number(text: &str) -> Option<i64> {
    let is_canonical = text == "0" || !text.starts_with(['0', '+', '-']);
    text.parse().ok().filter(|_| is_canonical)
}

/// Bits of a person's id: what every reader of JSON keeps of a number.
const PERSON_BITS: u32 = 53;

impl PersonId {
    /// An id that cannot be guessed.
    pub fn random() -> Result<Self, getrandom::Error> {
        let random = u64::from_le_bytes(random_bytes()?) >> (u64::BITS - PERSON_BITS);
        Ok(Self(random.max(1).cast_signed()))
    }

    /// The greatest.
    pub const MOST: u64 = (1 << PERSON_BITS) - 1;

    pub fn parse(text: &str) -> Result<Self, BadName> {
        let number = parse_number(text).and_then(|number| Self::of(number.unsigned_abs()));
        number.ok_or(BadName("a whole number of 1 to 2^53, as it was answered"))
    }

    fn of(number: u64) -> Option<Self> {
        (1..=Self::MOST).contains(&number).then(|| Self(number.cast_signed()))
    }
}

/// As a number, or as its digits in a text.
impl<'de> Deserialize<'de> for PersonId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl de::Visitor<'_> for Either {
            type Value = PersonId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of a person")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<PersonId, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PersonId, E> {
                PersonId::parse(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// Bytes from the operating system's generator.
#[expect(clippy::disallowed_methods, reason = "this is the home of randomness")]
pub fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

thread_local! {
    /// The random part of this thread's next id. Each thread begins somewhere else and counts, so
    /// that an id on the path of every request costs no system call.
    static NEXT: Cell<Option<u128>> = const { Cell::new(None) };
}

fn next_ulid(clock: &Clock) -> Ulid {
    next_ulid_at(clock.now_ms())
}

fn next_ulid_at(now: i64) -> Ulid {
    let random = NEXT.with(|next| {
        // Without the generator ids would still be unique enough within a millisecond and thread.
        let now =
            next.get().unwrap_or_else(|| u128::from_le_bytes(random_bytes().unwrap_or_default()));
        next.set(Some(now.wrapping_add(1)));
        now
    });
    Ulid::from_parts(now.unsigned_abs(), random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rules() {
        assert!(PluginName::parse("tutorial").is_ok());
        for bad in ["", "api", "driver", "Tutorial", "1st", "a_b", &"a".repeat(51)] {
            assert!(PluginName::parse(bad).is_err(), "{bad}");
        }
        assert!(CommunitySlug::parse("my-community_1234").is_ok());
        for bad in ["", "a b", "ä", &"a".repeat(51)] {
            assert!(CommunitySlug::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_persons_id_is_a_number_that_json_keeps() {
        for good in ["1", "9007199254740991"] {
            assert_eq!(PersonId::parse(good).map(|id| id.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "0", "-1", "+1", "1.0", "9007199254740992", "x", " 1"] {
            assert!(PersonId::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(serde_json::from_str::<PersonId>("7").ok(), Some(PersonId(7)));
        assert_eq!(serde_json::from_str::<PersonId>("\"7\"").ok(), Some(PersonId(7)));
        assert!(serde_json::from_str::<PersonId>("7.5").is_err());
    }

    #[test]
    fn ids_do_not_repeat() {
        let clock = Clock::system();
        let ids: std::collections::HashSet<_> =
            (0..10_000).map(|_| RequestId::new(&clock)).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
