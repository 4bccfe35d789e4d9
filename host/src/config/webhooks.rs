//! `[webhooks]`: requests of platforms that wait for their receivers.

use serde::Deserialize;

/// `[webhooks]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// Requests that wait for the receivers of one instance or are dead letters of theirs, in bytes; more are
    /// refused with 503.
    pub instance_bytes: u64,
    /// The same, counted by receiver.
    pub instance_items: u64,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self { instance_bytes: 64 << 20, instance_items: 20_000 }
    }
}
