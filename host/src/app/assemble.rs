//! Puts a host together: opens what is stored, loads what is compiled already, binds the port.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::app::data::DataDirectory;
use crate::app::listening::{HostListeners, Runtimes};
use crate::app::loader::loader;
use crate::app::unwritten::Unwritten;
use crate::app::work::BACKGROUND_THREADS;
use crate::app::work::Work;
use crate::app::{Host, background, descriptors, key};
use crate::http::{Api, Bodies, CachedDocument, Keys, KnownKeys, Streams, openapi_document};
use moothall_background::webhooks::Webhooks;
use moothall_core::clock::{Clock, ClockWatch};
use moothall_core::config::{Config, Sources, clock_file};
use moothall_core::day_budget::DayBudgets;
use moothall_core::secrets::Keyring;
use moothall_core::state_cache::StateCache;
use moothall_core::telemetry::{Lost, Numbers};
use moothall_deliveries::{Circuits, LocalReach, LocalRule, Outbox, driver};
use moothall_egress::{Egress, Sender};
use moothall_engine::calls::{Calls, FailedCalls, Recordings};
use moothall_engine::communities::Communities;
use moothall_engine::context::Context;
use moothall_engine::hooks::{HookSchemas, Hooks};
use moothall_engine::host_scope::HostScope;
use moothall_engine::idempotency::RunningKeys;
use moothall_engine::mutations::Mutations;
use moothall_engine::oauth::OAuth;
use moothall_engine::plugins::directory::{Depth, Directory};
use moothall_engine::plugins::{Apart, Plugins};
use moothall_guest::{Quotas, Shared, StateReads, enter_runtime};
use moothall_store::{Store, WebhookBounds};

/// What is opened first: the data directory and what is stored in it.
struct Opened {
    data: DataDirectory,
    store: Store,
    config: Arc<Config>,
    clock: Clock,
    watch: ClockWatch,
    budgets: Arc<DayBudgets>,
    keys: Keys,
}

impl Opened {
    fn new(mut config: Config) -> anyhow::Result<Self> {
        let data = DataDirectory::open(&config.data)?;
        data.lock()?;
        let store = Store::open(&config.database(), &config.store)?;
        config.limits.set_day_bytes(store.bound_bytes());
        let budgets = Arc::new(DayBudgets::restored(store.read(|reader| reader.stored_days())?));
        let clock = clock_file().map_or_else(|| Ok(Clock::system()), Clock::driven_by)?;
        let seen = store.read(|reader| reader.clock_seen())?;
        let watch = ClockWatch::new(clock.clone(), seen, config.clock.trust());
        let keys = Keys::new(&store.read(|reader| reader.api_keys())?);
        Ok(Self { data, store, config: Arc::new(config), clock, watch, budgets, keys })
    }

    /// Loads the plugins whose native code is in the cache.
    fn plugins(&self, shared: Shared, runtimes: Runtimes) -> anyhow::Result<LoadedPlugins> {
        let plugins = Arc::new(Plugins::default());
        let (cache, budgets) = (self.data.cache(), self.budgets.clone());
        let loader = loader(&self.config, shared, cache, budgets, runtimes.count())?;
        let apart = loader.apart.clone();
        let directory = Directory::new(plugins.clone(), loader, self.config.clone());
        Ok(LoadedPlugins { plugins, directory, apart })
    }

    /// Stores the endpoint of the driver as the settings have it.
    fn driver_endpoint(
        &self,
        keyring: &Keyring,
        runtime: &Runtime,
        unwritten: &mut Unwritten,
    ) -> anyhow::Result<()> {
        let receiver = self.config.driver.event_receiver_url.clone();
        let cannot = |error| anyhow::anyhow!("the driver's endpoint cannot be set up: {error}");
        let now = self.clock.now_ms();
        let start = driver::start(&self.store, keyring, receiver, now).map_err(cannot)?;
        runtime
            .block_on(unwritten.write(&self.store, "the driver's endpoint", start))
            .map_err(|error| cannot(error.into()))
    }

