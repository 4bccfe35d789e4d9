//! The thread that sees what does not come back, and tries whether a store that did not write writes again.
//! Must never touch the disk or wait for anybody who does.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::health::{Health, LOOK, Wrong};
use super::job::Job;
use super::{Inner, StoreError, Tx};
use moothall_core::config::StoreConfig;

/// What a try needs room for, in bytes: as much as most writes.
const TRY_BYTES: usize = 64 << 10;

pub fn start(store: &Arc<Inner>, config: &StoreConfig) -> Result<(), StoreError> {
    let pause = Duration::from_millis(config.retry_ms.max(1));
    let watched = Arc::downgrade(store);
    store.health().thread("store-watch", move || run(&watched, pause))
}

/// Ends when the store is gone.
fn run(store: &Weak<Inner>, pause: Duration) {
    let (mut seen, mut tried) = (Vec::new(), Instant::now());
    loop {
        std::thread::sleep(LOOK);
        let Some(store) = store.upgrade() else { return };
        let health = store.health();
        health.look(&mut seen);
        if is_to_be_tried(health) && tried.elapsed() >= pause {
            tried = Instant::now();
            try_to_write(&store);
        }
    }
}

/// One that hangs is tried by the write that hangs.
fn is_to_be_tried(health: &Health) -> bool {
    (health.is(Wrong::Full) || health.is(Wrong::Failing)) && !health.is(Wrong::Stalled)
}

/// What comes of it is told by the writer to `Health`, as of any other write.
pub fn try_to_write(store: &Inner) {
    let database = store.database.clone();
    let run = move |tx: &Tx<'_>| {
        database.raise_bound(tx.conn)?;
        tx.try_room(TRY_BYTES)
    };
    let (answer, _) = oneshot::channel();
    // One that finds no place comes again.
    drop(store.writer.queue(Job::new("store.try", run, None, answer)));
}

impl Tx<'_> {
    /// Takes so much room and gives it back: what a write would need that stores something.
    fn try_room(&self, bytes: usize) -> Result<(), StoreError> {
        const SCOPE: &str = "store.try";
        self.conn.execute(
            "INSERT OR REPLACE INTO idempotent_response (scope, fingerprint, status, headers, body, expires_at) \
             VALUES (?1, x'', 0, '[]', zeroblob(?2), 0)",
            rusqlite::params![SCOPE, bytes as i64],
        )?;
        self.conn.execute("DELETE FROM idempotent_response WHERE scope = ?1", [SCOPE])?;
        Ok(())
    }
}
