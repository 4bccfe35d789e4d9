//! Events as the whole host speaks of them: their form, and what a subscription matches. Knows
//! neither store nor HTTP.

use crate::ids::InstanceId;

/// Longest event type, in bytes.
const EVENT_TYPE_BYTES: usize = 100;

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
