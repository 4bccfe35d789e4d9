//! Copies the write-ahead log into the database, on a thread of its own.
//!
//! A commit waits for it for `CHECKPOINT_BUSY` at most. When the log has grown to its bound and no reader prevents it, the
//! rest is copied under the writer's lock and the log starts again from its beginning, so that its size stays bounded
//! under steady load. A reader of an old state prevents that everything after that state is copied: meanwhile the log
//! grows, nobody waits for the reader, and the host logs which process it is. The log's file keeps its length, up to
//! `log_keep_bytes`, because a commit that overwrites costs the disk half of one that appends.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use metrics::Gauge;
use rusqlite::Connection;

use super::connection::Database;
use super::health::Health;
use super::long_readers;
use crate::StoreError;
use moothall_core::config::StoreConfig;
use moothall_core::retry::RetryPolicy;
use moothall_core::telemetry::metric::{STORE_CHECKPOINT_AGE, STORE_LOG};

/// Bytes of one frame of the log: a page and its header.
const FRAME_BYTES: u64 = 4096 + 24;
/// How often the log's size is checked.
const EVERY: Duration = Duration::from_millis(100);
/// How long a checkpoint waits for readers, and commits for the checkpoint, before it is left for later.
const CHECKPOINT_BUSY: Duration = Duration::from_millis(20);
/// A log of so many times `checkpoint_bytes` is made to start again.
const RESTART_AT: u64 = 2;
/// If no more than this fraction (1/8) of `checkpoint_bytes` is left to copy, no reader prevents it.
const NEARLY: u64 = 8;
/// The pause between two restarts of the log, longer with each that a reader prevents. Short enough that a writer
/// that never pauses does not keep the log growing.
const RESTART: RetryPolicy = RetryPolicy::doubling(100, 1_000);

pub fn start(database: &Arc<Database>, config: &StoreConfig) -> Result<(), StoreError> {
    let conn = database.open_checkpointer()?;
    // A checkpoint takes the writer's lock before it waits for readers, such as a backup.
    conn.busy_timeout(CHECKPOINT_BUSY)?;
    let checkpointer = Checkpointer::new(conn, database, config);
    let database = Arc::downgrade(database);
    let health = checkpointer.health.clone();
    health.spawn_thread("store-checkpoint", move || checkpointer.run(&database))
}

/// Copies all of it, and leaves an empty log.
pub fn finish(database: &Database) -> Result<(), StoreError> {
    checkpoint(&database.open_checkpointer()?, "TRUNCATE").map(drop)
}

struct Checkpointer {
    conn: Connection,
    /// How many frames may be left to copy.
    frames: u64,
    keep_bytes: u64,
    long_read: Duration,
    file: PathBuf,
    index: PathBuf,
    health: Health,
    /// When the whole log was copied last.
    complete: Instant,
    /// Restarts in a row that a reader prevented.
    prevented: u32,
    restart_at: Instant,
    /// The length of the log at which its readers are logged next.
    say_at: u64,
    is_failing: bool,
    bytes: Gauge,
    age: Gauge,
}

impl Checkpointer {
    fn new(conn: Connection, database: &Database, config: &StoreConfig) -> Self {
        Self {
            conn,
            frames: (config.checkpoint_bytes / FRAME_BYTES).max(1),
            keep_bytes: config.log_keep_bytes,
            long_read: Duration::from_millis(config.long_read_ms),
            file: database.beside("-wal"),
            index: database.beside("-shm"),
            health: database.health().clone(),
            complete: Instant::now(),
            prevented: 0,
            restart_at: Instant::now(),
            say_at: config.log_keep_bytes,
            is_failing: false,
            bytes: STORE_LOG.of(&[]),
            age: STORE_CHECKPOINT_AGE.of(&[]),
        }
    }

    /// Ends when the store is gone.
    fn run(mut self, database: &Weak<Database>) {
        while database.strong_count() > 0 {
            std::thread::sleep(EVERY);
            let polled = self.poll();
            self.report(polled.err());
            self.measure();
        }
    }

    /// Logs a failure once. Nothing is lost by it, and the next round tries again.
    fn report(&mut self, error: Option<StoreError>) {
        match (&error, self.is_failing) {
            (Some(error), false) => {
                tracing::warn!(%error, "the write-ahead log cannot be copied into the database; it grows meanwhile");
            }
            (None, true) => tracing::info!("the write-ahead log is copied again"),
            _ => {}
        }
        self.is_failing = error.is_some();
    }

    fn poll(&mut self) -> Result<(), StoreError> {
        let mut log = checkpoint(&self.conn, "NOOP")?;
        let mut nobody_reads = log.left() <= self.frames / NEARLY;
        if log.left() >= self.frames {
            let there = log.frames;
            log = checkpoint(&self.conn, "PASSIVE")?;
            // What is left was written meanwhile, however much that is: a busy writer is no reader of an old state.
            nobody_reads |= log.copied >= there;
        }
        let is_long = log.frames >= self.frames.saturating_mul(RESTART_AT);
        if is_long && nobody_reads && self.restart_at <= Instant::now() {
            log = checkpoint(&self.conn, "RESTART")?;
            self.restarted(log.is_busy);
        }
        if log.left() < self.frames {
            self.complete = Instant::now();
        }
        Ok(())
    }

    /// A restart that a reader prevented has kept the writer waiting: the next comes later.
    fn restarted(&mut self, is_busy: bool) {
        self.prevented = if is_busy { self.prevented.saturating_add(1) } else { 0 };
        self.restart_at = Instant::now() + self.restart_pause();
    }

    fn restart_pause(&self) -> Duration {
        RESTART.wait(self.prevented.saturating_add(1))
    }

