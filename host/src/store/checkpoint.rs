//! Copies the write-ahead log into the database, on a thread of its own.
//!
//! A commit waits for it for `CHECKPOINT_BUSY` at most. When the log has grown to its bound the
//! copy is finished under the writer's lock, after most of it was done without, and the log starts
//! again from its beginning: its size stays bounded under steady load. The file keeps its length,
//! because a commit that overwrites costs the disk half of one that appends.

use std::sync::{Arc, Weak};
use std::time::Duration;

use rusqlite::Connection;

use super::StoreError;
use super::connection::Database;
use crate::config::StoreConfig;

/// Bytes of one frame of the log: a page and its header.
const FRAME_BYTES: u64 = 4096 + 24;
/// How often the log's size is looked at.
const EVERY: Duration = Duration::from_millis(100);
/// How long a checkpoint waits for readers, and commits for it, before it is left for later.
const CHECKPOINT_BUSY: Duration = Duration::from_millis(20);
/// At so many times `checkpoint_bytes` the log is made to start again.
const RESTART_AT: u64 = 2;

pub fn start(database: &Arc<Database>, config: &StoreConfig) -> Result<(), StoreError> {
    let conn = database.open_checkpointer()?;
    // It takes the writer's lock before it waits for readers, such as a backup.
    conn.busy_timeout(CHECKPOINT_BUSY)?;
    let database = Arc::downgrade(database);
    let frames = (config.checkpoint_bytes / FRAME_BYTES).max(1);
    std::thread::Builder::new()
        .name("store-checkpoint".into())
        .spawn(move || run(&conn, &database, frames))
        .map_err(|error| {
            StoreError::Unavailable(format!("the checkpointer cannot start: {error}"))
        })?;
    Ok(())
}

/// Copies all of it, and leaves an empty log.
pub fn finish(database: &Database) -> Result<(), StoreError> {
    checkpoint(&database.open_checkpointer()?, "TRUNCATE").map(drop)
}

/// Ends when the store is gone.
fn run(conn: &Connection, database: &Weak<Database>, frames: u64) {
    while database.strong_count() > 0 {
        std::thread::sleep(EVERY);
        if let Err(error) = look(conn, frames) {
            // The log is complete without it; the next round tries again.
            tracing::warn!(%error, "the write-ahead log could not be copied into the database");
        }
    }
}

fn look(conn: &Connection, frames: u64) -> Result<(), StoreError> {
    let Log { frames: in_log, copied } = checkpoint(conn, "NOOP")?;
    if in_log.saturating_sub(copied) >= frames {
        checkpoint(conn, "PASSIVE")?;
    }
    if in_log >= frames.saturating_mul(RESTART_AT) {
        checkpoint(conn, "RESTART")?;
    }
    Ok(())
}

/// Frames since the log's beginning, and how many of them are in the database.
struct Log {
    frames: u64,
    copied: u64,
}

fn checkpoint(conn: &Connection, mode: &str) -> Result<Log, StoreError> {
    let count =
        |row: &rusqlite::Row<'_>, at| row.get::<_, i64>(at).map(|n| n.max(0).unsigned_abs());
    let log = |row: &rusqlite::Row<'_>| Ok(Log { frames: count(row, 1)?, copied: count(row, 2)? });
    Ok(conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], log)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_copied_starts_again_and_keeps_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::new(&directory.path().join("log.db"), &StoreConfig::default());
        let writer = database.open_writer().unwrap();
        let looker = database.open_checkpointer().unwrap();
        writer.execute_batch("CREATE TABLE t (x)").unwrap();
        let write = |n: i64| {
            assert_eq!(writer.execute("INSERT INTO t VALUES (?1)", [n]), Ok(1));
        };
        (0..50).for_each(write);
        assert!(checkpoint(&looker, "NOOP").unwrap().frames >= 50, "NOOP only looks");
        look(&looker, 10).unwrap();
        write(50);
        assert!(checkpoint(&looker, "NOOP").unwrap().frames < 10, "the log began again");
        let log = std::fs::metadata(directory.path().join("log.db-wal")).unwrap().len();
        assert!(log > 50 * FRAME_BYTES, "its file keeps its length");
    }
}
