//! `[webhooks]`: requests of platforms that wait for their receivers.

use super::section::{BYTES, COUNT, DAY_MS, section};

section! {
    /// `[webhooks]`
    pub struct WebhooksConfig {
        /// How long the answer to a platform waits for pending processes, in milliseconds, from the request on; what
        /// they have not done by then they do afterwards. 0: it waits for none.
        pub answer_ms: u64 = 2_500, in 0..=DAY_MS;
        /// Requests that wait for the receivers of one instance or are dead letters of theirs, in bytes; more are
        /// refused with 503.
        pub instance_bytes: u64 = 64 << 20, in BYTES;
        /// The same, counted by receiver.
        pub instance_items: u64 = 20_000, in COUNT;
    }
}
