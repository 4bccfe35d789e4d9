//! The one SQLite file: durable state of everything.
//!
//! Two doors: `Store::read` runs a closure on this thread's read-only connection, `Store::write`
//! queues a closure for the one writer thread and answers once it is durable. SQL stays in this
//! module, one file per table family, and no SQLite type leaves it. Nothing here may wait for a
//! guest or for HTTP: a transaction lasts as long as its statements.
//!
//! `Store::health` says what is known of whether it writes and reads, in one place and at the price of a load:
//! whoever makes work of its own (attempts, ticks, items, batches) begins none unless `health().writes()`, and
//! goes on after `health().until_it_writes().await`, which the `watch` wakes when a write was stored again.

mod accounts;
mod backup;
mod changes;
mod checkpoint;
mod compiled;
mod connection;
mod deliveries;
mod delivery_list;
mod disk;
mod due;
mod due_times;
mod endpoints;
mod events;
mod failed_calls;
mod health;
mod hooks;
mod idempotency;
mod identity;
mod instances;
mod job;
mod key_check;
mod keys;
mod long_readers;
mod migrate;
mod oauth;
mod processes;
mod purge;
mod reading;
mod rows;
mod schedules;
mod shares;
mod signals;
mod state;
mod subscriptions;
mod watch;
mod webhooks;
mod worker_events;
mod workers;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use moothall_core::config::StoreConfig;

pub use accounts::AccountFilter;
pub use changes::View;
pub use compiled::Compiled;
pub use connection::{Reader, Tx, read_aside};
pub use deliveries::{After, AttemptRow, EXPIRE_MS, Outcome};
pub use delivery_list::{
    Backlog, DeliveredEvent, DeliveryFilter, DeliveryRow, LastFailure, STATES,
};
pub use due::DueDelivery;
pub use due_times::{Expiring, Waiting, Waits};
pub use endpoints::{DRIVER, EndpointRow, Rotated};
pub use events::{AgeBounds, Audience, DEDUPE_MS, NewEvent};
pub use failed_calls::FailedCall;
pub use health::{Health, Wrong};
pub use hooks::{HookPut, HookRow, StepRow};
pub use idempotency::StoredResponse;
pub use identity::{MERGED, PersonRow, User};
pub use instances::{CommunityRow, InstanceRow, NewInstance, SecretRow};
pub use key_check::{SampleOf, SealedSample};
pub use keys::ApiKeyRow;
pub use migrate::SCHEMA_VERSION;
pub use oauth::{OAuthBounds, OAuthRow, OAuthSecret, SecretHash, TakenState};
pub use processes::{FIRST_NOTICE_MS, ProcessFilter, ProcessRow};
pub use rows::{Found, Listed};
pub use schedules::{Advance, FarSchedule, ScheduleFilter, ScheduleRow};
pub use shares::{CommunityLoad, NO_WEBHOOK_ROOM, WebhookBounds};
pub use signals::Signals;
pub use state::StateChange;
pub use webhooks::{DueWebhooks, WebhookItem, WebhookLag, WebhookReceiver};
pub use worker_events::{DeadLetter, Fate, Passed, WorkerEvent};
pub use workers::{Asked, Keyed, NewWorker, WorkerRow};

use connection::Database;
use job::Job;
use writer::Writer;

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The instance was reconfigured or removed since the call began: nothing was stored.
    #[error("the instance was reconfigured or disabled meanwhile")]
    Stale,
    /// A unique constraint: somebody else has it already.
    #[error("{0} is already taken")]
    Taken(Taken),
    /// Too many writes wait for the writer.
    #[error("too many writes are waiting")]
    Busy,
    /// Somebody has as much of the store already as may be: nothing was stored.
    #[error("{0}")]
    NoRoom(&'static str),
    /// The file is not a sound database any more.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// What a row holds is not what is stored there.
    #[error("a stored row cannot be read: {0}")]
    Unreadable(String),
    /// The disk, or what the database may take of it, has no more room.
    #[error("there is no more room: {0}")]
    Full(String),
    /// The disk failed while a commit was written to it.
    #[error("the disk failed in a commit: {0}")]
    Lost(String),
    /// A write or a read did not come back in time. Nothing was stored.
    #[error("the store did not answer in time")]
    Stalled,
    /// A write that was begun did not come back in time: it may be stored yet.
    #[error("the store did not answer in time, and what was to be stored may be yet")]
    Unsettled,
    /// The database cannot be read or written now.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    #[error(
        "the running host has another version of Moothall (schema {found}, this one knows {known}); \
         use its own binary"
    )]
    Other { found: usize, known: usize },
    #[error(
        "the database was written by a newer Moothall (schema {found}, this one knows {known}); \
         run that version, or restore a backup made before the upgrade"
    )]
    Newer { found: usize, known: usize },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as Sqlite;
        let said = error.to_string();
        match (error.sqlite_error_code(), error) {
            (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _) => Self::Damaged(said),
            (Some(ErrorCode::DiskFull), _) => Self::Full(said),
            (
                _,
                Sqlite::FromSqlConversionFailure(..)
                | Sqlite::IntegralValueOutOfRange(..)
                | Sqlite::InvalidColumnType(..)
                | Sqlite::Utf8Error(..),
            ) => Self::Unreadable(said),
            _ => Self::Unavailable(said),
        }
    }
}

