//! `[webhooks]`: limits of stored webhooks, and of the wait for an answer.

use super::section::{BYTES, COUNT, DAY_MS, section};

section! {
    /// `[webhooks]`
    pub struct WebhooksConfig {
        /// How long the answer to a platform waits for pending processes, in milliseconds since the request;
        /// they finish afterwards. 0: it does not wait.
        pub answer_ms: u64 = 2_500, in 0..=DAY_MS;
        /// The stored webhooks of one instance that wait or are dead letters, in bytes; more are refused with
        /// 503.
        pub instance_bytes: u64 = 64 << 20, in BYTES;
        /// The same, as a number of items.
        pub instance_items: u64 = 20_000, in COUNT;
    }
}
