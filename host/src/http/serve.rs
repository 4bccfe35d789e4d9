//! Listens and serves: one thread, one runtime and one listener for each core.
//!
//! The kernel spreads connections over the listeners (SO_REUSEPORT); nothing is shared between
//! the threads but what requests share anyway.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::config::HttpConfig;

/// Connections that wait to be accepted, for each listener.
const BACKLOG: i32 = 1024;
/// How often work that is left is looked at while draining.
const DRAIN_LOOK: Duration = Duration::from_millis(10);
/// How long to wait after an accept that failed, as when file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Sockets that listen on one address, one for each thread.
pub struct Listeners {
    pub address: SocketAddr,
    sockets: Vec<std::net::TcpListener>,
}

impl Listeners {
    pub fn bind(address: SocketAddr, threads: usize) -> std::io::Result<Self> {
        // Shared ports would let a second host take half of the first one's requests: whether the
        // port is free is asked by a socket that does not share.
        let address = bind(address, Port::Alone)?.local_addr()?;
        let sockets =
            (0..threads.max(1)).map(|_| bind(address, Port::Shared)).collect::<Result<_, _>>()?;
        Ok(Self { address, sockets })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Port {
    Alone,
    Shared,
}

fn bind(address: SocketAddr, port: Port) -> std::io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(port == Port::Shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if port == Port::Shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

/// What all threads share.
#[derive(Clone)]
struct Shared {
    config: HttpConfig,
    connections: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
    is_busy: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// Serves until `stop` says so and the connections have ended, or `drain_ms` have passed. Blocks.
/// `enter` is called on each thread with its number; a thread goes on while `is_busy`, because
/// work whose client is gone lives on its runtime.
pub fn serve<H, F>(
    listeners: Listeners,
    config: &HttpConfig,
    stop: watch::Receiver<bool>,
    enter: fn(usize),
    is_busy: Arc<dyn Fn() -> bool + Send + Sync>,
    handler: H,
) -> std::io::Result<()>
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let connections = Arc::new(Semaphore::new(config.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let shared = Shared { config: config.clone(), connections, stop, is_busy };
    let mut threads = Vec::new();
    for (number, socket) in listeners.sockets.into_iter().enumerate() {
        let (shared, handler) = (shared.clone(), handler.clone());
        let thread = std::thread::Builder::new().name(format!("http-{number}"));
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
    Ok(())
}

async fn accept<H, F>(
    socket: std::net::TcpListener,
    shared: Shared,
    handler: H,
) -> std::io::Result<()>
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::from_std(socket)?;
    let mut stop = shared.stop.clone();
    let mut stopped = pin!(stopped(&mut stop));
    loop {
        let next = async {
            // Never closed. At the bound, clients wait in the kernel's queue.
            let permit = shared.connections.clone().acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        tokio::select! {
            biased;
            () = &mut stopped => break,
            (permit, accepted) = next => match accepted {
                Ok((stream, _)) => start(stream, permit, shared.clone(), handler.clone()),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    drained(&shared).await;
    Ok(())
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone will not say more: stop as well.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Until no connection is open on any thread and no work is left, or time is up.
async fn drained(shared: &Shared) {
    let all = u32::try_from(shared.config.connections).unwrap_or(u32::MAX).max(1);
    let idle = async {
        drop(shared.connections.acquire_many(all).await);
        while (shared.is_busy)() {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    };
    let drain = Duration::from_millis(shared.config.drain_ms);
    if tokio::time::timeout(drain, idle).await.is_err() {
        tracing::warn!(
            ms = shared.config.drain_ms,
            "calls were still in flight after drain_ms; nothing of them is stored"
        );
    }
}

fn start<H, F>(stream: TcpStream, permit: Option<OwnedSemaphorePermit>, shared: Shared, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "this is the home of connections' tasks")]
    tokio::spawn(async move {
        connection(stream, shared, handler).await;
        drop(permit);
    });
}

async fn connection<H, F>(stream: TcpStream, shared: Shared, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Send,
    F: Future<Output = Response<Body>> + Send,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection without TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let answer = handler(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(shared.config.head_ms));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stop = shared.stop;
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
