//! `[egress]`: limits of outbound HTTP, and which addresses it may reach besides public ones.

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
        /// How long a whole request may take, including the wait for a permit, in milliseconds.
        pub total_ms: u64 = 15_000, in MS;
        /// The most headers of a request.
        pub headers: usize = bounds::REQUEST_HEADERS, in 1..=10_000;
        /// The most bytes of their names and values.
        pub header_bytes: usize = bounds::REQUEST_HEADER_BYTES, in BYTES;
        /// The largest body of a request, in bytes.
        pub request_bytes: usize = bounds::REQUEST_BYTES, in BYTES;
        /// The largest body of an answer, in bytes.
        pub response_bytes: usize = 1 << 20, in BYTES;
        /// The most requests in flight of one sender (a plugin, the hooks, the deliveries) to one host and
        /// port; more wait.
        pub connections_per_host: usize = 32, in COUNT;
        /// The most requests of plugins in flight, three quarters of them of one plugin; more wait.
        pub connections: usize = 256, in COUNT;
        /// The most requests to webfilters in flight; more wait.
        pub hook_connections: usize = 128, in COUNT;
        /// The most idle connections that are kept, for plugins, hooks and deliveries each; 0: none.
        pub idle_connections: usize = 128, in 0..=1_000_000;
        /// Addresses that are not public and may be reached.
        pub allow_cidr: Vec<Cidr> = Vec::new();
        /// Names that the operator pins: their addresses, instead of what DNS says. They are checked
        /// like those of DNS.
        pub resolve: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    }
}
