//! Puts the host together, runs it, and takes it down in order.
//!
//! HTTP threads make calls; a runtime of its own does what belongs to no request: loading
//! plugins, listing failed calls, purging, noticing new API keys.

mod background;
mod data;
mod descriptors;
mod due_times;
mod key;
mod listening;
mod names;
mod purge;
mod started;
mod tasks;
mod unwritten;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use arc_swap::ArcSwap;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::http::Api;
use crate::http::serve::Place;
use crate::http::{Bodies, CachedDocument, Keys, Running, Streams, openapi_document};
use moothall_background::monitoring::Takers;
use moothall_background::scheduler::Scheduler;
use moothall_background::webhooks::Webhooks;
use moothall_background::workers::Workers;
use moothall_core::clock::{Clock, ClockWatch};
use moothall_core::config::{Config, Sources, clock_file, load};
use moothall_core::day_budget::DayBudgets;
use moothall_core::telemetry::{Lost, Numbers};
use moothall_deliveries::{Circuits, LocalReach, Outbox, driver};
use moothall_egress::{Egress, Sender};
use moothall_engine::calls::{Calls, FailedCalls};
use moothall_engine::communities::Communities;
use moothall_engine::context::Context;
use moothall_engine::hooks::{HookSchemas, Hooks};
use moothall_engine::host_scope::{Closing, HostScope};
use moothall_engine::mutations::Mutations;
use moothall_engine::oauth::OAuth;
use moothall_engine::plugins::directory::{Depth, Directory};
use moothall_engine::plugins::{Apart, Loader, Plugins};
use moothall_guest::{Quotas, Sandbox, Shared, engine, enter_runtime};
use moothall_store::{Store, WebhookBounds, Wrong};

pub use data::DataDirectory;

use listening::{Listening, Runtimes};
use tasks::{Failed, Tasks};
use unwritten::Unwritten;

/// Threads of the runtime for what belongs to no request.
const BACKGROUND_THREADS: usize = 2;
/// How often what plugins and drivers had stored today is written.
const BUDGETS_KEPT: Duration = Duration::from_secs(5);
/// How often it is looked whether something has ended.
const ENDED_LOOK: Duration = Duration::from_millis(10);
/// How long background work may take to end after the last connection.
const BACKGROUND_END: Duration = Duration::from_millis(100);

/// A host that is put together and bound, but does not answer yet.
pub struct Host {
    config: Arc<Config>,
    sources: Sources,
    listening: Listening,
    api: Arc<Api>,
    directory: Directory,
    budgets: Arc<DayBudgets>,
    outbox: Outbox,
    unwritten: Unwritten,
    clock: ClockWatch,
    host_scope: HostScope,
    stop: watch::Sender<bool>,
    failed_calls: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
    signals: background::Signals,
    lost: Lost,
    background: Runtime,
    _data: DataDirectory,
}

