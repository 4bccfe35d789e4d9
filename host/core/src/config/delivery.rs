//! `[delivery]` and `[driver]`: where events go, and how many at once.

use serde::Deserialize;

use super::section::{COUNT, MS, section};
use super::urls::receiver_url;

section! {
    /// `[delivery]`
    pub struct DeliveryConfig {
        /// Attempts in flight in the host.
        pub in_flight: usize = 256, in COUNT;
        /// Attempts in flight to one endpoint.
        pub endpoint_in_flight: usize = 32, in COUNT;
        /// Attempts in flight to one endpoint that is `unordered`.
        pub unordered_in_flight: usize = 8, in COUNT;
        /// How long the body of an answer is waited for once its status is there, in milliseconds; what comes later is
        /// cut off.
        pub body_ms: u64 = 2_000, in MS;
        /// Endpoints that can be configured, the driver's among them: each event looks at all of them.
        pub endpoints: usize = 256, in COUNT;
        /// Secrets of one endpoint that sign at once: the one it has, and those replaced within a day.
        pub endpoint_secrets: usize = 8, in COUNT;
        /// Event streams (`text/event-stream`) that are open at once; one more is refused with 503.
        pub streams: usize = 64, in COUNT;
    }
}

/// `[driver]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DriverConfig {
    /// Where the driver receives events; also `DRIVER_EVENT_RECEIVER_URL`. Any address is allowed.
    #[serde(deserialize_with = "receiver_url")]
    pub event_receiver_url: Option<String>,
}
