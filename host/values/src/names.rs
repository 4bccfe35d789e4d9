//! Names that the contract restricts.

use crate::bounds::EVENT_TYPE_BYTES;

/// The longest name of a plugin, an action, a process, or a plugin's own kind of error.
const NAME_BYTES: usize = 50;

/// Whether it is `[a-z][a-z0-9-]{0,49}`.
pub fn is_slug(text: &str) -> bool {
    text.len() <= NAME_BYTES
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// Whether it is `[A-Za-z0-9_.: -]{1,100}`.
pub fn is_event_type(text: &str) -> bool {
    (1..=EVENT_TYPE_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b' ' | b'-'))
}
