//! Small background tasks: signals, new API keys, folding metrics, the clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::app::reread::reread;
use crate::app::tasks::Failed;
use crate::http::Api;
use moothall_core::clock::ClockWatch;
use moothall_core::config::{Config, Sources};
use moothall_core::telemetry::{Lost, UPKEEP};
use moothall_guest::Quotas;
use moothall_store::Store;

/// How often the host looks for keys that `moothall key` made.
const KEYS_POLL: Duration = Duration::from_millis(500);
/// How often the host stores when keys were used.
const KEY_USES_KEPT: Duration = Duration::from_secs(60);
/// How often the host checks whether the wall clock was set.
const CLOCK_POLL: Duration = Duration::from_millis(250);

/// The handlers of signals. Made before the host logs that it listens: whoever reads that may send a signal.
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    /// Within a runtime.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }
}

/// SIGTERM and SIGINT stop, SIGHUP rereads the configuration.
pub async fn signals(
    received: Signals,
    config: Arc<Config>,
    sources: Sources,
    reload: watch::Sender<Arc<Config>>,
    stop: watch::Sender<bool>,
) {
    let Signals { mut term, mut int, mut hup } = received;
    loop {
        tokio::select! {
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = hup.recv() => match reread(&sources, &config) {
                Ok(config) => drop(reload.send_replace(config)),
                Err(error) => tracing::error!("the configuration stays as it was: {error:#}"),
            },
        }
    }
    tracing::info!("stopping: no new connections; calls in flight are finished");
    stop.send_replace(true);
    // The loader ends with `reload`, after its present work.
    std::future::pending::<()>().await;
}

/// Ends when the store has ended, and the host with it.
pub async fn end_with_store(store: Store, failed: Failed) {
    let reason = store.health().fatal().await;
    failed.because(format!("the store cannot go on: {reason}"));
}

/// Other processes create and revoke keys beside the host.
pub async fn notice_keys(api: Arc<Api>) {
    loop {
        tokio::time::sleep(KEYS_POLL).await;
        if let Err(error) = api.reread_keys() {
            tracing::warn!(%error, "API keys cannot be read; those known stay valid");
        }
    }
}

/// Stores when keys were last used, from time to time: no request waits for it, and a crash loses a minute of it.
pub async fn keep_key_uses(api: Arc<Api>) {
    let mut kept = api.keys.load().uses();
    loop {
        tokio::time::sleep(KEY_USES_KEPT).await;
        let uses = api.keys.load().uses();
        let changed = changed(&uses, &kept);
        if changed.is_empty() {
            continue;
        }
        match api.context.store.write("key.uses", move |tx| tx.put_key_uses(&changed)).await {
            Ok(()) => kept = uses,
            Err(error) => tracing::debug!(%error, "when keys were used is kept later"),
        }
    }
}

fn changed(uses: &HashMap<String, i64>, kept: &HashMap<String, i64>) -> Vec<(String, i64)> {
    let changed = uses.iter().filter(|(id, at)| kept.get(*id) != Some(at));
    changed.map(|(id, at)| (id.clone(), *at)).collect()
}

/// Decides how far the host trusts the wall clock.
pub async fn watch_clock(mut watch: ClockWatch) {
    loop {
        tokio::time::sleep(CLOCK_POLL).await;
        watch.poll();
    }
}

/// Folds metrics, so that few are kept, and logs what was dropped since the last time.
pub async fn fold_metrics(metrics: PrometheusHandle, quotas: Arc<Quotas>, mut lost: Lost) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        metrics.run_upkeep();
        quotas.tell_dropped();
        lost.report();
    }
}
