//! How a manifest names what the operator sets.

/// The prefix by which a manifest names the operator's settings: a secret is `settings:<name>`, a value
/// `settings:/pointer`.
pub const SETTINGS: &str = "settings:";