impl Host {
    /// Opens everything, loads what is compiled already, and binds the port.
    pub fn new(
        config: Config,
        sources: Sources,
        metrics: PrometheusHandle,
        lost: Lost,
    ) -> anyhow::Result<Self> {
        let files = descriptors::raise();
        let data = DataDirectory::open(&config.data)?;
        data.lock()?;
        let store = Store::open(&config.database(), &config.store)?;
        let mut config = config;
        config.limits.set_day_bytes(store.bound_bytes());
        let config = Arc::new(config);
        let budgets = Arc::new(DayBudgets::restored(store.read(|reader| reader.stored_days())?));
        let clock = clock_file().map_or_else(|| Ok(Clock::system()), Clock::driven_by)?;
        let seen = store.read(|reader| reader.clock_seen())?;
        let watch = ClockWatch::new(clock.clone(), seen, config.clock.trust());
        let keys = Keys::new(store.read(|reader| reader.api_keys())?);
        let runtimes = Runtimes { http: threads(&config)? };
        let listening = Listening::bind(&config, &keys, runtimes, files)?;
        let local = LocalReach::new(config.http.loopback_callbacks, keys.are_required());
        let background = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(BACKGROUND_THREADS)
            .thread_name("background")
            .on_thread_start(move || enter_runtime(runtimes.background()))
            .enable_all()
            .build()?;

        let signals = background.block_on(async { background::Signals::new() });
        let signals = signals.context("signals cannot be received")?;
        let mut unwritten = Unwritten::default();
        let keyring = background.block_on(key::keyring(&store, &data.key(), &mut unwritten))?;
        let quotas = Arc::new(Quotas::new(&config));
        let egress = Egress::new(&config.egress)?;
        let shared = Shared {
            store: store.clone(),
            keyring: keyring.clone(),
            clock: clock.clone(),
            quotas: quotas.clone(),
            egress: egress.clone(),
            numbers: Numbers(metrics.clone()),
        };
        let sandbox = Sandbox::new(&config.pool_limits(), shared).map_err(|error| {
            anyhow::anyhow!(
                "the sandbox cannot be set up: {error:#}; lower calls, residents, memory_bytes or memories_per_component in [limits]"
            )
        })?;
        engine::require_native_code(sandbox.engine()).map_err(anyhow::Error::msg)?;
        let plugins = Arc::new(Plugins::default());
        let apart = Apart::default();
        let loader = Loader {
            sandbox: Arc::new(sandbox),
            store: store.clone(),
            clock: clock.clone(),
            cache: data.cache(),
            runtimes: runtimes.count(),
            apart: apart.clone(),
            budgets: budgets.clone(),
        };
        let mut directory = Directory::new(plugins.clone(), loader, config.clone());
        background.block_on(directory.make()).with_context(|| {
            format!("the plugin directory {} cannot be made", config.plugin_directory().display())
        })?;
        background.block_on(directory.scan(Depth::Compiled));

        let receiver = config.driver.event_receiver_url.clone();
        let cannot = |error| anyhow::anyhow!("the driver's endpoint cannot be set up: {error}");
        let start = driver::start(&store, &keyring, receiver, clock.now_ms()).map_err(cannot)?;
        background
            .block_on(unwritten.write(&store, "the driver's endpoint", start))
            .map_err(|error| cannot(error.into()))?;
        let circuits = Circuits::default();
        let outbox = Outbox::new(
            store.clone(),
            egress.clone(),
            keyring.clone(),
            clock.clone(),
            config.delivery.clone(),
            local.clone(),
            circuits.clone(),
        );
        let (stop, stopping) = watch::channel(false);

        let communities = Arc::new(Communities::load(&store)?);
        let (failed, failed_calls) = FailedCalls::new(store.clone(), config.retention.queued_calls);
        let context = Arc::new(Context { store, plugins, communities, clock, keyring });
        let calls = Arc::new(Calls::new(context.clone(), failed, &config.limits));
        let mutations = Mutations {
            calls: calls.clone(),
            context: context.clone(),
            limits: config.limits.clone(),
            in_flight: Arc::default(),
            change: None,
        };
        let mut host_scope = HostScope::new(mutations.clone(), config.clone());
        if context.store.health().writes() {
            background.block_on(host_scope.settle());
        }
        let bounds = WebhookBounds {
            items: config.webhooks.instance_items,
            bytes: config.webhooks.instance_bytes,
        };
        let answer = Duration::from_millis(config.webhooks.answer_ms);
        let webhooks = Webhooks { calls: calls.clone(), context: context.clone(), bounds, answer };
        let on = config.hooks.enabled;
        let (limits, body_bytes) = (config.limits.clone(), config.http.body_bytes);
        let schemas = HookSchemas { apart, limits, body_bytes };
        let hooks = Arc::new(Hooks::new(calls.clone(), egress.of(Sender::Hooks), on, schemas));
        hooks.reload()?;
        let is_local = listening.api.place.is_local();
        let oauth = OAuth::new(mutations.clone(), hooks.clone(), &config, is_local);
        let api = Arc::new(Api {
            calls,
            context,
            hooks,
            egress,
            monitoring: Arc::default(),
            webhooks,
            mutations,
            oauth,
            config: Arc::new(config.http.clone()),
            settings: config.clone(),
            keys: ArcSwap::from_pointee(keys),
            running: Running::default(),
            openapi: CachedDocument::new(openapi_document),
            metrics,
            quotas,
            local,
            circuits,
            streams: Streams::new(stopping, config.delivery.streams),
            bodies: Bodies::new(config.http.bodies_bytes),
            budgets: budgets.clone(),
        });
        let failed_calls = Box::pin(failed_calls);
        Ok(Self {
            config,
            sources,
            listening,
            api,
            directory,
            budgets,
            outbox,
            unwritten,
            clock: watch,
            host_scope,
            stop,
            failed_calls,
            signals,
            lost,
            background,
            _data: data,
        })
    }

