//! Serves HTTP: one thread, one runtime and one listener per core.
//!
//! The kernel spreads connections over the listeners (SO_REUSEPORT). The threads share nothing but what requests share.

mod accept;
mod addresses;
mod listeners;
mod stand_in;
mod stream;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use tokio::sync::Semaphore;

pub use crate::http::peer::Peer;
pub use accept::{Reads, ServeOptions};
pub use listeners::{BoundAddress, Listeners};

use accept::{Shared, accept, thread_name};
use addresses::Addresses;
use stand_in::StandIn;

/// Serves until `stop` is set and the connections have ended, or `drain_ms` have passed. Blocks. `enter` is
/// called on each thread with its number.
pub fn serve<H, F>(
    listeners: Listeners,
    options: ServeOptions,
    enter: fn(usize),
    handler: H,
) -> std::io::Result<()>
where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let connections = options.connections.clamp(1, Semaphore::MAX_PERMITS);
    let config = &options.config;
    let shared = Shared {
        connections: Arc::new(Semaphore::new(connections)),
        addresses: Addresses::new(config.connections_per_address, config.trusted_proxies.clone()),
        options: ServeOptions { connections, ..options },
    };
    let Listeners { sockets, file: _file, .. } = listeners;
    let reads = shared.options.reads.clone();
    let stand_in = reads.map(|reads| StandIn::start(&sockets, &shared, reads, &handler));
    let stand_in = stand_in.transpose()?;
    let mut threads = Vec::new();
    for (number, socket) in sockets.into_iter().enumerate() {
        let (shared, handler) = (shared.clone(), handler.clone());
        let thread = std::thread::Builder::new().name(thread_name(number));
        threads.push(thread.spawn(move || {
            enter(number);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(accept(socket, shared, handler))
        })?);
    }
    for thread in threads {
        thread
            .join()
            .unwrap_or_else(|_| Err(std::io::Error::other("a thread that serves HTTP panicked")))?;
    }
    // The threads have waited for the stand-in's connections too.
    drop(stand_in);
    Ok(())
}
