//! `[http]`: limits on clients, and where the host listens for them.

use url::Url;

use super::listen::Listen;
use super::section::{BYTES, COUNT, MS, section};
use super::urls::public_url;
use moothall_values::destination::Cidr;

section! {
    /// `[http]`
    pub struct HttpConfig {
        /// The largest request body, in bytes.
        pub body_bytes: usize = 1 << 20, in BYTES;
        /// The bodies of all requests in flight together, in bytes, without the first 16 KiB of each; one
        /// client may have three quarters of it. A body beyond it is refused with 503.
        pub bodies_bytes: usize = 128 << 20, in BYTES;
        /// How long a client may take to send a request's head, in milliseconds.
        pub head_ms: u64 = 10_000, in MS;
        /// The largest head of a request, including its request line, in bytes; a larger one is 431.
        pub head_bytes: usize = 64 << 10, in 8_192..=409_600;
        /// How long a client may take to send a request's body, in milliseconds.
        pub body_ms: u64 = 30_000, in MS;
        /// How long a client may read nothing of its answer, in milliseconds; then it is disconnected.
        pub write_ms: u64 = 30_000, in MS;
        /// The most open connections; more wait to be accepted. Fewer if the process may not open so many
        /// files.
        pub connections: usize = 10_000, in COUNT;
        /// The most open connections of one address (for IPv6, of one /64), except of this machine and
        /// `trusted_proxies`; one more is closed.
        pub connections_per_address: usize = 1_000, in COUNT;
        /// Addresses of the operator's proxies: their connections are not counted, and the host believes their
        /// `X-Forwarded-For`.
        pub trusted_proxies: Vec<Cidr> = Vec::new();
        /// How many descriptors connections leave to everything else: the database, plugin files, compilation.
        pub reserved_descriptors: usize = 256, in COUNT;
        /// How long calls and deliveries in flight may take after SIGTERM, in milliseconds: less than the 30 s
        /// after which Kubernetes kills.
        pub drain_ms: u64 = 25_000, in MS;
        /// The threads that serve HTTP, each with a listener of its own; 0 is one for each core.
        pub threads: usize = 0, in 0..=1_024;
        /// A second address for `/healthz`, `/readyz` and `/metrics`, with connections and a thread of its own.
        pub operations_listen: Option<Listen> = None;
        /// The most connections to `operations_listen`.
        pub operations_connections: usize = 64, in COUNT;
        /// Where browsers reach the host, `https://plugins.example`. Needed by authorisations unless the host
        /// listens on loopback.
        #[serde(deserialize_with = "public_url")]
        pub public_url: Option<Url> = None;
        /// Whether a `callback_url`, and a URL that a driver sets, may be on this machine also once there is an
        /// API key.
        pub loopback_callbacks: bool = false;
    }
}