    pub fn place(&self) -> &Place {
        &self.listening.api.place
    }

    /// Answers until SIGTERM or SIGINT, then finishes what is in flight.
    pub fn run(self) -> anyhow::Result<()> {
        started::tell(&self.config, &self.api, &self.listening);
        if !engine::has_fast_reset() {
            tracing::warn!(
                "this kernel has no PAGEMAP_SCAN (Linux 6.7): calls cost about three times as much"
            );
        }
        if let [_, ..] = self.config.service_links.as_slice() {
            tracing::warn!(
                "variables that Kubernetes makes for a service are no settings and are ignored: {}; `enableServiceLinks: false` of the pod leaves them out",
                self.config.service_links.join(", ")
            );
        }
        if self.config.grant_requested {
            tracing::warn!(
                "--grant-requested: every plugin may reach every host that its manifest names; never use this where plugins are not yours"
            );
        }
        let (reload, reloads) = watch::channel(self.config.clone());
        let (stop, stopping) = (self.stop.clone(), self.stop.subscribe());
        let (store, clock) = (self.api.context.store.clone(), self.api.context.clock.clone());
        let failed = Failed::default();
        let tasks = Tasks { runtime: &self.background, stop: stop.clone(), failed: failed.clone() };
        tasks.start("store", background::end_with_store(store.clone(), failed.clone()));
        tasks.start("plugin directory", self.directory.watch(reloads));
        tasks.start("failed calls", self.failed_calls);
        tasks.start("stored configs", self.api.calls.clone().watch_configs());
        tasks.start("clock", background::watch_clock(self.clock));
        let (times, config) = (clock.clone(), self.config.clone());
        tasks.start("due times", due_times::keep_possible(store.clone(), times, config));
        tasks.start("day budgets", keep_budgets(store.clone(), self.budgets.clone()));
        tasks.start("purge", purge::Purge::new(store.clone(), clock, self.config.clone()).run());
        let (calls, config) = (self.api.calls.clone(), self.config.scheduler.clone());
        let scheduler = Scheduler::new(calls, config, BACKGROUND_THREADS);
        let mut callers = vec![tasks.start("scheduler", scheduler.run())];
        let workers = Workers::new(self.api.calls.clone(), self.config.workers.clone());
        callers.push(tasks.start("workers", workers.run()));
        // Nothing goes to a URL that the driver has no more.
        let outbox = self.outbox.run(stop.subscribe());
        let outbox = tasks.start("outbox", self.unwritten.then(stop.subscribe(), outbox));
        let drain = Duration::from_millis(self.config.http.drain_ms);
        let sent = self.background.spawn(drained(outbox, stop.subscribe(), drain));
        let takers = {
            let _in_runtime = self.background.enter();
            Takers::new(self.api.monitoring.clone(), self.api.calls.clone())
        };
        callers.push(tasks.start("monitoring", takers.run()));
        tasks.start("hooks", self.api.hooks.clone().watch());
        callers.push(tasks.start("webhooks", self.api.webhooks.clone().work()));
        let (close, asked) = watch::channel(false);
        let (done, closed) = watch::channel(false);
        let closing = Closing { asked, done };
        tasks.start("host scope", self.host_scope.watch(reload.subscribe(), closing));
        let told = self.background.spawn(told_to_stop(stop.subscribe()));
        let plugins = self.api.context.plugins.clone();
        tasks.start("names", names::watch(plugins, reload.subscribe()));
        tasks.start("API keys", background::notice_keys(self.api.clone()));
        let (metrics, quotas) = (self.api.metrics.clone(), self.api.quotas.clone());
        tasks.start("metrics", background::fold_metrics(metrics, quotas, self.lost));
        tasks.start(
            "signals",
            background::signals(self.signals, self.config.clone(), self.sources, reload, stop),
        );

        self.listening.serve(&self.api, stopping)?;
        if store.health().is(Wrong::Ended) {
            // Whatever is stored is read again by the next process; this one can store nothing more.
            self.background.shutdown_timeout(BACKGROUND_END);
            return failed.outcome();
        }
        // No plugin is called after its `close`; what they leave is due again at the next start.
        callers.iter().for_each(AbortHandle::abort);
        let calls = self.api.calls.clone();
        let ended = async {
            while calls.in_flight() > 0 {
                tokio::time::sleep(ENDED_LOOK).await;
            }
        };
        // One that takes longer is cut off with the runtime.
        let both = async {
            let told = told.await.unwrap_or_else(|_| Instant::now());
            tokio::join!(tokio::time::timeout_at((told + drain).into(), ended), sent)
        };
        let _late = self.background.block_on(both);
        close.send_replace(true);
        let mut closed = closed;
        let end = self.background.block_on(closed.wait_for(|closed| *closed)).map(|_| ());
        end.context("plugins of host scope could not be closed")?;
        let days = self.budgets.days();
        let end = store.write("workers.stop", move |tx| {
            tx.put_stored_days(&days)?;
            tx.end_workers(true)
        });
        self.background.block_on(end).context("the end could not be noted")?;
        self.background.shutdown_timeout(BACKGROUND_END);
        store.finish().context("the database's log could not be copied")?;
        tracing::info!("stopped");
        failed.outcome()
    }
}