/// What somebody else has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Slug,
    Instance,
    Account,
    Ticket,
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Slug => "this slug",
            Self::Instance => "this plugin and community_platform_id",
            Self::Account => "this account",
            Self::Ticket => "this ticket",
        })
    }
}

/// Runs after a write was committed (`Some`) or has failed (`None`), on the writer's thread. What
/// a write keeps locked is released here, also when the client that caused it is long gone.
pub type AfterWrite<T> = Box<dyn FnOnce(Option<&T>) + Send>;

/// A handle on the store; clones share it. The writer ends when the last one is dropped.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Writer,
    database: Arc<Database>,
    /// How long a write is waited for.
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
        migrate::migrate(&mut conn).map_err(|error| database.or_full(error))?;
        Self::start(database.clone(), conn, config).map_err(|error| database.or_full(error))
    }

    /// Opens a database that a host serves meanwhile, as it is: only the host changes its schema.
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

    /// As `write`, and then `after`, whether anybody still waits for the answer or not.
    pub async fn write_then<T: Send + 'static>(
        &self,
        name: &'static str,
        run: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        after: Option<AfterWrite<T>>,
    ) -> Result<T, StoreError> {
        self.write_of(name, 0, run, after).await
    }

    /// As `write_then`, for what brings about so many bytes: a batch ends when it has enough of them.
    pub async fn write_of<T: Send + 'static>(
        &self,
        name: &'static str,
        bytes: usize,
        run: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        after: Option<AfterWrite<T>>,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::new(name, run, after, answer).of_bytes(bytes);
        let claim = job.claim();
        self.queue(job)?;
        match tokio::time::timeout(self.inner.patience, answered).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(ended())),
            Err(_) => {
                self.health().stalled();
                Err(if claim.give_up() { StoreError::Stalled } else { StoreError::Unsettled })
            }
        }
    }

    /// As `write`, for what nobody waits for and must not be done twice: its answer comes when the writer
    /// has come to it, however long that takes.
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

    /// While one hangs, others would only line up behind it.
    fn queue(&self, job: Job) -> Result<(), StoreError> {
        if self.health().is(Wrong::Stalled) {
            drop(job.finish(Err(StoreError::Stalled)));
            return Err(StoreError::Stalled);
        }
        self.inner.writer.queue(job)
    }

    /// What is wrong with it, as far as that is known. If nothing was written for a while, whoever asks makes a
    /// write, and the next to ask hears what became of it. Never waits.
    pub fn wrong(&self) -> Option<Wrong> {
        if self.health().is_quiet() {
            watch::try_to_write(&self.inner);
        }
        self.health().wrong()
    }

    /// What is known of whether it writes and reads.
    pub fn health(&self) -> &Health {
        self.inner.health()
    }

    /// What commits tell.
    pub fn signals(&self) -> &Signals {
        self.inner.writer.signals()
    }

    /// Copies the database at `path` into `file`, consistent, while a host writes; of any schema.
    pub fn backup(path: &Path, config: &StoreConfig, file: &Path) -> Result<(), StoreError> {
        Database::new(path, config).backup(file)
    }

    /// The last step of a clean end: everything is in the database's own file.
    pub fn finish(&self) -> Result<(), StoreError> {
        checkpoint::finish(&self.inner.database)
    }

    /// Bytes of the database that hold something: what was freed is used again.
    pub fn used_bytes(&self) -> Result<u64, StoreError> {
        self.read(|reader| reader.used_bytes())
    }

    /// How large the database may become.
    pub fn bound_bytes(&self) -> u64 {
        self.inner.database.bound_bytes()
    }

    /// Writes that wait now.
    pub fn queued(&self) -> usize {
        self.inner.writer.queued()
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the writer has ended".into())
}

#[cfg(test)]
mod tests;
