//! `[http]`: what bounds clients, and what is said to them.

use serde::Deserialize;

use super::Listen;
use crate::destination::Cidr;

/// `[http]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// The largest request body, in bytes.
    pub body_bytes: usize,
    /// Bodies of all requests in flight together, in bytes, without the first 16 KiB of each; one client may
    /// have three quarters of it. A body beyond is refused with 503.
    pub bodies_bytes: usize,
    /// How long a client may take to send a request's head, in milliseconds.
    pub head_ms: u64,
    /// The largest head of a request, its line included, in bytes; 431 beyond.
    pub head_bytes: usize,
    /// How long a client may take to send a request's body, in milliseconds.
    pub body_ms: u64,
    /// How long a client may read nothing of what waits for it, in milliseconds; then it is cut off.
    pub write_ms: u64,
    /// Open connections; more wait to be accepted. Fewer where the process may not open so many files.
    pub connections: usize,
    /// Open connections of one address (of IPv6, of one /64), but of this machine's and of
    /// `trusted_proxies`; one more is closed.
    pub connections_per_address: usize,
    /// Addresses of proxies of the operator's: their connections are not counted, and in a request of theirs
    /// `X-Forwarded-For` says whose body it is.
    pub trusted_proxies: Vec<Cidr>,
    /// Files that connections and what goes out leave to everything else: the database, plugin files, compilation.
    pub reserved_descriptors: usize,
    /// How long calls in flight may take to end after SIGTERM, in milliseconds.
    pub drain_ms: u64,
    /// Threads that serve HTTP, each with a listener of its own; 0 is one for each core.
    pub threads: usize,
    /// Where `/healthz`, `/readyz` and `/metrics` are as well, on connections and a thread of their own.
    pub operations_listen: Option<Listen>,
    /// Connections of `operations_listen`.
    pub operations_connections: usize,
    /// Where browsers reach the host, `https://plugins.example`. Needed by authorisations unless the host
    /// listens on loopback.
    pub public_url: Option<String>,
    /// A `callback_url`, and a driver's URL that is put, may be on this machine also once there is an API
    /// key.
    pub loopback_callbacks: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            bodies_bytes: 128 << 20,
            head_ms: 10_000,
            head_bytes: 64 << 10,
            body_ms: 30_000,
            write_ms: 30_000,
            connections: 10_000,
            connections_per_address: 1_000,
            trusted_proxies: Vec::new(),
            reserved_descriptors: 256,
            drain_ms: 30_000,
            threads: 0,
            operations_listen: None,
            operations_connections: 64,
            public_url: None,
            loopback_callbacks: false,
        }
    }
}
