//! Deletes rows that nobody needs any more, in chunks.
//!
//! Each step is a write of its own, and a step that fails does not stop the others: a full store gets room again from
//! what they delete.

use std::time::Duration;

use moothall_core::clock::Clock;
use moothall_core::config::Config;
use moothall_engine::idempotency::REMEMBERED_MS;
use moothall_engine::oauth;
use moothall_store::{AgeBounds, Store, StoreError, Tx};

/// How often the purge looks for something to do.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// The pause between two chunks, so that other writes get through.
const PAUSE: Duration = Duration::from_millis(10);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// If the store uses more than this percentage of its bound, rows expire earlier.
const NEARLY_FULL_PERCENT: u64 = 90;
/// The most halvings of all retention times while the store is nearly full: a month becomes less than a minute.
const HALVINGS: u32 = 16;

/// What one run of the purge needs to know.
pub struct Purge {
    store: Store,
    clock: Clock,
    config: std::sync::Arc<Config>,
    /// How many times retention times are halved now.
    halvings: u32,
    /// The last event key that was checked; after the last of all, the walk begins again.
    key: i64,
}

/// What is left after some steps.
#[derive(Default)]
struct Round {
    more: bool,
    failed: bool,
}

impl Round {
    /// A step ended: whether there is more to remove.
    fn note(&mut self, step: Result<bool, StoreError>) {
        match step {
            Ok(more) => self.more |= more,
            Err(error) => {
                self.failed = true;
                tracing::debug!(%error, "the purge comes back later");
            }
        }
    }
}

impl Purge {
    pub fn new(store: Store, clock: Clock, config: std::sync::Arc<Config>) -> Self {
        Self { store, clock, config, halvings: 0, key: 0 }
    }

    /// Never ends.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            self.hurry_if_nearly_full();
            loop {
                let Round { more, failed } = self.round().await;
                if !more || failed {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Halves retention times in each run in which the store is nearly full.
    fn hurry_if_nearly_full(&mut self) {
        let used = match self.store.used_bytes() {
            Ok(used) => used,
            Err(error) => return tracing::debug!(%error, "the store's size cannot be read"),
        };
        let bound = self.store.bound_bytes();
        if used / NEARLY_FULL_PERCENT <= bound / 100 {
            self.halvings = 0;
            return;
        }
        self.halvings = (self.halvings + 1).min(HALVINGS);
        tracing::warn!(
            used_bytes = used,
            database_bytes = bound,
            "the database is nearly full: what is finished is kept for a {}th of its time; make room, or raise \
             [store] database_bytes",
            1_u32 << self.halvings
        );
    }

    /// The time before which rows with that retention, in days, expire.
    fn before(&self, now: i64, days: u32) -> i64 {
        now - ((i64::from(days) * DAY_MS) >> self.halvings)
    }

    async fn round(&mut self) -> Round {
        let rows = self.config.store.purge_rows.max(1);
        // Removal is final, so only the trusted time counts.
        let (now, mut round) = (self.clock.trusted_ms(), Round::default());
        let (store, wall) = (self.store.clone(), self.clock.now_ms());
        round.note(store.write("clock.seen", move |tx| tx.note_clock(now)).await.map(|()| false));
        round.note(store.write("purge.state", move |tx| tx.purge_state(wall, rows)).await);
        round.note(store.write("purge.community", move |tx| tx.purge_community(rows)).await);
        let calls = self.before(now, self.config.retention.call_days);
        let (keep, dead) = (self.config.retention.calls, self.config.retention.dead_days);
        let dead = now - i64::from(dead) * DAY_MS;
        let ended = now - oauth::ENDED_MS;
        self.step(&mut round, rows, "purge.oauth", move |tx| tx.purge_oauth_states(ended, rows))
            .await;
        // Their expiry is a day after they were stored.
        let expired = now + REMEMBERED_MS - (REMEMBERED_MS >> self.halvings);
        self.step(&mut round, rows, "purge.responses", move |tx| tx.purge_responses(expired, rows))
            .await;
        self.step(&mut round, rows, "purge.webhooks", move |tx| tx.skip_webhooks(None, dead, rows))
            .await;
        self.step(&mut round, rows, "purge.workers", move |tx| tx.purge_worker_events(dead, rows))
            .await;
        let (recordings, newest) = (&self.config.calls, self.config.calls.recordings);
        let recorded = self.before(now, recordings.recording_days);
        self.step(&mut round, rows, "purge.recordings", move |tx| {
            tx.purge_recordings(recorded, newest, rows)
        })
        .await;
        self.step(&mut round, rows, "purge.calls", move |tx| {
            tx.purge_failed_calls(calls, keep, rows)
        })
        .await;
        self.events(&mut round, now, rows).await;
        round
    }

    /// One write that removes at most `rows`; if it removed as many, there may be more.
    async fn step(
        &self,
        round: &mut Round,
        rows: usize,
        name: &'static str,
        purge: impl FnOnce(&Tx<'_>) -> Result<usize, StoreError> + Send + 'static,
    ) {
        let removed = self.store.write(name, purge).await;
        round.note(removed.map(|removed| removed >= rows));
    }

    /// Removes events, their deliveries and keys, and the deliveries of deleted endpoints.
    async fn events(&mut self, round: &mut Round, now: i64, rows: usize) {
        let retention = self.config.retention.clone();
        // A delivery has about this many attempts.
        let deliveries = rows.div_ceil(4);
        for (state, days) in [
            ("delivered", retention.delivered_days),
            ("cancelled", retention.delivered_days),
            ("dead", retention.dead_days),
        ] {
            let until = self.before(now, days);
            self.step(round, deliveries, "purge.deliveries", move |tx| {
                tx.purge_deliveries(state, until, deliveries)
            })
            .await;
        }
        // A worker whose plugin is missing for longer than this loses them.
        let last = now - i64::from(retention.event_days.saturating_mul(2)) * DAY_MS;
        let bounds = AgeBounds { now, first: self.before(now, retention.event_days), last };
        self.step(round, rows, "purge.events", move |tx| tx.purge_events(&bounds, rows)).await;
        self.step(round, rows, "purge.dedupe", move |tx| tx.purge_dedupe(now, rows)).await;
        let after = self.key;
        let keys = move |tx: &Tx<'_>| tx.purge_event_keys(after, rows);
        round.note(self.store.write("purge.event_keys", keys).await.map(|(removed, next)| {
            self.key = next.unwrap_or(0);
            removed > 0 && next.is_some()
        }));
        round.note(self.endpoints(now, rows).await.map(|()| false));
    }

    async fn endpoints(&self, now: i64, rows: usize) -> Result<(), StoreError> {
        let unused = self.store.read(|reader| reader.unused_endpoints(rows))?;
        let endpoints = move |tx: &Tx<'_>| {
            tx.purge_old_secrets(now)?;
            tx.purge_endpoints(&unused)
        };
        self.store.write("purge.endpoints", endpoints).await
    }
}
