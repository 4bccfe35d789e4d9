//! `[http]`: what bounds clients, and what is said to them.

use url::Url;

use super::Listen;
use super::section::{BYTES, COUNT, MS, section};
use super::urls::public_url;
use moothall_values::destination::Cidr;

section! {
    /// `[http]`
    pub struct HttpConfig {
        /// The largest request body, in bytes.
        pub body_bytes: usize = 1 << 20, in BYTES;
        /// Bodies of all requests in flight together, in bytes, without the first 16 KiB of each; one client may
        /// have three quarters of it. A body beyond is refused with 503.
        pub bodies_bytes: usize = 128 << 20, in BYTES;
        /// How long a client may take to send a request's head, in milliseconds.
        pub head_ms: u64 = 10_000, in MS;
        /// The largest head of a request, its line included, in bytes; 431 beyond.
        pub head_bytes: usize = 64 << 10, in 8_192..=409_600;
        /// How long a client may take to send a request's body, in milliseconds.
        pub body_ms: u64 = 30_000, in MS;
        /// How long a client may read nothing of what waits for it, in milliseconds; then it is cut off.
        pub write_ms: u64 = 30_000, in MS;
        /// Open connections; more wait to be accepted. Fewer where the process may not open so many files.
        pub connections: usize = 10_000, in COUNT;
        /// Open connections of one address (of IPv6, of one /64), but of this machine's and of
        /// `trusted_proxies`; one more is closed.
        pub connections_per_address: usize = 1_000, in COUNT;
        /// Addresses of proxies of the operator's: their connections are not counted, and in a request of theirs
        /// `X-Forwarded-For` says whose body it is.
        pub trusted_proxies: Vec<Cidr> = Vec::new();
        /// Files that connections and what goes out leave to everything else: the database, plugin files, compilation.
        pub reserved_descriptors: usize = 256, in COUNT;
        /// How long calls and deliveries in flight may take to end after SIGTERM, in milliseconds: less than the 30 s after
        /// which Kubernetes kills.
        pub drain_ms: u64 = 25_000, in MS;
        /// Threads that serve HTTP, each with a listener of its own; 0 is one for each core.
        pub threads: usize = 0, in 0..=1_024;
        /// Where `/healthz`, `/readyz` and `/metrics` are as well, on connections and a thread of their own.
        pub operations_listen: Option<Listen> = None;
        /// Connections of `operations_listen`.
        pub operations_connections: usize = 64, in COUNT;
        /// Where browsers reach the host, `https://plugins.example`. Needed by authorisations unless the host
        /// listens on loopback.
        #[serde(deserialize_with = "public_url")]
        pub public_url: Option<Url> = None;
        /// A `callback_url`, and a driver's URL that is put, may be on this machine also once there is an API
        /// key.
        pub loopback_callbacks: bool = false;
    }
}
