//! Events as the whole host uses them. Knows neither store nor HTTP.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use crate::clock::rfc3339;
use crate::ids::{CommunityId, InstanceId, Position};
use moothall_values::json::Object;
pub use moothall_values::names::is_event_type;
pub use moothall_values::subscriptions::{
    MATCHES_NOTHING, covers, is_of_api, matches, matches_nothing, pattern_fault,
};

/// A stored event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub position: Position,
    pub id: String,
    pub seq: i64,
    /// The community's slug at that time; empty: of no community.
    pub community: String,
    /// None: of no community.
    pub of: Option<CommunityId>,
    pub source: String,
    pub event_type: String,
    /// Milliseconds since the Unix epoch.
    pub time: i64,
    /// JSON.
    pub data: String,
    /// JSON.
    pub initiator: Option<String>,
    pub dedupe_key: Option<String>,
    pub origin: String,
    pub instance: Option<i64>,
    pub request_id: String,
    /// Events of one community with the same key are delivered in their order.
    pub key: String,
}

/// What `json` writes.
impl JsonSchema for Envelope {
    fn schema_name() -> Cow<'static, str> {
        "Event".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An entry of the event log.",
            "type": "object",
            "required": ["id", "position", "type", "community", "source", "event_type", "time", "key", "seq", "data",
                "initiator", "origin"],
            "properties": {
                "id": { "type": "string" },
                "position": { "description": "Where it is in the log", "type": "integer" },
                "type": { "description": "`<source>.<event_type>`", "type": "string" },
                "community": { "description": "Empty: of none", "type": "string" },
                "source": { "type": "string" },
                "event_type": { "type": "string" },
                "time": { "type": "string", "format": "date-time" },
                "key": { "description": "Events with the same key are in order", "type": "string" },
                "seq": { "description": "Increases by one for each event with the same key", "type": "integer" },
                "data": { "description": "Its source's" },
                "initiator": { "description": "Its source's" },
                "origin": {
                    "type": "object",
                    "required": ["kind", "instance", "request_id"],
                    "properties": {
                        "kind": { "type": "string" },
                        "instance": { "type": ["integer", "null"] },
                        "request_id": { "type": "string" },
                    },
                },
                "dedupe_key": { "type": "string" },
            },
        })
    }
}

impl Envelope {
    /// `<source>.<event_type>`
    pub fn full_type(&self) -> String {
        format!("{}.{}", self.source, self.event_type)
    }

    /// The event as everybody sees it: a JSON text.
    pub fn json(&self) -> String {
        let origin = json!({ "kind": self.origin, "instance": self.instance, "request_id": self.request_id });
        let mut envelope = Object::new()
            .with("id", self.id.as_str())
            .with("position", self.position.0)
            .with("type", self.full_type())
            .with("community", self.community.as_str())
            .with("source", self.source.as_str())
            .with("event_type", self.event_type.as_str())
            .with("time", rfc3339(self.time))
            .with("key", format!("{}/{}", self.community, self.key))
            .with("seq", self.seq)
            .carrying("data", &self.data)
            .carrying("initiator", self.initiator.as_deref().unwrap_or("null"))
            .with("origin", origin);
        if let Some(key) = &self.dedupe_key {
            envelope = envelope.with("dedupe_key", key.as_str());
        }
        envelope.end()
    }
}

/// The scope in which dedupe keys of published events are unique.
pub fn published_scope(community: CommunityId, source: &str) -> String {
    format!("published/{community}/{source}")
}

/// The scope in which a plugin's dedupe keys are unique.
pub fn instance_scope(instance: InstanceId) -> String {
    format!("instance/{instance}")
}
