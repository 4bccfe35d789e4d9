//! The other side of the HTTP rows: an axum route without layers that parses JSON and answers JSON,
//! served by the host's own serving code. Must never do less or more than a handler has to.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::routing::post;
use axum::{Json, Router};
use moothall::http::serve::{BoundAddress, Listeners, Peer, ServeOptions, serve as serve_http};
use moothall_core::config::HttpConfig;
use serde::{Deserialize, Serialize};
use tower::Service;

use super::command_line::{Bench, scratch};
use super::helper_process::this_program;
use super::load::Load;
use super::server::Server;
use super::template::Template;

#[derive(Deserialize)]
struct Given {
    value: u64,
}

#[derive(Serialize)]
struct Doubled {
    value: u64,
}

/// A running server; the directory has its log.
#[derive(Debug)]
pub struct AxumServer {
    pub server: Server,
    _directory: tempfile::TempDir,
}

impl AxumServer {
    pub fn start() -> Result<Self> {
        let directory = scratch("axum")?;
        let server = Server::start(this_program("axum-server")?, &directory.path().join("log"))?;
        Ok(Self { server, _directory: directory })
    }

    pub fn load(&self, bench: &Bench) -> Load {
        Load::new(bench, &self.server, Template::new("POST", "/times-two", r#"{"value":{value}}"#))
    }
}

/// The server process itself.
pub fn serve() -> Result<()> {
    serve_routes(Router::new().route("/times-two", post(times_two)))
}

/// Serves these until standard input ends.
#[expect(clippy::print_stdout, reason = "says where it listens, as the host does")]
pub fn serve_routes(router: Router) -> Result<()> {
    let threads = std::thread::available_parallelism().context("cannot count the cores")?.get();
    let listeners =
        Listeners::bind(&BoundAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))), threads)
            .context("cannot listen")?;
    println!("listening on {}", listeners.place);
    std::thread::spawn(end_with_input);
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    let handler = move |request, _: Peer| {
        let mut router = router.clone();
        async move {
            match router.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    let config = Arc::new(HttpConfig::default());
    let connections = config.connections;
    let options = ServeOptions {
        config,
        connections,
        stop: stopping,
        is_busy: Arc::new(|| false),
        reads: None,
    };
    serve_http(listeners, options, |_| {}, handler).context("cannot serve")
}

async fn times_two(Json(given): Json<Given>) -> Json<Doubled> {
    Json(Doubled { value: given.value.wrapping_mul(2) })
}

/// Ends with its input, so that a killed benchmark leaves no server behind.
fn end_with_input() {
    // An error ends it as well.
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
    std::process::exit(0);
}
