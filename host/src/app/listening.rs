//! Binds the addresses that the host listens on. Without an API key it binds none that other machines can reach.

use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::sync::watch;
use url::Url;

use crate::app::descriptors;
use crate::http::Api;
use crate::http::serve::ServeOptions;
use crate::http::serve::{BoundAddress, Listeners, Reads, serve};
use crate::http::{Keys, RequestMiddleware};
use moothall_core::config::{Config, Listen};
use moothall_guest::enter_runtime;
use moothall_store::read_aside;

/// The numbers of the runtimes that make calls: first those of the threads that serve HTTP.
#[derive(Clone, Copy)]
pub struct Runtimes {
    pub http: usize,
}

impl Runtimes {
    pub fn background(self) -> usize {
        self.http
    }

    pub fn stand_in(self) -> usize {
        self.http + 1
    }

    pub fn count(self) -> usize {
        self.http + 2
    }
}

/// The sockets of the API, and those for operators.
pub struct HostListeners {
    pub api: Listeners,
    operations: Option<Listeners>,
    runtimes: Runtimes,
    /// The number of the API's connections that fit under the limit of descriptors.
    pub connections: usize,
}

impl HostListeners {
    /// `files` is the limit of descriptors.
    pub fn bind(
        config: &Config,
        keys: &Keys,
        runtimes: Runtimes,
        files: u64,
    ) -> anyhow::Result<Self> {
        let operations = config.http.operations_listen.as_ref();
        for listen in std::iter::once(&config.listen).chain(operations) {
            refuse_open_door(listen, &place(listen)?, keys)?;
        }
        refuse_public_url(config.http.public_url.as_ref(), keys)?;
        Ok(Self {
            api: bind(&config.listen, runtimes.http, "--listen")?,
            runtimes,
            operations: operations
                .map(|listen| bind(listen, 1, "[http] operations_listen"))
                .transpose()?,
            connections: descriptors::connections(config, files),
        })
    }

    /// Serves until the host stops. Blocks.
    pub fn serve(self, api: &Arc<Api>, stop: watch::Receiver<bool>) -> anyhow::Result<()> {
        let options = |connections, stop, is_busy, reads| ServeOptions {
            config: api.config.clone(),
            connections,
            stop,
            is_busy,
            reads,
        };
        let operations = self.operations.map(|listeners| {
            tracing::info!("health and metrics are also at {}", listeners.place);
            let connections = api.config.operations_connections;
            let options = options(connections, stop.clone(), Arc::new(|| false), None);
            let middleware = RequestMiddleware::for_operations(api.clone());
            let handler = move |request, peer| middleware.clone().handle(request, peer);
            std::thread::spawn(move || serve(listeners, options, |_| {}, handler))
        });
        let (busy, middleware) = (api.clone(), RequestMiddleware::new(api.clone()));
        let is_busy =
            Arc::new(move || busy.calls.in_flight() > 0 || busy.mutations.in_flight() > 0);
        let handler = move |request, peer| middleware.clone().handle(request, peer);
        let reads = reads(api, self.runtimes.stand_in());
        let options = options(self.connections, stop, is_busy, Some(reads));
        serve(self.api, options, enter_runtime, handler)?;
        if let Some(operations) = operations {
            let ended = operations.join();
            ended.map_err(|_| anyhow::anyhow!("the thread of operations_listen panicked"))??;
        }
        Ok(())
    }
}

/// `runtime` is the number of the stand-in's runtime.
fn reads(api: &Api, runtime: usize) -> Reads {
    let store = &api.settings.store;
    let enter = move || {
        enter_runtime(runtime);
        read_aside();
    };
    let slow = api.context.store.health().slow_threads();
    Reads { slow, waiting: store.waiting_reads, enter: Arc::new(enter) }
}

fn place(listen: &Listen) -> anyhow::Result<BoundAddress> {
    BoundAddress::of(listen).with_context(|| format!("{listen} cannot be listened on"))
}

fn bind(listen: &Listen, threads: usize, setting: &str) -> anyhow::Result<Listeners> {
    Listeners::bind(&place(listen)?, threads)
        .with_context(|| format!("{listen} cannot be listened on; choose another with {setting}"))
}

/// Without a key, anybody who reaches the port could do anything.
fn refuse_open_door(listen: &Listen, place: &BoundAddress, keys: &Keys) -> anyhow::Result<()> {
    if place.is_local() || keys.are_required() {
        return Ok(());
    }
    bail!(
        "refusing to listen on {listen}: it can be reached from other machines and there is no API key; \
         create one with `moothall key create NAME`, or listen on 127.0.0.1"
    )
}

/// Behind a proxy, every request comes from this machine.
fn refuse_public_url(url: Option<&Url>, keys: &Keys) -> anyhow::Result<()> {
    let Some(url) = url else { return Ok(()) };
    let is_local = url.host_str().is_some_and(crate::http::is_loopback);
    if is_local || keys.are_required() {
        return Ok(());
    }
    bail!(
        "refusing to be reached at {url}: [http] public_url is not of this machine and there is no API key; \
         create one with `moothall key create NAME`, or leave public_url out"
    )
}