    fn context(
        &self,
        plugins: Arc<Plugins>,
        keyring: Arc<Keyring>,
    ) -> anyhow::Result<Arc<Context>> {
        let communities = Arc::new(Communities::load(&self.store)?);
        let (store, clock) = (self.store.clone(), self.clock.clone());
        Ok(Arc::new(Context { store, plugins, communities, clock, keyring }))
    }
}

struct LoadedPlugins {
    plugins: Arc<Plugins>,
    directory: Directory,
    apart: Apart,
}

impl LoadedPlugins {
    fn load(&mut self, config: &Config, runtime: &Runtime) -> anyhow::Result<()> {
        runtime.block_on(self.directory.make()).with_context(|| {
            format!("the plugin directory {} cannot be made", config.plugin_directory().display())
        })?;
        runtime.block_on(self.directory.scan(Depth::Compiled));
        Ok(())
    }
}

impl Host {
    /// Opens everything, loads the plugins that are compiled already, and binds the port.
    pub fn new(
        config: Config,
        sources: Sources,
        metrics: PrometheusHandle,
        lost: Lost,
    ) -> anyhow::Result<Self> {
        let files = descriptors::raise();
        let opened = Opened::new(config)?;
        let (store, config) = (opened.store.clone(), opened.config.clone());
        let runtimes = Runtimes { http: threads(&config)? };
        let listening = HostListeners::bind(&config, &opened.keys, runtimes, files)?;
        let runtime = background_runtime(runtimes)?;
        let signals = runtime.block_on(async { background::Signals::new() });
        let signals = signals.context("signals cannot be received")?;
        let mut unwritten = Unwritten::default();
        let source = opened.data.key();
        let keyring = runtime.block_on(key::keyring(&store, &source, &mut unwritten))?;
        let quotas = Arc::new(Quotas::new(&config));
        let network = Network::new(&config, &opened.keys)?;
        let state_cache = config.store.state_cache();
        let shared = Shared {
            store: store.clone(),
            keyring: keyring.clone(),
            clock: opened.clock.clone(),
            quotas: quotas.clone(),
            egress: network.egress.clone(),
            numbers: Numbers(metrics.clone()),
            state_cache: state_cache.clone(),
            state_reads: StateReads::default(),
        };
        let mut plugins = opened.plugins(shared, runtimes)?;
        plugins.load(&config, &runtime)?;
        opened.driver_endpoint(&keyring, &runtime, &mut unwritten)?;
        let outbox = network.outbox(&opened, keyring.clone());
        let (failed, failed_calls) = FailedCalls::new(store.clone(), config.retention.queued_calls);
        let (recorded, recordings) = Recordings::new(store, keyring.clone(), &config.calls);
        let context = opened.context(plugins.plugins, keyring)?;
        let calls = Arc::new(Calls::new(context, failed, recorded, &config.limits));
        let (stop, stopping) = watch::channel(false);
        let engine = Engine::new(&config, calls, &network.egress, plugins.apart)?;
        let host_scope = engine.host_scope(&config, &runtime);
        let is_local = listening.api.place.is_local();
        let Opened { data, watch, budgets, keys, .. } = opened;
        let streams = Streams::new(stopping, config.delivery.streams);
        let drivers = Drivers { keys, budgets, streams, is_local };
        let measured = Measured { metrics, quotas, state_cache };
        let api = Arc::new(engine.api(&config, network, drivers, measured));
        let work = Work {
            sources,
            directory: plugins.directory,
            outbox,
            unwritten,
            clock: watch,
            host_scope,
            failed_calls: Box::pin(failed_calls),
            recordings: Box::pin(recordings),
            signals,
            lost,
        };
        Ok(Self { config, listening, api, work, stop, background: runtime, _data: data })
    }
}

/// How the host reaches others.
struct Network {
    egress: Egress,
    local: LocalReach,
    circuits: Circuits,
}

impl Network {
    fn new(config: &Config, keys: &Keys) -> anyhow::Result<Self> {
        let local = LocalReach::new(LocalRule {
            operator_allows: config.http.loopback_callbacks,
            needs_key: keys.are_required(),
        });
        Ok(Self { egress: Egress::new(&config.egress)?, local, circuits: Circuits::default() })
    }

