//! Puts the host together, runs it, and takes it down in order.
//!
//! HTTP threads make calls; a runtime of its own does what belongs to no request: loading
//! plugins, listing failed calls, purging, noticing new API keys.

mod background;
mod data;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use crate::calls::{Calls, FailedCalls};
use crate::clock::Clock;
use crate::communities::Communities;
use crate::config::{Config, Sources, load};
use crate::guest::{MemoryGauge, Sandbox, Shared, engine, enter_runtime};
use crate::http::serve::{Listeners, serve};
use crate::http::{Api, Door, Keys};
use crate::mutations::Mutations;
use crate::plugins::directory::{Depth, Directory};
use crate::plugins::{Loader, Plugins};
use crate::store::Store;

pub use data::DataDirectory;

/// Threads of the runtime for what belongs to no request.
const BACKGROUND_THREADS: usize = 2;
/// How often the calls in flight are looked at while draining.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// A host that is put together and bound, but does not answer yet.
pub struct Host {
    config: Arc<Config>,
    sources: Sources,
    listeners: Listeners,
    api: Arc<Api>,
    directory: Directory,
    failed_calls: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
    background: Runtime,
    _data: DataDirectory,
}

impl Host {
    /// Opens everything, loads what is compiled already, and binds the port.
    pub fn new(
        config: Config,
        sources: Sources,
        metrics: PrometheusHandle,
    ) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let data = DataDirectory::open(&config.data)?;
        data.lock()?;
        let plugin_directory = config.plugin_directory();
        std::fs::create_dir_all(&plugin_directory).with_context(|| {
            format!("the plugin directory {} cannot be made", plugin_directory.display())
        })?;
        let (store, clock) = (Store::open(&config.database(), &config.store)?, Clock::system());
        let keys = Keys::new(store.read(|reader| reader.api_keys())?);
        refuse_open_door(config.listen, &keys)?;
        let threads = threads(&config)?;
        let listeners = Listeners::bind(config.listen, threads).with_context(|| {
            format!("{} cannot be listened on; choose another with --listen", config.listen)
        })?;
        let background = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(BACKGROUND_THREADS)
            .thread_name("background")
            .on_thread_start(move || enter_runtime(threads))
            .enable_all()
            .build()?;

        let keyring = data.keyring()?;
        let memory = Arc::new(MemoryGauge::new(config.limits.guest_memory_bytes));
        let shared = Shared {
            store: store.clone(),
            keyring: keyring.clone(),
            clock: clock.clone(),
            memory: memory.clone(),
        };
        let sandbox = Sandbox::new(&config.limits, shared).map_err(|error| {
            anyhow::anyhow!(
                "the sandbox cannot be set up: {error:#}; lower calls or memory_bytes in [limits]"
            )
        })?;
        let plugins = Arc::new(Plugins::default());
        let loader = Loader {
            sandbox: Arc::new(sandbox),
            store: store.clone(),
            clock: clock.clone(),
            cache: data.cache(),
            runtimes: threads + 1,
        };
        let mut directory = Directory::new(plugins.clone(), loader, config.clone());
        background.block_on(directory.scan(Depth::Compiled));

        let communities = Arc::new(Communities::load(&store)?);
        let (failed, failed_calls) = FailedCalls::new(store.clone(), config.retention.queued_calls);
        let calls = Arc::new(Calls::new(
            plugins,
            communities,
            store,
            clock.clone(),
            failed,
            &config.limits,
        ));
        let mutations = Mutations { calls: calls.clone(), keyring, limits: config.limits.clone() };
        let api = Arc::new(Api {
            calls,
            mutations,
            clock,
            config: config.http.clone(),
            keys: ArcSwap::from_pointee(keys),
            metrics,
            memory,
        });
        let failed_calls = Box::pin(failed_calls);
        Ok(Self {
            config,
            sources,
            listeners,
            api,
            directory,
            failed_calls,
            background,
            _data: data,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.listeners.address
    }

    /// Answers until SIGTERM or SIGINT, then finishes what is in flight.
    pub fn run(self) -> anyhow::Result<()> {
        if !engine::has_fast_reset() {
            tracing::warn!(
                "this kernel has no PAGEMAP_SCAN (Linux 6.7): calls cost about three times as much"
            );
        }
        let (reload, reloads) = mpsc::channel(1);
        let (stop, stopping) = watch::channel(false);
        self.background.spawn(self.directory.watch(reloads));
        self.background.spawn(self.failed_calls);
        self.background.spawn(background::purge(
            self.api.calls.store.clone(),
            self.api.clock.clone(),
            self.config.clone(),
        ));
        self.background.spawn(background::notice_keys(self.api.clone()));
        self.background.spawn(background::fold_metrics(self.api.metrics.clone()));
        self.background.spawn(background::signals(self.config.clone(), self.sources, reload, stop));

        let door = Door::new(self.api.clone());
        serve(self.listeners, &self.config.http, stopping, enter_runtime, move |request| {
            door.clone().pass(request)
        })?;
        self.background
            .block_on(ended(&self.api, Duration::from_millis(self.config.http.drain_ms)));
        self.background.shutdown_timeout(DRAIN_LOOK);
        self.api.calls.store.finish().context("the database's log could not be copied")?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Until the last call has ended whose client was gone before, or time is up.
async fn ended(api: &Api, drain: Duration) {
    let calls = async {
        while api.calls.in_flight() > 0 {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    };
    if tokio::time::timeout(drain, calls).await.is_err() {
        tracing::warn!("calls were still in flight after drain_ms; nothing of them is stored");
    }
}

/// Without a key anybody who reaches the port could do anything.
fn refuse_open_door(listen: SocketAddr, keys: &Keys) -> anyhow::Result<()> {
    if listen.ip().is_loopback() || keys.are_required() {
        return Ok(());
    }
    bail!(
        "refusing to listen on {listen}: it can be reached from other machines and there is no API key; \
         create one with `moothall key create NAME`, or listen on 127.0.0.1"
    )
}

fn threads(config: &Config) -> anyhow::Result<usize> {
    match config.http.threads {
        0 => Ok(std::thread::available_parallelism()?.get()),
        threads => Ok(threads),
    }
}

/// The configuration that takes effect at SIGHUP.
fn reread(sources: &Sources, before: &Config) -> anyhow::Result<Arc<Config>> {
    let config = load(sources)?;
    if config.listen != before.listen || config.limits != before.limits {
        tracing::warn!("changes of `listen` and [limits] take effect at the next start");
    }
    Ok(Arc::new(Config {
        limits: before.limits.clone(),
        listen: before.listen,
        data: before.data.clone(),
        ..config
    }))
}
