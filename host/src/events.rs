//! Events as the whole host speaks of them: their form, and what a subscription matches. Knows
//! neither store nor HTTP.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::ids::{CommunityId, InstanceId};

/// Longest event type, in bytes.
const EVENT_TYPE_BYTES: usize = 100;

/// Source of what the API itself tells; matched only where it is named literally.
const API: &str = "api";

/// A stored event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub position: i64,
    pub id: String,
    pub seq: i64,
    /// The slug at that time; empty: of no community.
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
    /// What orders it within its community.
    pub key: String,
}

impl Envelope {
    /// `<source>.<event_type>`
    pub fn full_type(&self) -> String {
        format!("{}.{}", self.source, self.event_type)
    }

    pub fn json(&self) -> Value {
        let initiator = self.initiator.as_deref().map_or(Value::Null, parsed);
        let mut envelope = json!({
            "id": self.id,
            "position": self.position,
            "type": self.full_type(),
            "community": self.community,
            "source": self.source,
            "event_type": self.event_type,
            "time": rfc3339(self.time),
            "key": format!("{}/{}", self.community, self.key),
            "seq": self.seq,
            "data": parsed(&self.data),
            "initiator": initiator,
            "origin": { "kind": self.origin, "instance": self.instance, "request_id": self.request_id },
        });
        if let Some(key) = &self.dedupe_key {
            envelope["dedupe_key"] = json!(key);
        }
        envelope
    }
}

/// JSON that was checked when it was stored.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// JSON that was checked when it was stored, as it is.
pub fn raw(text: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(text.to_owned()).ok()
}

/// What an endpoint subscribes to: `source:type`, `type` of any source, with `*` only at the end.
pub fn matches(pattern: &str, source: &str, event_type: &str) -> bool {
    // `api.change` is its full type, the form in which it is known; nobody else's event is meant by it.
    if let Some(kind) = pattern.strip_prefix("api.") {
        return source == API && kind == event_type;
    }
    let (of, kind) = parts(pattern);
    if source == API {
        return of == Some(API) && kind == event_type;
    }
    of.is_none_or(|of| of == source)
        && match kind.strip_suffix('*') {
            Some(begin) => event_type.starts_with(begin),
            None => event_type == kind,
        }
}

/// Whether whatever `narrow` matches, `wide` matches too.
pub fn covers(wide: &str, narrow: &str) -> bool {
    let ((wide_of, wide_kind), (of, kind)) = (parts(wide), parts(narrow));
    // What the API tells is named literally.
    if of == Some(API) || narrow.starts_with("api.") {
        return wide == narrow;
    }
    wide_of.is_none_or(|wide| of == Some(wide))
        && match wide_kind.strip_suffix('*') {
            Some(begin) => kind.strip_suffix('*').unwrap_or(kind).starts_with(begin),
            None => wide_kind == kind,
        }
}

/// The source, if the pattern names one, and the type.
fn parts(pattern: &str) -> (Option<&str>, &str) {
    pattern.split_once(':').map_or((None, pattern), |(of, kind)| (Some(of), kind))
}

/// Why a text is no pattern of a subscription.
pub fn pattern_fault(pattern: &str) -> Option<&'static str> {
    let kind = pattern.split_once(':').map_or(pattern, |(_, kind)| kind);
    let begin = kind.strip_suffix('*').unwrap_or(kind);
    let source = pattern.split_once(':').map(|(source, _)| source);
    if pattern.contains('*') && (begin.contains('*') || source.is_some_and(|of| of.contains('*'))) {
        return Some("`*` may stand only at its end");
    }
    if source.is_some_and(|source| !is_event_type(source)) {
        return Some("before the first `:` stands a source");
    }
    if kind != "*" && !is_event_type(begin) {
        return Some("an event type matches [A-Za-z0-9_.: -]{1,100}");
    }
    None
}

/// Within which dedupe keys of published events are unique.
pub fn published_scope(community: CommunityId, source: &str) -> String {
    format!("published/{community}/{source}")
}

/// `[A-Za-z0-9_.: -]{1,100}`
pub fn is_event_type(text: &str) -> bool {
    (1..=EVENT_TYPE_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b' ' | b'-'))
}

/// Within which a plugin's dedupe keys are unique.
pub fn instance_scope(instance: InstanceId) -> String {
    format!("instance/{instance}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_match_by_source_and_type() {
        for (pattern, source, event_type, expected) in [
            ("*", "discourse", "post_created", true),
            ("post_created", "discourse", "post_created", true),
            ("post_created", "slack", "post_created", true),
            ("post_created", "discourse", "post_created_late", false),
            ("post*", "discourse", "post_created", true),
            ("discourse:*", "discourse", "post_created", true),
            ("discourse:*", "slack", "post_created", false),
            ("discourse:a:b", "discourse", "a:b", true),
            ("*", "api", "change", false),
            ("api:*", "api", "change", false),
            ("change", "api", "change", false),
            ("api.change", "api", "change", true),
            ("api.change", "slack", "api.change", false),
            ("slack:api.change", "slack", "api.change", true),
            ("api:change", "api", "change", true),
        ] {
            assert_eq!(
                matches(pattern, source, event_type),
                expected,
                "{pattern} {source}:{event_type}"
            );
        }
    }

    #[test]
    fn a_pattern_covers_what_matches_less() {
        for (wide, narrow) in [
            ("*", "discourse:*"),
            ("*", "post*"),
            ("discourse:*", "discourse:post_created"),
            ("post*", "discourse:post_*"),
            ("post_created", "slack:post_created"),
            ("api.change", "api.change"),
        ] {
            assert!(covers(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [
            ("discourse:*", "*"),
            ("discourse:*", "slack:*"),
            ("post_created", "post*"),
            ("*", "api.change"),
            ("*", "api:change"),
        ] {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
    }

    #[test]
    fn a_star_stands_at_the_end_alone() {
        for good in ["*", "a*", "discourse:*", "post_created", "a:b:c", "api.change"] {
            assert_eq!(pattern_fault(good), None, "{good}");
        }
        for bad in ["", "*a", "a*b", "**", "*:a", "a*:b", ":a", "a:", "ä"] {
            assert!(pattern_fault(bad).is_some(), "{bad}");
        }
    }
}
