//! Connections: how each is opened, and the per-thread readers.
//!
//! A reader belongs to one thread and sees what was committed when its statement began. The SQL of the tables is written
//! as methods of `Reader` and `Tx`.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::appended::Appended;
use super::backup;
use super::disk;
use super::health::Health;
use super::migrate::{SCHEMA_VERSION, version};
use super::reading::Reading;
use super::rows::Unreadable;
use super::signals::RaisedSignals;
use super::subscriptions::Subscriptions;
use super::trouble::Trouble;
use crate::StoreError;
use moothall_core::config::StoreConfig;

/// Prepared statements that each connection keeps.
const STATEMENTS: usize = 64;
/// How long a backup waits for a writer of another process, in milliseconds.
const BACKUP_BUSY_MS: u64 = 30_000;

/// How much of the free space a database without a configured bound may take, in percent.
const FREE_PERCENT: u64 = 90;
/// The bound if the free space is not known.
const UNBOUNDED_BYTES: u64 = 1 << 40;

/// How much SQLite maps at once.
const MAPPED_PAGE_BYTES: u64 = 4 << 10;
/// The first part of a log's index, with some to spare.
const INDEX_BYTES: u64 = 64 << 10;

/// A read-only view.
pub struct Reader<'a> {
    pub(crate) conn: &'a Connection,
    pub(crate) unreadable: &'a Unreadable,
}

/// One write inside the writer's transaction, and its name for `written_by`.
#[derive(Clone, Copy)]
pub struct Tx<'a> {
    pub(crate) conn: &'a Connection,
    pub name: &'static str,
    pub(crate) raised: &'a RaisedSignals,
    pub(crate) subscriptions: &'a Subscriptions,
    pub(crate) appended: &'a Appended,
    pub(crate) unreadable: &'a Unreadable,
}

impl Tx<'_> {
    /// The write of that name in the same transaction.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Reads what the write sees: everything but the events of this transaction, which have no rows yet.
    pub fn reader(&self) -> Reader<'_> {
        Reader { conn: self.conn, unreadable: self.unreadable }
    }
}

impl Reader<'_> {
    pub fn used_bytes(&self) -> Result<u64, StoreError> {
        let ask = |name| self.conn.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
        let pages = ask("page_count")?.saturating_sub(ask("freelist_count")?);
        Ok(u64::from(pages) * u64::from(ask("page_size")?))
    }
}

/// How large a database without a configured bound may become: its size, and most of the free space of its disk. The rest
/// is left to its log, and to others.
fn bound_by_room(path: &Path) -> u64 {
    let there = std::fs::metadata(path).map_or(0, |file| file.len());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match rustix::fs::statvfs(folder.unwrap_or(Path::new("."))) {
        Ok(room) => {
            there.saturating_add(room.f_bavail.saturating_mul(room.f_frsize) / 100 * FREE_PERCENT)
        }
        Err(error) => {
            tracing::warn!(%error, "the free space of the data directory cannot be read: the database is not bounded");
            UNBOUNDED_BYTES
        }
    }
}

/// A database file and how to open it.
pub struct Database {
    /// Identifies this database in `READERS`, of all in one process.
    number: u64,
    path: PathBuf,
    config: StoreConfig,
    health: Health,
    /// The largest size of its file, in bytes.
    bound: AtomicU64,
    /// Threads that wait in a read aside now.
    aside: AtomicUsize,
}

/// A thread's own connection to one database.
struct OwnReader {
    database: u64,
    conn: Connection,
    reading: Arc<Reading>,
}

thread_local! {
    /// This thread's readers: one, except where tests open several databases.
    static READERS: RefCell<Vec<OwnReader>> = const { RefCell::new(Vec::new()) };
    /// Whether this thread hands its tasks to another thread while it reads.
    static ASIDE: Cell<bool> = const { Cell::new(false) };
}

/// From now on this thread hands its tasks to another thread before it reads. For the threads of a multi-threaded runtime,
/// whose tasks must not wait for the disk; costs a change of threads for each read.
pub fn read_aside() {
    ASIDE.set(true);
}