    fn measure(&mut self) {
        let bytes = std::fs::metadata(&self.file).map_or(0, |file| file.len());
        self.bytes.set(bytes as f64);
        self.age.set(self.complete.elapsed().as_secs_f64());
        if bytes <= self.keep_bytes {
            self.say_at = self.keep_bytes;
        } else if bytes > self.say_at && self.complete.elapsed() > self.long_read {
            self.say_at = bytes.saturating_mul(2);
            self.say_who_reads(bytes);
        }
    }

    fn say_who_reads(&self, bytes: u64) {
        let mut readers = long_readers::others(&self.index);
        readers.extend(self.health.long_reads());
        let seconds = self.complete.elapsed().as_secs();
        if readers.is_empty() {
            readers.push("nobody who is known".to_owned());
        }
        tracing::warn!(
            bytes,
            seconds,
            "the write-ahead log grows because an old state of the database is being read, by {}",
            readers.join(", ")
        );
    }
}

/// Frames since the log's beginning, and how many of them are in the database.
struct Log {
    is_busy: bool,
    frames: u64,
    copied: u64,
}

impl Log {
    fn left(&self) -> u64 {
        self.frames.saturating_sub(self.copied)
    }
}

fn checkpoint(conn: &Connection, mode: &str) -> Result<Log, StoreError> {
    let count =
        |row: &rusqlite::Row<'_>, at| row.get::<_, i64>(at).map(|n| n.max(0).unsigned_abs());
    let log = |row: &rusqlite::Row<'_>| {
        Ok(Log { is_busy: row.get(0)?, frames: count(row, 1)?, copied: count(row, 2)? })
    };
    Ok(conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], log)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        directory: tempfile::TempDir,
        database: Database,
        writer: Connection,
        checkpointer: Checkpointer,
    }

    /// Ten frames are the bound.
    fn scene() -> Scene {
        let directory = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            checkpoint_bytes: 10 * FRAME_BYTES,
            log_keep_bytes: 100 * FRAME_BYTES,
            ..StoreConfig::default()
        };
        let database = Database::new(&directory.path().join("log.db"), &config);
        let writer = database.open_writer().unwrap();
        writer.execute_batch("CREATE TABLE t (x)").unwrap();
        let conn = database.open_checkpointer().unwrap();
        conn.busy_timeout(CHECKPOINT_BUSY).unwrap();
        let checkpointer = Checkpointer::new(conn, &database, &config);
        Scene { directory, database, writer, checkpointer }
    }

    impl Scene {
        fn write(&self, times: usize) {
            for _ in 0..times {
                assert_eq!(self.writer.execute("INSERT INTO t VALUES (1)", []), Ok(1));
            }
        }

        fn log(&self) -> Log {
            checkpoint(&self.checkpointer.conn, "NOOP").unwrap()
        }

        fn file(&self) -> u64 {
            std::fs::metadata(self.directory.path().join("log.db-wal")).unwrap().len()
        }
    }

    #[test]
    fn a_log_that_is_copied_starts_again_and_keeps_its_file() {
        let mut scene = scene();
        scene.write(50);
        assert!(scene.log().frames >= 50, "NOOP only looks");
        scene.checkpointer.poll().unwrap();
        scene.write(1);
        assert!(scene.log().frames < 10, "the log began again");
        assert!(scene.file() > 50 * FRAME_BYTES, "its file keeps its length");
    }

    #[test]
    fn a_log_of_which_a_busy_writer_always_leaves_a_little_starts_again() {
        let mut scene = scene();
        scene.write(50);
        let reader = Connection::open(scene.directory.path().join("log.db")).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        scene.write(1);
        // As if the writer had written it while the rest was copied.
        assert_eq!(checkpoint(&scene.checkpointer.conn, "PASSIVE").unwrap().left(), 1);
        reader.execute_batch("COMMIT").unwrap();
        scene.checkpointer.poll().unwrap();
        scene.write(1);
        assert!(scene.log().frames < 10, "the log began again");
    }

    #[test]
    fn nobody_waits_for_a_reader_of_an_old_state_and_the_log_is_short_again_after_it() {
        let mut scene = scene();
        let reader = Connection::open(scene.directory.path().join("log.db")).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        scene.write(200);
        let before = scene.checkpointer.restart_at;
        scene.checkpointer.poll().unwrap();
        assert_eq!(scene.checkpointer.restart_at, before, "no restart was tried");
        assert!(scene.log().left() > 100, "what comes after the reader is not copied");
        assert!(scene.file() > 200 * FRAME_BYTES);

        reader.execute_batch("COMMIT").unwrap();
        scene.checkpointer.poll().unwrap();
        assert_ne!(scene.checkpointer.restart_at, before);
        scene.write(1);
        assert!(scene.log().frames < 10, "the log began again");
        let keep = scene.checkpointer.keep_bytes + 2 * FRAME_BYTES;
        assert!(scene.file() <= keep, "its file was cut");
        drop(scene.database);
    }

    #[test]
    fn a_restart_that_a_reader_prevents_is_tried_less_and_less_often() {
        let mut scene = scene();
        scene.write(50);
        let reader = Connection::open(scene.directory.path().join("log.db")).unwrap();
        // It reads the newest state: all can be copied, and the log cannot start again.
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        let mut pauses = Vec::new();
        for _ in 0..3 {
            scene.checkpointer.restart_at = Instant::now();
            scene.checkpointer.poll().unwrap();
            pauses.push(scene.checkpointer.restart_pause());
        }
        assert_eq!(pauses, [EVERY * 2, EVERY * 4, EVERY * 8]);
        reader.execute_batch("COMMIT").unwrap();
        scene.checkpointer.restart_at = Instant::now();
        scene.checkpointer.poll().unwrap();
        assert_eq!(scene.checkpointer.restart_pause(), EVERY);
    }
}
