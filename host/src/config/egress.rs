//! `[egress]`: what bounds outbound HTTP, and which addresses it may reach beside public ones.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use crate::destination::Cidr;

/// `[egress]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EgressConfig {
    /// How long a connection may take, from the look-up of the name to the end of the TLS handshake, in milliseconds.
    pub connect_ms: u64,
    /// How long a request may take as a whole, the wait for its turn included, in milliseconds.
    pub total_ms: u64,
    /// Headers of a request.
    pub headers: usize,
    /// All their names and values, in bytes.
    pub header_bytes: usize,
    /// The body of a request, in bytes.
    pub request_bytes: usize,
    /// The body of an answer, in bytes.
    pub response_bytes: usize,
    /// Requests in flight of one sender (a plugin, the hooks, the deliveries) to one host and port; more wait for
    /// their turn.
    pub connections_per_host: usize,
    /// Requests of plugins in flight, three quarters of them of one plugin; more wait for their turn.
    pub connections: usize,
    /// Requests to webfilters in flight; more wait for their turn.
    pub hook_connections: usize,
    /// Connections that are kept although nobody uses them: by plugins, by hooks and by deliveries, each.
    pub idle_connections: usize,
    /// Addresses that are not public and may be reached all the same.
    pub allow_cidr: Vec<Cidr>,
    /// Names that the operator pins: their addresses, instead of what DNS says. They are checked
    /// like those of DNS.
    pub resolve: BTreeMap<String, Vec<IpAddr>>,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            connect_ms: 5_000,
            total_ms: 15_000,
            headers: 100,
            header_bytes: 64 << 10,
            request_bytes: 1 << 20,
            response_bytes: 1 << 20,
            connections_per_host: 32,
            connections: 256,
            hook_connections: 128,
            idle_connections: 128,
            allow_cidr: Vec::new(),
            resolve: BTreeMap::new(),
        }
    }
}
