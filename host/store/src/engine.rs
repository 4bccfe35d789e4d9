//! The machine below the tables: connections, the one thread that writes, checkpoints, migrations, health.
//!
//! Knows no table, except the one that a trial write uses. Nothing here may wait for a guest or for HTTP.

mod appended;
mod backup;
mod checkpoint;
mod connection;
mod disk;
mod examine;
mod health;
mod job;
mod long_readers;
mod migrate;
mod reading;
mod restore;
pub mod rows;
mod signals;
pub mod subscriptions;
mod trouble;
mod watch;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::StoreError;
use moothall_core::chain::{Link, Seen};
use moothall_core::config::StoreConfig;

pub use connection::{Reader, Tx, read_aside};
pub use examine::{ExaminedDatabase, examine, examine_copy};
pub use health::Health;
pub use migrate::SCHEMA_VERSION;
pub use signals::Signals;
pub use trouble::Trouble;

use connection::Database;
use job::{Claim, Job};
use writer::Writer;

/// Runs on the writer's thread after a write was committed (`Some`) or has failed (`None`). It releases what the write
/// keeps locked, even if the client that caused the write is gone.
pub type AfterWrite<T> = Box<dyn FnOnce(Option<&T>) + Send>;

/// A handle on the store; clones share it. The writer ends when the last one is dropped.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Writer,
    database: Arc<Database>,
    /// How long a caller waits for a write.
    patience: Duration,
}

impl Inner {
    fn health(&self) -> &Health {
        self.database.health()
    }
}

impl Store {
    /// Opens the database, creates it if it is not there, and starts the writer.
    pub fn open(path: &Path, config: &StoreConfig) -> Result<Self, StoreError> {
        let database = Arc::new(Database::new(path, config));
        let mut conn = database.open_writer()?;
        database.keep_older(&conn).map_err(|error| database.or_full(error))?;
        migrate::migrate(&mut conn).map_err(|error| database.or_full(error))?;
        Self::start(database.clone(), conn, config).map_err(|error| database.or_full(error))
    }

    /// Opens a database that a running host uses, as it is: only the host changes its schema.
    pub fn open_beside_host(path: &Path, config: &StoreConfig) -> Result<Self, StoreError> {
        let database = Arc::new(Database::new(path, config));
        let conn = database.open_writer()?;
        migrate::require_current(&conn)?;
        Self::start(database, conn, config)
    }

    fn start(
        database: Arc<Database>,
        conn: Connection,
        config: &StoreConfig,
    ) -> Result<Self, StoreError> {
        let writer = Writer::start(conn, config, database.health().clone())?;
        checkpoint::start(&database, config)?;
        let patience = Duration::from_millis(config.stalled_ms.max(1));
        let inner = Arc::new(Inner { writer, database, patience });
        watch::start(&inner, config)?;
        Ok(Self { inner })
    }

    /// Reads on this thread's own connection. Blocks for as long as the statements take.
    pub fn read<T>(
        &self,
        run: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.inner.database.read(run)
    }

