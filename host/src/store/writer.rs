//! The one thread that writes: group commit.
//!
//! It takes all waiting writes up to a bound, runs each in a savepoint of one transaction, commits
//! once, then answers them all. A write that fails is rolled back alone. If the transaction itself
//! is gone, or the commit fails, every write of the batch has failed. Nothing is answered before
//! it is durable. The thread never waits for anything but writes and the disk.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use metrics::{Counter, Histogram, counter, histogram};
use rusqlite::Connection;

use super::StoreError;
use super::job::Job;
use super::signals::{Signals, Told};
use super::subscriptions::Subscriptions;
use crate::config::StoreConfig;

/// Why nothing can be written, once that is known to last.
#[derive(Clone, Default)]
pub struct WriteFault(Arc<Mutex<Option<String>>>);

impl WriteFault {
    pub fn get(&self) -> Option<String> {
        self.0
            .lock()
            .map(|fault| fault.clone())
            .unwrap_or_else(|poisoned| poisoned.into_inner().clone())
    }

    pub fn set(&self, fault: Option<String>) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = fault;
    }
}

pub struct Writer {
    queue: SyncSender<Job>,
    queued: Arc<AtomicUsize>,
    fault: WriteFault,
    signals: Signals,
}

impl Writer {
    pub fn start(conn: Connection, config: &StoreConfig) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel(config.queued_writes.max(1));
        let writer = Self {
            queue,
            queued: Arc::default(),
            fault: WriteFault::default(),
            signals: Signals::default(),
        };
        let thread = WriterThread {
            conn,
            jobs,
            batch_writes: config.batch_writes.max(1),
            queued: writer.queued.clone(),
            fault: writer.fault.clone(),
            commits: counter!("moothall_store_commits_total"),
            batches: histogram!("moothall_store_batch_writes"),
            changes: 0,
            corrupt: false,
            told: Told::default(),
            subscriptions: Subscriptions::default(),
            signals: writer.signals.clone(),
        };
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || thread.run())
            .map_err(|error| {
                StoreError::Unavailable(format!("the writer cannot start: {error}"))
            })?;
        Ok(writer)
    }

    pub fn queue(&self, job: Job) -> Result<(), StoreError> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.queue.try_send(job).map_err(|refused| {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            let (job, error) = match refused {
                TrySendError::Full(job) => (job, StoreError::Busy),
                TrySendError::Disconnected(job) => {
                    (job, StoreError::Unavailable("the writer has ended".into()))
                }
            };
            job.0.finish(Err(error.clone()));
            error
        })
    }

    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    pub fn signals(&self) -> &Signals {
        &self.signals
    }

    pub fn fault(&self) -> WriteFault {
        self.fault.clone()
    }
}

struct WriterThread {
    conn: Connection,
    jobs: Receiver<Job>,
    batch_writes: usize,
    queued: Arc<AtomicUsize>,
    fault: WriteFault,
    commits: Counter,
    batches: Histogram,
    /// Rows changed by this connection, when it was last asked.
    changes: i64,
    /// Set when the file is damaged: from then on nothing is written until a restart.
    corrupt: bool,
    told: Told,
    subscriptions: Subscriptions,
    signals: Signals,
}

impl WriterThread {
    fn run(mut self) {
        while let Ok(first) = self.jobs.recv() {
            let mut batch = vec![first];
            while batch.len() < self.batch_writes
                && let Ok(job) = self.jobs.try_recv()
            {
                batch.push(job);
            }
            self.queued.fetch_sub(batch.len(), Ordering::Relaxed);
            self.commit(batch);
        }
    }

    fn commit(&mut self, mut batch: Vec<Job>) {
        let outcomes = match self.transaction(&mut batch) {
            Ok(outcomes) => {
                // One that fails alone is rolled back.
                if batch.len() > 1 || outcomes.iter().any(Result::is_ok) {
                    self.commits.increment(1);
                    self.batches.record(batch.len() as f64);
                }
                self.settle(&outcomes);
                outcomes
            }
            Err(error) => {
                self.failed(&error);
                vec![Err(error); batch.len()]
            }
        };
        for (job, outcome) in batch.into_iter().zip(outcomes) {
            job.0.finish(outcome);
        }
        self.told.give(&self.signals);
    }

