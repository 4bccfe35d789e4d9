//! Copies the write-ahead log into the database, on a thread of its own.
//!
//! A commit waits for it for `CHECKPOINT_BUSY` at most. When the log has grown past its bound the copy is finished under
//! the writer's lock, after most of it was done without, so that the log starts again from its
//! beginning and its size stays bounded under steady load.

use std::sync::{Arc, Weak};
use std::time::Duration;

use rusqlite::Connection;

use super::StoreError;
use super::connection::Database;
use super::writer::WriteFault;
use crate::config::StoreConfig;

/// How often the log's size is looked at.
const EVERY: Duration = Duration::from_millis(100);
/// How long a checkpoint waits for readers, and commits for it, before it is left for later.
const CHECKPOINT_BUSY: Duration = Duration::from_millis(20);
/// At so many times `checkpoint_bytes` the log is made to start again.
const RESTART_AT: u64 = 8;

pub fn start(
    database: &Arc<Database>,
    fault: WriteFault,
    config: &StoreConfig,
) -> Result<(), StoreError> {
    let conn = database.open_checkpointer()?;
    // It takes the writer's lock before it waits for readers, such as a backup.
    conn.busy_timeout(CHECKPOINT_BUSY)?;
    let database = Arc::downgrade(database);
    let bytes = config.checkpoint_bytes.max(1);
    std::thread::Builder::new()
        .name("store-checkpoint".into())
        .spawn(move || run(&conn, &database, &fault, bytes))
        .map_err(|error| {
            StoreError::Unavailable(format!("the checkpointer cannot start: {error}"))
        })?;
    Ok(())
}

/// Copies all of it, and leaves an empty log.
pub fn finish(database: &Database) -> Result<(), StoreError> {
    checkpoint(&database.open_checkpointer()?, "TRUNCATE")
}

/// Ends when the store is gone.
fn run(conn: &Connection, database: &Weak<Database>, fault: &WriteFault, bytes: u64) {
    let mut done_at = 0;
    loop {
        std::thread::sleep(EVERY);
        let Some(log) = database.upgrade().map(|database| database.log_bytes()) else { return };
        if log < bytes || (log == done_at && fault.get().is_none()) {
            continue;
        }
        done_at = log;
        let mut outcome = checkpoint(conn, "PASSIVE");
        if log >= bytes.saturating_mul(RESTART_AT) {
            outcome = outcome.and_then(|()| checkpoint(conn, "TRUNCATE"));
        }
        if let Err(error) = outcome {
            // The log is complete without it; the next round tries again.
            tracing::warn!(%error, "the write-ahead log could not be copied into the database");
        }
    }
}

fn checkpoint(conn: &Connection, mode: &str) -> Result<(), StoreError> {
    conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))?;
    Ok(())
}