/// When that was.
async fn told_to_stop(mut stop: watch::Receiver<bool>) -> Instant {
    drop(stop.wait_for(|stop| *stop).await);
    Instant::now()
}

/// Until the outbox has ended what was under way, at most `drain` after the host was told to stop.
async fn drained(outbox: AbortHandle, mut stop: watch::Receiver<bool>, drain: Duration) {
    drop(stop.wait_for(|stop| *stop).await);
    let ended = async {
        while !outbox.is_finished() {
            tokio::time::sleep(ENDED_LOOK).await;
        }
    };
    if tokio::time::timeout(drain, ended).await.is_err() {
        let ms = u64::try_from(drain.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(
            ms,
            "deliveries were still on their way after drain_ms; they are sent again at the next start"
        );
    }
}

/// What plugins and drivers had stored today is written from time to time: a crash forgets a few seconds of it.
async fn keep_budgets(store: Store, budgets: Arc<DayBudgets>) {
    let mut kept = Vec::new();
    loop {
        tokio::time::sleep(BUDGETS_KEPT).await;
        let (days, changed) = (budgets.days(), budgets.days());
        if days == kept {
            continue;
        }
        match store.write("stored.days", move |tx| tx.put_stored_days(&changed)).await {
            Ok(()) => kept = days,
            Err(error) => {
                tracing::debug!(%error, "what plugins and drivers had stored today is kept later")
            }
        }
    }
}

fn threads(config: &Config) -> anyhow::Result<usize> {
    match config.http.threads {
        0 => Ok(std::thread::available_parallelism()?.get()),
        threads => Ok(threads),
    }
}

/// The configuration that takes effect at SIGHUP: which plugins are active, and what each may do.
fn reread(sources: &Sources, before: &Config) -> anyhow::Result<Arc<Config>> {
    let config = load(sources)?;
    let (pool, now) = (before.pool_limits(), config.pool_limits());
    if now.memory_bytes > pool.memory_bytes || now.table_elements > pool.table_elements {
        bail!(
            "a plugin's memory_bytes or table_elements cannot be raised above the largest at start; start again"
        );
    }
    let changed =
        Config { active_plugins: config.active_plugins, plugins: config.plugins, ..before.clone() };
    tracing::info!(
        "active_plugins and [plugins] are in force; other settings take effect at the next start"
    );
    Ok(Arc::new(changed))
}