impl Database {
    pub fn new(path: &Path, config: &StoreConfig) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            path: path.to_owned(),
            config: config.clone(),
            health: Health::new(config),
            bound: config.database_bytes.unwrap_or_else(|| bound_by_room(path)).into(),
            aside: AtomicUsize::new(0),
        }
    }

    pub fn health(&self) -> &Health {
        &self.health
    }

    pub fn bound_bytes(&self) -> u64 {
        self.bound.load(Ordering::Relaxed)
    }

    /// Raises the bound to the room that there is now, unless a bound is configured. A host that started on a full disk
    /// would otherwise not use the room that is freed later.
    pub fn raise_bound(&self, conn: &Connection) -> Result<(), StoreError> {
        if self.config.database_bytes.is_some() {
            return Ok(());
        }
        let room = bound_by_room(&self.path);
        if room > self.bound.fetch_max(room, Ordering::Relaxed) {
            self.apply_bound(conn)?;
        }
        Ok(())
    }

    fn apply_bound(&self, conn: &Connection) -> Result<(), StoreError> {
        let page: u32 = conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = self.bound_bytes() / u64::from(page.max(1));
        let pages = u32::try_from(pages).unwrap_or(u32::MAX - 1).max(1);
        Ok(conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?)
    }

    pub fn open_writer(&self) -> Result<Connection, StoreError> {
        self.require_room_for_index()?;
        let conn = Connection::open(&self.path).map_err(|error| self.cannot_open(&error))?;
        conn.busy_timeout(Duration::from_millis(self.config.busy_ms))?;
        let mode: String = conn
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
            .map_err(|error| self.cannot_open(&error))?;
        if mode != "wal" {
            return Err(
                self.cannot_open(&format!("it cannot be put into WAL mode (it is in `{mode}`)"))
            );
        }
        conn.pragma_update(None, "synchronous", "FULL")?;
        // What savepoints keep stays in memory by SQLITE_STMTJRNL_SPILL in .cargo/config.toml: `temp_store` would
        // keep it in pieces of a kilobyte. Built without that, large batches go through a temporary file.
        conn.pragma_update(None, "foreign_keys", true)?;
        // The checkpoint thread copies the log; a commit never waits for that.
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
        // A log that has grown beyond this is cut when it starts again from its beginning.
        let keep = i64::try_from(self.config.log_keep_bytes).unwrap_or(i64::MAX);
        conn.pragma_update_and_check(None, "journal_size_limit", keep, |_| Ok(()))?;
        self.apply_bound(&conn)?;
        self.tune(&conn)?;
        Ok(conn)
    }

    /// SQLite maps the index of its log, and reserves room for it by pages of memory. On a file system with smaller blocks
    /// that leaves holes, and a process that touches a hole on a full disk is killed.
    fn require_room_for_index(&self) -> Result<(), StoreError> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let Ok(room) = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))) else { return Ok(()) };
        let blocks =
            if rustix::process::geteuid().is_root() { room.f_bfree } else { room.f_bavail };
        if room.f_frsize < MAPPED_PAGE_BYTES && blocks * room.f_frsize < INDEX_BYTES {
            return Err(self.full());
        }
        Ok(())
    }

    fn full(&self) -> StoreError {
        let path = self.path.display();
        StoreError::Full(format!("the disk of {path} is full; make room on it and start again"))
    }

    fn open_reader(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&self.path, flags)
            .map_err(|error| self.cannot_open(&error))?;
        conn.busy_timeout(Duration::from_millis(self.config.busy_ms))?;
        self.tune(&conn)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        Ok(conn)
    }

    /// The write-ahead log, or its index.
    pub fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(suffix);
        path.into()
    }

    /// A connection for checkpoints, which are neither reads nor writes of rows.
    pub fn open_checkpointer(&self) -> Result<Connection, StoreError> {
        let conn = Connection::open(&self.path)?;
        conn.busy_timeout(Duration::from_millis(self.config.busy_ms))?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        Ok(conn)
    }

    fn tune(&self, conn: &Connection) -> Result<(), StoreError> {
        conn.pragma_update(None, "cache_size", -i64::from(self.config.cache_kib))?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(())
    }

    pub fn read<T>(
        &self,
        run: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.health.has(Trouble::Hanging) {
            // This read would hang too, and its thread with it.
            return Err(StoreError::Stalled);
        }
        if !ASIDE.get() {
            return self.read_here(run);
        }
        // Each of these reads blocks a thread of its own.
        let place = self.aside.fetch_add(1, Ordering::Relaxed);
        let read = match place < self.config.waiting_reads {
            true => tokio::task::block_in_place(|| self.read_here(run)),
            false => Err(StoreError::Stalled),
        };
        self.aside.fetch_sub(1, Ordering::Relaxed);
        read
    }

    fn read_here<T>(
        &self,
        run: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        READERS.with_borrow_mut(|readers| {
            let own = readers.iter().position(|own| own.database == self.number);
            let at = match own {
                Some(at) => at,
                None => {
                    readers.push(self.own_reader()?);
                    readers.len() - 1
                }
            };
            let OwnReader { conn, reading, .. } = &readers[at];
            let in_progress = reading.begin();
            let read = run(&Reader { conn, unreadable: self.health.unreadable() });
            if in_progress.is_late() {
                return Err(StoreError::Stalled);
            }
            read.inspect_err(|error| self.health.note_error(error))
        })
    }

    fn own_reader(&self) -> Result<OwnReader, StoreError> {
        let reading = self.health.reader();
        let in_progress = reading.begin();
        let conn = self.open_reader()?;
        drop(in_progress);
        Ok(OwnReader { database: self.number, conn, reading })
    }

    pub fn backup(&self, file: &Path) -> Result<(), StoreError> {
        let conn = self.open_reader()?;
        conn.busy_timeout(Duration::from_millis(BACKUP_BUSY_MS))?;
        backup::copy(&conn, file)
    }

    /// Copies a database of an older schema before it is migrated, as there is no other way back. A copy of that schema that
    /// is there already is kept: an upgrade that was cut off is tried again.
    pub fn keep_older(&self, conn: &Connection) -> Result<(), StoreError> {
        let schema = version(conn)?;
        let kept = self.beside(&format!(".schema-{schema}"));
        let is_older = (1..SCHEMA_VERSION).contains(&schema);
        if !is_older || !self.config.copy_before_upgrade || kept.exists() {
            return Ok(());
        }
        backup::copy(conn, &kept)?;
        tracing::info!(copy = %kept.display(), "the database is brought to this version's schema; it was copied before");
        Ok(())
    }

    fn cannot_open(&self, cause: &dyn std::fmt::Display) -> StoreError {
        let path = self.path.display();
        self.or_full(StoreError::Unavailable(format!("{path} cannot be opened: {cause}")))
    }

    /// The error, or that the disk is full: SQLite often says only that it failed.
    pub fn or_full(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Unavailable(_) | StoreError::Full(_)
                if disk::is_full_beside(&self.path.to_string_lossy()) =>
            {
                self.full()
            }
            error => error,
        }
    }
}
