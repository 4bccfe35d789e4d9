//! A receiver of deliveries: it counts what it gets, or never answers. Must do no more than that, because it shares the
//! cores with the host that is being measured.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};

use super::axum_server::serve_routes;
use super::command_line::scratch;
use super::exchange::exchange;
use super::helper_process::this_program;
use super::server::Server;
use super::template::Template;

/// The time between two reads of the count.
const POLL: Duration = Duration::from_millis(5);

static RECEIVED: AtomicU64 = AtomicU64::new(0);

/// A running receiver; the directory has its log.
#[derive(Debug)]
pub struct Receiver {
    server: Server,
    _directory: tempfile::TempDir,
}

impl Receiver {
    pub fn start() -> Result<Self> {
        let directory = scratch("receiver")?;
        let server = Server::start(this_program("receiver")?, &directory.path().join("log"))?;
        Ok(Self { server, _directory: directory })
    }

    /// The URL whose POSTs are counted and answered with 200.
    pub fn healthy(&self) -> String {
        format!("http://{}/events", self.server.address)
    }

    /// The URL whose POSTs are never answered.
    pub fn hanging(&self) -> String {
        format!("http://{}/hang", self.server.address)
    }

    /// How many POSTs it has answered.
    pub fn count(&self) -> Result<u64> {
        let answer = exchange(self.server.address, &Template::new("GET", "/count", ""))?;
        answer.body.parse().context("the receiver's count is no number")
    }

    /// Waits until it has answered this many.
    pub fn wait_for_count(&self, count: u64, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        loop {
            let received = self.count()?;
            if received >= count {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{received} deliveries of {count} came within {} s",
                within.as_secs()
            );
            thread::sleep(POLL);
        }
    }
}

/// The receiver process itself.
pub fn serve() -> Result<()> {
    let routes = Router::new()
        .route("/events", post(receive))
        .route("/hang", post(std::future::pending::<()>))
        .route("/count", get(async || RECEIVED.load(Ordering::Relaxed).to_string()));
    serve_routes(routes)
}

/// Reads the whole body, as a driver does.
async fn receive(_body: Bytes) {
    RECEIVED.fetch_add(1, Ordering::Relaxed);
}