    /// Runs the batch and commits it. An error means that nothing of the batch is stored.
    fn transaction(
        &mut self,
        batch: &mut [Job],
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        if self.corrupt {
            return Err(StoreError::Damaged("see the log; restore a backup".into()));
        }
        self.statement("BEGIN IMMEDIATE")?;
        if let [alone] = batch {
            return self.alone(alone);
        }
        let mut outcomes = Vec::with_capacity(batch.len());
        for job in batch {
            outcomes.push(self.savepoint(job).inspect_err(|_| self.roll_back())?);
        }
        self.statement("COMMIT").inspect_err(|_| self.roll_back())?;
        Ok(outcomes)
    }

    /// Needs no savepoint, which would keep each page that is changed.
    fn alone(&self, job: &mut Job) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let outcome = self.run_one(job);
        // SQLite has rolled back what is wrong with the file or the disk.
        let is_rolled_back = self.conn.is_autocommit();
        match &outcome {
            Ok(()) => self.statement("COMMIT").inspect_err(|_| self.roll_back())?,
            Err(_) => self.roll_back(),
        }
        match outcome {
            Err(error) if is_rolled_back => Err(error),
            outcome => Ok(vec![outcome]),
        }
    }

    fn run_one(&self, job: &mut Job) -> Result<(), StoreError> {
        let run = || job.0.run(&self.conn, &self.told, &self.subscriptions);
        std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
            Err(StoreError::Unavailable("a write panicked; see the log".into()))
        })
    }

    /// A write that fails is rolled back alone. The outer error is the transaction's: nothing of
    /// the batch may be committed after it.
    fn savepoint(&self, job: &mut Job) -> Result<Result<(), StoreError>, StoreError> {
        self.statement("SAVEPOINT write_one")?;
        let outcome = self.run_one(job);
        if let Err(error) = &outcome {
            self.subscriptions.forget();
            if self.conn.is_autocommit() {
                // SQLite rolled the whole transaction back: writes before this one are gone too.
                return Err(error.clone());
            }
            self.statement("ROLLBACK TO write_one")?;
        }
        self.statement("RELEASE write_one")?;
        Ok(outcome)
    }

    fn statement(&self, sql: &str) -> Result<(), StoreError> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    fn roll_back(&self) {
        self.subscriptions.forget();
        if !self.conn.is_autocommit()
            && let Err(error) = self.statement("ROLLBACK")
        {
            tracing::error!(%error, "a failed transaction could not be rolled back");
        }
    }

    /// Says why nothing can be written. Damage lasts; a full disk is tried again by each batch.
    fn failed(&mut self, error: &StoreError) {
        let first = self.fault.get().is_none();
        if matches!(error, StoreError::Damaged(_)) && !self.corrupt {
            self.corrupt = true;
            tracing::error!(%error, "no more writes; stop the host and restore a backup");
        } else if first {
            tracing::error!(%error, "nothing can be written to the database; is the disk full?");
        }
        self.fault.set(Some(error.to_string()));
    }

    /// After a commit: a write of it may have met damage; one that changed rows shows that an
    /// earlier fault is over.
    fn settle(&mut self, outcomes: &[Result<(), StoreError>]) {
        let damage = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        if let Some(error) =
            damage.into_iter().find(|error| matches!(error, StoreError::Damaged(_)))
        {
            self.failed(error);
            return;
        }
        if self.fault.get().is_some() && self.rows_changed() > 0 {
            tracing::warn!("the database can be written again");
            self.fault.set(None);
        }
    }

    /// Rows changed since this was asked last.
    fn rows_changed(&mut self) -> i64 {
        let total = self
            .conn
            .query_row("SELECT total_changes()", [], |row| row.get(0))
            .unwrap_or(self.changes);
        total - std::mem::replace(&mut self.changes, total)
    }
}
