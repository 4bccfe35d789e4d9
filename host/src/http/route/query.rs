//! The query parameters that routes declare: their names and the form of their values. The host refuses all others.

use serde_json::{Value, json};

use moothall_core::ids::{PersonId, parse_number};

/// One parameter of a route's query.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether the route refuses a request without it.
    pub is_needed: bool,
    /// Details that its kind does not give.
    pub note: Option<&'static str>,
}

/// The form of its values.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Text,
    /// A boolean.
    Flag,
    /// A number, from 1 on.
    Count,
    /// Where a page begins: the number `next` of an answer.
    Position,
    Person,
    /// Several values; the only parameter that may be repeated.
    List,
    OneOf(&'static [&'static str]),
}

const fn parameter(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, is_needed: false, note: None }
}

const fn text(name: &'static str) -> Parameter {
    parameter(name, Kind::Text)
}

pub const LIMIT: Parameter = parameter("limit", Kind::Count);
/// A page after a row, by its id.
pub const AFTER: Parameter = parameter("after", Kind::Position);
/// A page after a name.
pub const AFTER_NAME: Parameter = text("after");
pub const AFTER_PERSON: Parameter = parameter("after", Kind::Person);
pub const REQUEST: Parameter = text("request_id");
pub const COMMUNITY: Parameter = text("community");
pub const PLUGIN: Parameter = text("plugin");
pub const PLATFORM_ID: Parameter = text("community_platform_id");
pub const DRY_RUN: Parameter = parameter("dry_run", Kind::Flag);
pub const ALLOW_HTTP: Parameter =
    parameter("allow_http", Kind::Flag).with_note("With `dry_run=true` alone");
pub const NAMED: Parameter = parameter("named", Kind::Flag).with_note("Of a stream alone");
pub const EVENT_TYPE: Parameter = text("type");
pub const ENDPOINT: Parameter = text("endpoint");
pub const DELIVERY_STATE: Parameter =
    parameter("state", Kind::OneOf(&["waiting", "delivered", "dead", "cancelled"]));
pub const PROCESS_STATUS: Parameter =
    parameter("status", Kind::OneOf(&["created", "pending", "completed"]));
pub const PERSON: Parameter = parameter("external_id", Kind::Person);
pub const PEOPLE: Parameter = parameter("external_id_list", Kind::List);
pub const PLATFORM_TYPE: Parameter = text("platform_type");
pub const PLATFORM_IDENTIFIER: Parameter = text("platform_identifier");
pub const LINK_TYPE: Parameter =
    parameter("link_type", Kind::OneOf(&["oauth", "manual admin", "email matching", "unknown"]));
pub const LINK_QUALITY: Parameter = parameter(
    "link_quality",
    Kind::OneOf(&["unknown", "unconfirmed", "confirmed (weak)", "confirmed (strong)"]),
);
pub const REDIRECT_URI: Parameter =
    text("redirect_uri").with_note("Needed, unless `ticket` says it");
pub const AUTHORIZATION_TYPE: Parameter = parameter("type", Kind::OneOf(&["app", "user"]));
pub const STATE: Parameter = text("state");
pub const METAGOV_ID: Parameter = parameter("metagov_id", Kind::Person);
pub const TICKET: Parameter = text("ticket");
/// A parameter that a platform sends back, among others.
pub const CALLBACK: &[Parameter] =
    &[STATE, text("code"), text("error"), text("error_description"), text("iss")];

impl Parameter {
    pub const fn needed(self) -> Self {
        Self { is_needed: true, ..self }
    }

    const fn with_note(self, note: &'static str) -> Self {
        Self { note: Some(note), ..self }
    }

    pub fn may_repeat(&self) -> bool {
        matches!(self.kind, Kind::List)
    }

    /// Whether this is its name: a list may have brackets after it, as some clients write.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.may_repeat() && name.strip_suffix("[]") == Some(self.name)
    }
}

impl Kind {
    /// What is wrong with a value.
    pub fn fault(self, value: &str) -> Option<String> {
        let number = |least: i64| parse_number(value).filter(|number| *number >= least);
        let wrong = match self {
            Self::Text | Self::List => None,
            Self::Flag => (!matches!(value, "true" | "false")).then(|| "true or false".to_owned()),
            Self::Count => {
                number(1).is_none().then(|| format!("a whole number of 1 to {}", i64::MAX))
            }
            Self::Position => number(0).is_none().then(|| {
                format!("a whole number of 0 to {}: the `next` of the page before", i64::MAX)
            }),
            Self::Person => PersonId::parse(value)
                .is_err()
                .then(|| format!("the id of a person, a whole number of 1 to {}", PersonId::MOST)),
            Self::OneOf(known) => {
                (!known.contains(&value)).then(|| format!("one of {}", known.join(", ")))
            }
        };
        wrong.map(|wanted| format!("\"{value}\" is not {wanted}"))
    }

    /// As OpenAPI has it.
    pub fn schema(self) -> Value {
        match self {
            Self::Text | Self::List => json!({ "type": "string" }),
            Self::Flag => json!({ "type": "boolean" }),
            Self::Count => json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX }),
            Self::Position => json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX }),
            Self::Person => {
                json!({ "type": "integer", "minimum": 1, "maximum": PersonId::MOST })
            }
            Self::OneOf(known) => json!({ "type": "string", "enum": known }),
        }
    }
}