    /// Queues a write and waits until it is durable, or has failed and left nothing; for `stalled_ms` at most,
    /// after which one that was begun is `Unsettled`.
    pub async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        run: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_then(name, run, None).await
    }

    /// As `write`; runs `after` when it has ended, whether the caller still waits or not.
    pub async fn write_then<T: Send + 'static>(
        &self,
        name: &'static str,
        run: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        after: Option<AfterWrite<T>>,
    ) -> Result<T, StoreError> {
        self.write_of(name, 0, run, after).await
    }

    /// As `write_then`, for a write that stores about so many bytes: the writer bounds the bytes of a batch.
    pub async fn write_of<T: Send + 'static>(
        &self,
        name: &'static str,
        bytes: usize,
        run: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        after: Option<AfterWrite<T>>,
    ) -> Result<T, StoreError> {
        self.queue_write(name, bytes, run, after, None)?.stored().await
    }

    /// As `write_of`, but does not wait: the write is queued. With a `link` it is stored only if the writes are on which it
    /// may rest.
    pub fn queue_write<T: Send + 'static>(
        &self,
        name: &'static str,
        bytes: usize,
        run: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        after: Option<AfterWrite<T>>,
        link: Option<Link>,
    ) -> Result<QueuedWrite<T>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::new(name, run, after, answer).of_bytes(bytes).linked(link);
        let claim = job.claim();
        self.queue(job)?;
        Ok(QueuedWrite { answered, claim, store: self.clone() })
    }

    /// Waits until everything is stored that was seen before it was; for `stalled_ms` at most.
    pub async fn until_stored(&self, seen: &Seen) -> Result<(), StoreError> {
        match tokio::time::timeout(self.inner.patience, seen.stored()).await {
            Ok(stored) => stored.map_err(StoreError::before_it),
            Err(_) => {
                self.health().report_if_stalled();
                Err(StoreError::Stalled)
            }
        }
    }

    /// As `write`, but waits for however long it takes: for background work that must not be done twice.
    pub async fn write_unhurried<T: Send + 'static>(
        &self,
        name: &'static str,
        bytes: usize,
        run: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue(Job::new(name, run, None, answer).of_bytes(bytes))?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    /// While a write hangs, others would only queue behind it.
    fn queue(&self, job: Job) -> Result<(), StoreError> {
        if self.health().has(Trouble::Stalled) {
            job.refuse(StoreError::Stalled);
            return Err(StoreError::Stalled);
        }
        self.inner.writer.queue(job)
    }

    /// The worst trouble that is known. If nothing was written for a while this also queues a trial write, whose outcome the
    /// next call shows. Never waits.
    pub fn trouble(&self) -> Option<Trouble> {
        if self.health().claim_trial_write() {
            watch::try_to_write(&self.inner);
        }
        self.health().worst()
    }

    /// Whether the store can be written and read.
    pub fn health(&self) -> &Health {
        self.inner.health()
    }

    /// The signals that commits send.
    pub fn signals(&self) -> &Signals {
        self.inner.writer.signals()
    }

    /// Copies the database at `path` into `file`, consistently, while a host may write. Works with any schema.
    pub fn backup(path: &Path, config: &StoreConfig, file: &Path) -> Result<(), StoreError> {
        Database::new(path, config).backup(file)
    }

    /// Puts a copy of `backup` in the place of `database`, which no host uses. What is there is renamed to `aside`.
    pub fn restore(backup: &Path, database: &Path, aside: &Path) -> Result<(), StoreError> {
        restore::restore(backup, database, aside)
    }

    /// The last step of a clean stop: copies the write-ahead log into the database.
    pub fn finish(&self) -> Result<(), StoreError> {
        checkpoint::finish(&self.inner.database)
    }

    /// Bytes of the database that are in use; free pages do not count.
    pub fn used_bytes(&self) -> Result<u64, StoreError> {
        self.read(|reader| reader.used_bytes())
    }

    /// The bound of the database's size.
    pub fn bound_bytes(&self) -> u64 {
        self.inner.database.bound_bytes()
    }

    /// Writes that wait in the queue.
    pub fn queued(&self) -> usize {
        self.inner.writer.queued()
    }
}

/// A write in the writer's queue. It is stored or fails, whether anybody waits for it or not.
pub struct QueuedWrite<T> {
    answered: oneshot::Receiver<Result<T, StoreError>>,
    claim: Claim,
    store: Store,
}

impl<T> QueuedWrite<T> {
    /// Waits until it is durable, or has failed and left nothing; for `stalled_ms` at most.
    pub async fn stored(self) -> Result<T, StoreError> {
        match tokio::time::timeout(self.store.inner.patience, self.answered).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(ended())),
            Err(_) => {
                self.store.health().report_if_stalled();
                let is_given_up = self.claim.give_up();
                Err(if is_given_up { StoreError::Stalled } else { StoreError::Unsettled })
            }
        }
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the writer has ended".into())
}

#[cfg(test)]
mod tests;
