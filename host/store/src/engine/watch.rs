//! The watch: a thread that finds writes and reads that hang, and tries whether a store that could not write can write
//! again. It must never touch the disk, or wait for a thread that does.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::health::{Health, POLL_INTERVAL};
use super::job::Job;
use super::trouble::Trouble;
use super::{Inner, Tx};
use crate::StoreError;
use moothall_core::config::StoreConfig;

/// How much room a trial write needs, in bytes: as much as most writes.
const TRY_BYTES: usize = 64 << 10;

pub fn start(store: &Arc<Inner>, config: &StoreConfig) -> Result<(), StoreError> {
    let pause = Duration::from_millis(config.retry_ms.max(1));
    let watched = Arc::downgrade(store);
    store.health().spawn_thread("store-watch", move || run(&watched, pause))
}

/// Ends when the store is gone.
fn run(store: &Weak<Inner>, pause: Duration) {
    let (mut seen, mut tried) = (Vec::new(), Instant::now());
    loop {
        std::thread::sleep(POLL_INTERVAL);
        let Some(store) = store.upgrade() else { return };
        let health = store.health();
        health.poll(&mut seen);
        if is_to_be_tried(health) && tried.elapsed() >= pause {
            tried = Instant::now();
            try_to_write(&store);
        }
    }
}

/// While a write hangs no other is tried: that one shows when the store writes again.
fn is_to_be_tried(health: &Health) -> bool {
    (health.has(Trouble::Full) || health.has(Trouble::Failing)) && !health.has(Trouble::Stalled)
}

/// Queues a trial write. As with any other write, the writer reports the outcome to `Health`.
pub fn try_to_write(store: &Inner) {
    let database = store.database.clone();
    let run = move |tx: &Tx<'_>| {
        database.raise_bound(tx.conn)?;
        tx.try_room(TRY_BYTES)
    };
    let (answer, _) = oneshot::channel();
    // If the queue is full the next poll tries again.
    drop(store.writer.queue(Job::new("store.try", run, None, answer)));
}

impl Tx<'_> {
    /// Takes as much room as a write needs that stores something, and gives it back.
    fn try_room(&self, bytes: usize) -> Result<(), StoreError> {
        const SCOPE: &str = "store.try";
        self.conn.execute(
            "INSERT INTO idempotent_response (scope, fingerprint, status, headers, body, expires_at) \
             VALUES (?1, x'', 0, '[]', zeroblob(?2), 0) ON CONFLICT (scope) DO UPDATE SET body = excluded.body",
            rusqlite::params![SCOPE, bytes as i64],
        )?;
        self.conn.execute("DELETE FROM idempotent_response WHERE scope = ?1", [SCOPE])?;
        Ok(())
    }
}
