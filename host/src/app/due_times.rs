//! Corrects due times after the clock was set back: no due time may be further away than the longest wait that the host
//! itself would choose.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use moothall_background::{webhooks, workers};
use moothall_core::clock::Clock;
use moothall_core::config::Config;
use moothall_engine::idempotency::REMEMBERED_MS;
use moothall_engine::oauth;
use moothall_store::{DEDUPE_MS, EXPIRE_MS, Expiring, Store, StoreError, Tx, Waiting};

/// How often the host checks whether the clock was set.
const POLL: Duration = Duration::from_millis(250);
/// How often all due times are checked without that: work that was in flight when the clock was set is stored
/// later.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// The most rows that one write corrects.
const ROWS: usize = 1_000;

/// Checks all due times at start, whenever the clock was set, and regularly. Never ends.
pub async fn keep_possible(store: Store, clock: Clock, config: Arc<Config>) {
    let (mut steps, mut again_at) = (None, Instant::now());
    loop {
        let now_steps = clock.steps();
        if steps != Some(now_steps) || again_at <= Instant::now() {
            match bring_back(&store, &clock, &config).await {
                Ok(()) => (steps, again_at) = (Some(now_steps), Instant::now() + EVERY),
                Err(error) => tracing::debug!(%error, "due times are gone through later"),
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn bring_back(store: &Store, clock: &Clock, config: &Config) -> Result<(), StoreError> {
    for (waiting, waits) in [
        (Waiting::Deliveries, moothall_deliveries::waits()),
        (Waiting::WebhookItems, webhooks::waits(longest_first_try_ms(config))),
        (Waiting::WorkerEvents, workers::waits()),
    ] {
        loop {
            let now = clock.now_ms();
            let ids = store.read(|reader| reader.due_too_late(waiting, &waits, now, ROWS))?;
            if ids.is_empty() {
                break;
            }
            let (count, kind) = (ids.len(), format!("{waiting:?}"));
            let write = move |tx: &Tx<'_>| tx.bring_back(waiting, &ids, now);
            store.write("due.bring_back", write).await?;
            tracing::info!(count, kind, "what was due later than it can be is due now");
        }
    }
    for (expiring, longest_ms) in [
        (Expiring::Deliveries, EXPIRE_MS),
        (Expiring::Responses, REMEMBERED_MS),
        (Expiring::DedupeKeys, DEDUPE_MS),
        (Expiring::OAuthStates, oauth::FLOW_MS),
        (Expiring::OldSecrets, moothall_deliveries::endpoints::OLD_SECRET_MS),
        (Expiring::OldSecretsShown, moothall_deliveries::endpoints::OLD_SECRET_MS),
    ] {
        let latest = clock.now_ms() + longest_ms;
        let write = move |tx: &Tx<'_>| tx.expire_by(expiring, latest, ROWS);
        while store.write("due.expire_by", write).await? == ROWS {}
    }
    Ok(())
}

/// The longest time from receiving a webhook until the last process that is tried before the answer has ended.
fn longest_first_try_ms(config: &Config) -> i64 {
    let plugins = config.plugins.values().filter_map(|plugin| plugin.limits.wall_ms);
    let longest = plugins.chain([config.limits.wall_ms]).max().unwrap_or_default();
    i64::try_from(longest.saturating_add(config.webhooks.answer_ms)).unwrap_or(i64::MAX)
}
