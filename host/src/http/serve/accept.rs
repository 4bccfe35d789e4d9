//! Accepts connections and serves them; the threads and the stand-in share this.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::http::peer::Peer;
use crate::http::serve::addresses::{Addresses, Counted};
use crate::http::serve::listeners::BoundSocket;
use crate::http::serve::stream::{ConnectionStream, Socket};
use moothall_core::config::HttpConfig;

/// How often the remaining work is checked while draining.
pub const DRAIN_POLL: Duration = Duration::from_millis(10);

/// How long to wait after a failed accept, for example without free descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The settings for serving connections.
#[derive(Clone)]
pub struct ServeOptions {
    pub config: Arc<HttpConfig>,
    /// The most open connections; more wait to be accepted.
    pub connections: usize,
    pub stop: watch::Receiver<bool>,
    /// Whether there is work whose client is gone: it runs on its thread's runtime.
    pub is_busy: Arc<dyn Fn() -> bool + Send + Sync>,
    /// What can block a thread. None: its requests never wait for the disk.
    pub reads: Option<Reads>,
}

/// The list of long reads.
#[derive(Clone)]
pub struct Reads {
    /// The names of the threads that are in a long read.
    pub slow: watch::Receiver<Vec<String>>,
    /// How many reads may wait at once.
    pub waiting: usize,
    /// What each thread that may wait runs first.
    pub enter: Arc<dyn Fn() + Send + Sync>,
}

/// What all threads share.
#[derive(Clone)]
pub struct Shared {
    pub options: ServeOptions,
    pub connections: Arc<Semaphore>,
    pub addresses: Arc<Addresses>,
}

pub fn thread_name(number: usize) -> String {
    format!("http-{number}")
}

pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Within a runtime.
    pub fn new(socket: BoundSocket) -> std::io::Result<Self> {
        Ok(match socket {
            BoundSocket::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket)?),
            BoundSocket::Unix(socket) => Self::Unix(UnixListener::from_std(socket)?),
        })
    }

    pub async fn accept(&self) -> std::io::Result<(Socket, Peer)> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                (Socket::Tcp(stream), Peer::Address(from.ip().to_canonical()))
            }
            Self::Unix(listener) => (Socket::Unix(listener.accept().await?.0), Peer::Unix),
        })
    }
}

pub async fn accept<H, F>(socket: BoundSocket, shared: Shared, handler: H) -> std::io::Result<()>
where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = Listener::new(socket)?;
    let mut stop = shared.options.stop.clone();
    tokio::select! {
        biased;
        () = stopped(&mut stop) => {}
        () = accept_all(&listener, &shared, &handler) => {}
    }
    drop(listener);
    drained(&shared).await;
    Ok(())
}

/// Never ends.
pub async fn accept_all<H, F>(listener: &Listener, shared: &Shared, handler: &H)
where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    loop {
        // The semaphore is never closed. At the bound, clients wait in the kernel's queue.
        let permit = shared.connections.clone().acquire_owned().await.ok();
        match listener.accept().await {
            Ok((socket, peer)) => {
                // A refused connection is closed at once.
                if let Some(counted) = shared.addresses.admit(peer) {
                    let handler = handler.clone();
                    start((socket, peer), (permit, counted), shared.clone(), handler);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // If the sender is gone, stop as well.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Waits until no connection is open on any thread and no work is left, or time is up.
pub async fn drained(shared: &Shared) {
    let all = u32::try_from(shared.options.connections).unwrap_or(u32::MAX).max(1);
    let idle = async {
        drop(shared.connections.acquire_many(all).await);
        while (shared.options.is_busy)() {
            tokio::time::sleep(DRAIN_POLL).await;
        }
    };
    let drain_ms = shared.options.config.drain_ms;
    if tokio::time::timeout(Duration::from_millis(drain_ms), idle).await.is_err() {
        tracing::warn!(
            ms = drain_ms,
            "calls were still in flight after drain_ms; nothing of them is stored"
        );
    }
}

pub fn start<H, F>(
    (socket, peer): (Socket, Peer),
    counted: (Option<OwnedSemaphorePermit>, Counted),
    shared: Shared,
    handler: H,
) where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "this is the home of connections' tasks")]
    tokio::spawn(async move {
        connection(socket, shared.options, move |request| handler(request, peer)).await;
        drop(counted);
    });
}

pub async fn connection<H, F>(socket: Socket, options: ServeOptions, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Send,
    F: Future<Output = Response<Body>> + Send,
{
    let config = &options.config;
    let stream = ConnectionStream::new(socket, Duration::from_millis(config.write_ms));
    let service = service_fn(move |request| {
        let answer = handler(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(config.head_ms))
        .max_header_size(config.head_bytes);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stop = options.stop;
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
