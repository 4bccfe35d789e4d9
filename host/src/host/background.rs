//! What happens without a request: signals, new API keys, purging, folding metrics.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::{Failed, reread};
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::guest::Quotas;
use crate::http::{Api, Keys};
use crate::store::{Store, StoreError, Tx};
use crate::telemetry::UPKEEP;

/// How often keys made by `moothall key` are looked for.
const KEYS_LOOK: Duration = Duration::from_millis(500);
/// How often the purge looks for something to do.
const PURGE_LOOK: Duration = Duration::from_secs(10);
/// Between two chunks of the purge, so that other writes have room.
const PURGE_PAUSE: Duration = Duration::from_millis(10);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What the host is told by. Made before it says that it listens: whoever reads that may send one.
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
    // The loader ends with `reload`, after what it is doing.
    std::future::pending::<()>().await;
}

/// Ends when the store has ended, and the host with it.
pub async fn end_with_store(store: Store, failed: Failed) {
    let reason = store.health().fatal().await;
    failed.because(format!("the store cannot go on: {reason}"));
}

/// Other processes create and revoke keys beside the host.
pub async fn notice_keys(api: Arc<Api>) {
    let mut known = Vec::new();
    loop {
        tokio::time::sleep(KEYS_LOOK).await;
        match api.calls.store.read(|reader| reader.api_keys()) {
            Ok(rows) if rows != known => {
                known.clone_from(&rows);
                api.keys.store(Arc::new(Keys::new(rows)));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "API keys cannot be read; those known stay valid"),
        }
    }
}

/// Removes what nobody needs any more, in chunks.
pub async fn purge(store: Store, clock: Clock, config: Arc<Config>) {
    loop {
        tokio::time::sleep(PURGE_LOOK).await;
        loop {
            match purge_once(&store, &clock, &config).await {
                Ok(true) => tokio::time::sleep(PURGE_PAUSE).await,
                Ok(false) => break,
                Err(error) => {
                    tracing::debug!(%error, "the purge comes back later");
                    break;
                }
            }
        }
    }
}

/// Whether there may be more to do.
async fn purge_once(store: &Store, clock: &Clock, config: &Config) -> Result<bool, StoreError> {
    let rows = config.store.purge_rows.max(1);
    let more_state = store.write("purge.state", move |tx| tx.purge_state(rows)).await?;
    let more_communities =
        store.write("purge.community", move |tx| tx.purge_community(rows)).await?;
    let now = clock.now_ms();
    let states = store.write("purge.oauth", move |tx| tx.purge_oauth_states(now, rows)).await?;
    let responses = store.write("purge.responses", move |tx| tx.purge_responses(now, rows)).await?;
    let dead = now - i64::from(config.retention.dead_days) * DAY_MS;
    let webhooks =
        store.write("purge.webhooks", move |tx| tx.skip_webhooks(None, dead, rows)).await?;
    let letters =
        store.write("purge.workers", move |tx| tx.purge_worker_events(dead, rows)).await?;
    let before = clock.now_ms() - i64::from(config.retention.call_days) * DAY_MS;
    let keep = config.retention.calls;
    let calls =
        store.write("purge.calls", move |tx| tx.purge_failed_calls(before, keep, rows)).await?;
    let events = purge_events(store, clock.now_ms(), config).await?;
    Ok(more_state
        || more_communities
        || events
        || [calls, responses, webhooks, states, letters].contains(&rows))
}

/// Events, their deliveries, and what endpoints leave behind.
async fn purge_events(store: &Store, now: i64, config: &Config) -> Result<bool, StoreError> {
    let rows = config.store.purge_rows.max(1);
    // A delivery has about as many attempts.
    let deliveries = rows.div_ceil(4);
    let before = |days: u32| now - i64::from(days) * DAY_MS;
    let mut more = false;
    for (state, days) in [
        ("delivered", config.retention.delivered_days),
        ("cancelled", config.retention.delivered_days),
        ("dead", config.retention.dead_days),
    ] {
        let until = before(days);
        let purge = move |tx: &Tx<'_>| tx.purge_deliveries(state, until, deliveries);
        more |= store.write("purge.deliveries", purge).await? == deliveries;
    }
    let until = before(config.retention.event_days);
    // A worker whose plugin is away for as long again has lost them.
    let until_all = before(config.retention.event_days.saturating_mul(2));
    let purge = move |tx: &Tx<'_>| tx.purge_events(until, until_all, rows);
    more |= store.write("purge.events", purge).await? == rows;
    more |= store.write("purge.dedupe", move |tx| tx.purge_dedupe(now, rows)).await? == rows;
    let unused = store.read(|reader| reader.unused_endpoints(rows))?;
    let endpoints = move |tx: &Tx<'_>| {
        tx.purge_old_secrets(now)?;
        tx.purge_endpoints(&unused)
    };
    store.write("purge.endpoints", endpoints).await?;
    Ok(more)
}

/// Keeps the numbers small, and tells of what was dropped since the last time.
pub async fn fold_metrics(metrics: PrometheusHandle, quotas: Arc<Quotas>) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        metrics.run_upkeep();
        quotas.tell_dropped();
    }
}
