//! The host's background tasks: starts them, and ends them in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

use crate::app::background::Signals;
use crate::app::tasks::Tasks;
use crate::app::unwritten::Unwritten;
use crate::app::{background, due_times, gauges, purge, unknown_plugin_names};
use crate::http::Api;
use moothall_background::monitoring::PointTasks;
use moothall_background::scheduler::Scheduler;
use moothall_background::workers::Workers;
use moothall_core::clock::ClockWatch;
use moothall_core::config::{Config, Sources};
use moothall_core::day_budget::DayBudgets;
use moothall_core::telemetry::Lost;
use moothall_deliveries::Outbox;
use moothall_engine::host_scope::{Closing, HostScope};
use moothall_engine::plugins::directory::Directory;
use moothall_store::Store;

/// The threads of the runtime for background work.
pub const BACKGROUND_THREADS: usize = 2;

/// How often the day budgets of plugins and drivers are stored.
const BUDGETS_KEPT: Duration = Duration::from_secs(5);
/// How often work is polled for its end.
const ENDED_POLL: Duration = Duration::from_millis(10);

/// What the tasks are made of.
pub struct Work {
    pub sources: Sources,
    pub directory: Directory,
    pub outbox: Outbox,
    pub unwritten: Unwritten,
    pub clock: ClockWatch,
    pub host_scope: HostScope,
    pub failed_calls: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
    pub recordings: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
    pub signals: Signals,
    pub lost: Lost,
}

/// What has to end in order.
pub struct StartedWork {
    /// Tasks that call plugins.
    callers: Vec<AbortHandle>,
    /// Ends when the outbox has, or its time is up.
    sent: JoinHandle<()>,
    /// When the host was told to stop.
    stopped: JoinHandle<Instant>,
    close: watch::Sender<bool>,
    closed: watch::Receiver<bool>,
    drain: Duration,
}

impl Work {
    pub fn start(self, tasks: &Tasks<'_>, config: &Arc<Config>, api: &Arc<Api>) -> StartedWork {
        let (store, clock) = (api.context.store.clone(), api.context.clock.clone());
        let (stop, runtime) = (&tasks.stop, tasks.runtime);
        let (reload, reloads) = watch::channel(config.clone());
        tasks.start("store", background::end_with_store(store.clone(), tasks.failed.clone()));
        tasks.start("plugin directory", self.directory.watch(reloads));
        tasks.start("failed calls", self.failed_calls);
        tasks.start("recordings", self.recordings);
        tasks.start("stored configs", api.calls.clone().watch_configs());
        tasks.start("clock", background::watch_clock(self.clock));
        let times = due_times::keep_possible(store.clone(), clock.clone(), config.clone());
        tasks.start("due times", times);
        tasks.start("day budgets", keep_budgets(store.clone(), api.budgets.clone()));
        tasks.start("gauges", gauges::keep(store.clone(), clock.clone()));
        tasks.start("purge", purge::Purge::new(store, clock, config.clone()).run());
        let callers = start_callers(tasks, config, api);
        // Nothing is sent to a URL that the driver no longer has.
        let outbox = self.outbox.run(stop.subscribe());
        let outbox = tasks.start("outbox", self.unwritten.then(stop.subscribe(), outbox));
        let drain = Duration::from_millis(config.http.drain_ms);
        let sent = runtime.spawn(drained(outbox, stop.subscribe(), drain));
        tasks.start("hooks", api.hooks.clone().watch());
        let (close, asked) = watch::channel(false);
        let (done, closed) = watch::channel(false);
        let closing = Closing { asked, done };
        tasks.start("host scope", self.host_scope.watch(reload.subscribe(), closing));
        let stopped = runtime.spawn(told_to_stop(stop.subscribe()));
        let plugins = api.context.plugins.clone();
        tasks.start("names", unknown_plugin_names::watch(plugins, reload.subscribe()));
        tasks.start("API keys", background::notice_keys(api.clone()));
        tasks.start("uses of keys", background::keep_key_uses(api.clone()));
        let (metrics, quotas) = (api.metrics.clone(), api.quotas.clone());
        tasks.start("metrics", background::fold_metrics(metrics, quotas, self.lost));
        let (config, stop) = (config.clone(), stop.clone());
        let signals = background::signals(self.signals, config, self.sources, reload, stop);
        tasks.start("signals", signals);
        StartedWork { callers, sent, stopped, close, closed, drain }
    }
}

fn start_callers(tasks: &Tasks<'_>, config: &Config, api: &Arc<Api>) -> Vec<AbortHandle> {
    let scheduler = Scheduler::new(api.calls.clone(), config.scheduler.clone(), BACKGROUND_THREADS);
    let workers = Workers::new(api.calls.clone(), config.workers.clone());
    let takers = {
        let _in_runtime = tasks.runtime.enter();
        PointTasks::new(api.monitoring.clone(), api.calls.clone())
    };
    vec![
        tasks.start("scheduler", scheduler.run()),
        tasks.start("workers", workers.run()),
        tasks.start("monitoring", takers.run()),
        tasks.start("webhooks", api.webhooks.clone().work()),
    ]
}

impl StartedWork {
    /// Ends it once nothing is served any more. Blocks.
    pub fn end(mut self, runtime: &Runtime, api: &Api) -> anyhow::Result<()> {
        // No plugin is called after its `close`; work that is left is due again at the next start.
        self.callers.iter().for_each(AbortHandle::abort);
        let ended = async {
            while api.calls.in_flight() > 0 {
                tokio::time::sleep(ENDED_POLL).await;
            }
        };
        // A task that takes longer ends with the runtime.
        let both = async {
            let stopped = self.stopped.await.unwrap_or_else(|_| Instant::now());
            tokio::join!(tokio::time::timeout_at((stopped + self.drain).into(), ended), self.sent)
        };
        let _late = runtime.block_on(both);
        self.close.send_replace(true);
        let closed = runtime.block_on(self.closed.wait_for(|closed| *closed)).map(|_| ());
        closed.context("plugins of host scope could not be closed")?;
        let (days, uses) = (api.budgets.days(), Vec::from_iter(api.keys.load().uses()));
        let end = api.context.store.write("workers.stop", move |tx| {
            tx.put_stored_days(&days)?;
            tx.put_key_uses(&uses)?;
            tx.end_workers()
        });
        runtime.block_on(end).context("the end could not be noted")
    }
}

/// When the host was told to stop.
async fn told_to_stop(mut stop: watch::Receiver<bool>) -> Instant {
    drop(stop.wait_for(|stop| *stop).await);
    Instant::now()
}

/// Waits until the deliveries in flight have ended, at most until `drain` after the signal to stop.
async fn drained(outbox: AbortHandle, mut stop: watch::Receiver<bool>, drain: Duration) {
    drop(stop.wait_for(|stop| *stop).await);
    let ended = async {
        while !outbox.is_finished() {
            tokio::time::sleep(ENDED_POLL).await;
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

/// Stores the day budgets of plugins and drivers from time to time: a crash loses a few seconds of them.
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
