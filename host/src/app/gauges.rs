//! Gauges of what only the database and the operating system know: how much waits and since when, and the process itself.
//!
//! Read now and then, not when `/metrics` is asked for: that must answer also while a disk hangs.

use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use moothall_core::clock::Clock;
use moothall_core::telemetry::metric::{
    BUILD, LIMIT_USED, PROCESS_FILES, PROCESS_MEMORY, PROCESS_MOST_FILES, PROCESS_STARTED,
    SCHEDULE_OVERDUE, STORE_BYTES, WEBHOOK_OLDEST, WEBHOOKS_DEAD, WEBHOOKS_WAITING,
};
use moothall_store::{SCHEMA_VERSION, Store, StoreError};

const EVERY: Duration = Duration::from_secs(10);
/// A page of memory, as `/proc` counts them, in bytes.
const PAGE_BYTES: u64 = 4 << 10;

/// Sets them as long as the host runs.
pub async fn keep(store: Store, clock: Clock) {
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("schema", &SCHEMA_VERSION.to_string())];
    BUILD.set(&labels, 1.0);
    PROCESS_STARTED.set(&[], clock.now_ms() as f64 / 1000.0);
    loop {
        of_process();
        if let Err(error) = of_store(&store, clock.now_ms()) {
            tracing::debug!(%error, "the gauges of the store keep their last values");
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn of_store(store: &Store, now: i64) -> Result<(), StoreError> {
    let (webhooks, first_due, used) = store
        .read(|reader| Ok((reader.webhook_lag()?, reader.first_due()?, reader.used_bytes()?)))?;
    WEBHOOKS_WAITING.set(&[], webhooks.waiting as f64);
    WEBHOOKS_DEAD.set(&[], webhooks.dead as f64);
    WEBHOOK_OLDEST.set(&[], since(webhooks.oldest_at, now));
    SCHEDULE_OVERDUE.set(&[], since(first_due, now));
    STORE_BYTES.set(&[], used as f64);
    let bound = store.bound_bytes().max(1);
    LIMIT_USED.set(&[("limit", "store.database_bytes")], used as f64 / bound as f64);
    Ok(())
}

/// In seconds; 0 for what is yet to come.
fn since(at: Option<i64>, now: i64) -> f64 {
    at.map_or(0.0, |at| (now - at).max(0) as f64 / 1000.0)
}

fn of_process() {
    if let Some(pages) = resident_pages() {
        PROCESS_MEMORY.set(&[], (pages * PAGE_BYTES) as f64);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        PROCESS_FILES.set(&[], open.count() as f64);
    }
    let most = getrlimit(Resource::Nofile).current;
    PROCESS_MOST_FILES.set(&[], most.map_or(f64::INFINITY, |most| most as f64));
}

fn resident_pages() -> Option<u64> {
    std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()
}
