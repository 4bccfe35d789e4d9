//! `[egress]`: what bounds outbound HTTP, and which addresses it may reach beside public ones.

use std::collections::BTreeMap;
use std::net::IpAddr;

use moothall_values::bounds;

use super::section::{BYTES, COUNT, MS, section};
use moothall_values::destination::Cidr;

section! {
    /// `[egress]`
    pub struct EgressConfig {
        /// How long a connection may take, from the look-up of the name to the end of the TLS handshake, in milliseconds.
        pub connect_ms: u64 = 5_000, in MS;
        /// How long a request may take as a whole, the wait for its turn included, in milliseconds.
        pub total_ms: u64 = 15_000, in MS;
        /// Headers of a request.
        pub headers: usize = bounds::REQUEST_HEADERS, in 1..=10_000;
        /// All their names and values, in bytes.
        pub header_bytes: usize = bounds::REQUEST_HEADER_BYTES, in BYTES;
        /// The body of a request, in bytes.
        pub request_bytes: usize = bounds::REQUEST_BYTES, in BYTES;
        /// The body of an answer, in bytes.
        pub response_bytes: usize = 1 << 20, in BYTES;
        /// Requests in flight of one sender (a plugin, the hooks, the deliveries) to one host and port; more wait for
        /// their turn.
        pub connections_per_host: usize = 32, in COUNT;
        /// Requests of plugins in flight, three quarters of them of one plugin; more wait for their turn.
        pub connections: usize = 256, in COUNT;
        /// Requests to webfilters in flight; more wait for their turn.
        pub hook_connections: usize = 128, in COUNT;
        /// Connections that are kept although nobody uses them: by plugins, by hooks and by deliveries, each;
        /// 0: none.
        pub idle_connections: usize = 128, in 0..=1_000_000;
        /// Addresses that are not public and may be reached all the same.
        pub allow_cidr: Vec<Cidr> = Vec::new();
        /// Names that the operator pins: their addresses, instead of what DNS says. They are checked
        /// like those of DNS.
        pub resolve: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    }
}
