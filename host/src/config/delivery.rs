//! `[delivery]` and `[driver]`: where events go, and how many at once.

use serde::Deserialize;

/// `[delivery]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryConfig {
    /// Attempts in flight in the host.
    pub in_flight: usize,
    /// Attempts in flight to one endpoint.
    pub endpoint_in_flight: usize,
    /// Attempts in flight to one endpoint that is `unordered`.
    pub unordered_in_flight: usize,
    /// Endpoints that can be configured, the driver's among them: each event looks at all of them.
    pub endpoints: usize,
    /// Event streams (`text/event-stream`) that are open at once; one more is refused with 503.
    pub streams: usize,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            in_flight: 256,
            endpoint_in_flight: 32,
            unordered_in_flight: 8,
            endpoints: 256,
            streams: 64,
        }
    }
}

/// `[driver]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DriverConfig {
    /// Where the driver receives events; also `DRIVER_EVENT_RECEIVER_URL`. Any address is allowed.
    pub event_receiver_url: Option<String>,
}
