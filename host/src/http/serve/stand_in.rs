//! Accepts the connections of a thread that hangs in a read of the store, so that a hung read delays only requests
//! which that thread had taken already.
//!
//! It listens on the thread's socket only while the thread hangs. Its own requests read on threads that may wait
//! (`store::read_aside`). When the thread is back, each connection here ends with its next answer, and its client
//! connects to the thread again.

use std::io::Result;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::http::peer::Peer;
use crate::http::serve::accept::{
    ACCEPT_PAUSE, Listener, Reads, ServeOptions, Shared, accept_all, stopped, thread_name,
};
use crate::http::serve::listeners::BoundSocket;

/// The most threads for other blocking work of its requests, besides reads.
const OTHER_THREADS: usize = 64;

/// Ends when it is dropped, without waiting for reads that hang.
pub struct StandIn(Option<Runtime>);

impl StandIn {
    pub fn start<H, F>(
        sockets: &[BoundSocket],
        shared: &Shared,
        reads: Reads,
        handler: &H,
    ) -> Result<Self>
    where
        H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let enter = reads.enter;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(reads.waiting.saturating_add(OTHER_THREADS))
            .thread_name("http-stand-in")
            .on_thread_start(move || enter())
            .enable_all()
            .build()?;
        for (number, socket) in sockets.iter().enumerate() {
            let one = OneThread {
                name: thread_name(number),
                socket: socket.again()?,
                shared: shared.clone(),
                slow: reads.slow.clone(),
                handler: handler.clone(),
            };
            drop(runtime.spawn(one.stand_by()));
        }
        Ok(Self(Some(runtime)))
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The thread that it stands in for.
struct OneThread<H> {
    name: String,
    socket: BoundSocket,
    shared: Shared,
    slow: watch::Receiver<Vec<String>>,
    handler: H,
}

impl<H, F> OneThread<H>
where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    async fn stand_by(mut self) {
        let mut stop = self.shared.options.stop.clone();
        tokio::select! {
            () = stopped(&mut stop) => {}
            () = self.take_over_when_slow() => {}
        }
    }

    /// Ends when the sender of slow reads is gone.
    async fn take_over_when_slow(&mut self) {
        let (name, mut slow) = (self.name.clone(), self.slow.clone());
        while slow.wait_for(|slow| slow.contains(&name)).await.is_ok() {
            match self.socket.again().and_then(Listener::new) {
                Ok(listener) => self.stand_in(&listener).await,
                Err(error) => {
                    tracing::warn!(%error, "nobody can stand in for the thread {name}, which waits for the store");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn stand_in(&mut self, listener: &Listener) {
        let name = self.name.as_str();
        tracing::debug!(
            "the thread {name} waits for the store: its connections are taken meanwhile"
        );
        // Dropped when the thread is back, which ends the connections here.
        let (_standing_in, over) = watch::channel(false);
        let options = ServeOptions { stop: over, ..self.shared.options.clone() };
        let shared = Shared { options, ..self.shared.clone() };
        tokio::select! {
            () = accept_all(listener, &shared, &self.handler) => {}
            _ = self.slow.wait_for(|slow| !slow.iter().any(|one| one == name)) => {}
        }
    }
}
