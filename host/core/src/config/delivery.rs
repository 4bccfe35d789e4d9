//! `[delivery]` and `[driver]`: where events go, and how many at once.

use super::section::{COUNT, MS, section};
use super::urls::receiver_url;

section! {
    /// `[delivery]`
    pub struct DeliveryConfig {
        /// The most attempts in flight in the host.
        pub in_flight: usize = 256, in COUNT;
        /// The most attempts in flight to one endpoint.
        pub endpoint_in_flight: usize = 32, in COUNT;
        /// The most attempts in flight to an `unordered` endpoint.
        pub unordered_in_flight: usize = 8, in COUNT;
        /// How long the host reads the body of an answer after its status, in milliseconds; the rest is cut
        /// off.
        pub body_ms: u64 = 2_000, in MS;
        /// The most endpoints, including the driver's: each event is compared with all of them.
        pub endpoints: usize = 256, in COUNT;
        /// The most secrets of one endpoint that sign at once: the current one, and those replaced within a
        /// day.
        pub endpoint_secrets: usize = 8, in COUNT;
        /// The most open event streams (`text/event-stream`); one more is refused with 503.
        pub streams: usize = 64, in COUNT;
    }
}

section! {
    /// `[driver]`
    pub struct DriverConfig {
        /// Where the driver receives events; also `DRIVER_EVENT_RECEIVER_URL`. Any address is allowed.
        #[serde(deserialize_with = "receiver_url")]
        pub event_receiver_url: Option<String> = None;
    }
}