    fn outbox(&self, opened: &Opened, keyring: Arc<Keyring>) -> Outbox {
        Outbox::new(
            opened.store.clone(),
            self.egress.clone(),
            keyring,
            opened.clock.clone(),
            opened.config.delivery.clone(),
            self.local.clone(),
            self.circuits.clone(),
        )
    }
}

/// What the API has for its clients.
struct Drivers {
    keys: Keys,
    budgets: Arc<DayBudgets>,
    streams: Streams,
    /// Whether the host can be reached from its own machine alone.
    is_local: bool,
}

/// What `/metrics` shows of the host's memory, and the rest of it.
struct Measured {
    metrics: PrometheusHandle,
    quotas: Arc<Quotas>,
    state_cache: Arc<StateCache>,
}

/// What calls plugins, and changes what calls go by.
struct Engine {
    calls: Arc<Calls>,
    mutations: Mutations,
    webhooks: Webhooks,
    hooks: Arc<Hooks>,
}

impl Engine {
    fn new(
        config: &Config,
        calls: Arc<Calls>,
        egress: &Egress,
        apart: Apart,
    ) -> anyhow::Result<Self> {
        let context = calls.context.clone();
        let mutations = Mutations {
            calls: calls.clone(),
            context: context.clone(),
            limits: config.limits.clone(),
            in_flight: Arc::default(),
            change: None,
        };
        let bounds = WebhookBounds {
            items: config.webhooks.instance_items,
            bytes: config.webhooks.instance_bytes,
        };
        let answer = Duration::from_millis(config.webhooks.answer_ms);
        let webhooks = Webhooks::new(calls.clone(), context, bounds, answer);
        let (limits, body_bytes) = (config.limits.clone(), config.http.body_bytes);
        let schemas = HookSchemas { apart, limits, body_bytes };
        let (sends, own_hooks_enabled) = (egress.of(Sender::Hooks), config.hooks.enabled);
        let hooks = Arc::new(Hooks::new(calls.clone(), sends, own_hooks_enabled, schemas));
        hooks.reload()?;
        Ok(Self { calls, mutations, webhooks, hooks })
    }

    fn api(
        self,
        config: &Arc<Config>,
        network: Network,
        drivers: Drivers,
        measured: Measured,
    ) -> Api {
        let (mutations, hooks) = (self.mutations, self.hooks);
        let Network { egress, local, circuits } = network;
        Api {
            oauth: OAuth::new(mutations.clone(), hooks.clone(), config, drivers.is_local),
            context: self.calls.context.clone(),
            calls: self.calls,
            hooks,
            egress,
            monitoring: Arc::default(),
            webhooks: self.webhooks,
            mutations,
            config: Arc::new(config.http.clone()),
            settings: config.clone(),
            keys: ArcSwap::from_pointee(drivers.keys),
            known_keys: KnownKeys::default(),
            running: RunningKeys::default(),
            openapi: CachedDocument::new(openapi_document),
            metrics: measured.metrics,
            quotas: measured.quotas,
            state_cache: measured.state_cache,
            local,
            circuits,
            streams: drivers.streams,
            bodies: Bodies::new(config.http.bodies_bytes),
            budgets: drivers.budgets,
        }
    }

    /// Makes the instances of the plugins of the whole host, if the store can be written.
    fn host_scope(&self, config: &Arc<Config>, runtime: &Runtime) -> HostScope {
        let mut host_scope = HostScope::new(self.mutations.clone(), config.clone());
        if self.calls.context.store.health().can_write() {
            runtime.block_on(host_scope.settle());
        }
        host_scope
    }
}

fn threads(config: &Config) -> anyhow::Result<usize> {
    match config.http.threads {
        0 => Ok(std::thread::available_parallelism()?.get()),
        threads => Ok(threads),
    }
}

fn background_runtime(runtimes: Runtimes) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(BACKGROUND_THREADS)
        .thread_name("background")
        .on_thread_start(move || enter_runtime(runtimes.background()))
        .enable_all()
        .build()
}
