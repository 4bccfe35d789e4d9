//! The one thread that writes: group commit.
//!
//! It takes the waiting writes up to bounds of number, bytes, events and time, runs each in a savepoint of
//! one transaction, writes the events that they have appended, commits once, then answers them all. A write
//! that fails is rolled back alone. If the transaction itself is gone, its events cannot be written or the commit fails,
//! every write of the batch has failed.
//! Nothing is answered before it is durable. The thread never waits for anything but writes and the
//! disk.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use metrics::{Counter, Histogram};
use rusqlite::{Connection, ErrorCode};

use super::Tx;
use super::appended::Appended;
use super::disk;
use super::health::Health;
use super::job::{Job, Panicked};
use super::signals::{RaisedSignals, Signals};
use super::subscriptions::Subscriptions;
use super::trouble::Trouble;
use crate::StoreError;
use moothall_core::config::StoreConfig;
use moothall_core::telemetry::metric::{STORE_BATCH_WRITES, STORE_COMMITS};

/// After so many events a transaction begins no further write: they get their rows right before the commit, in no time
/// that `batch_ms` measures.
const BATCH_EVENTS: usize = 1_000;

pub struct Writer {
    queue: SyncSender<Job>,
    queued: Arc<AtomicUsize>,
    signals: Signals,
}

impl Writer {
    pub fn start(
        conn: Connection,
        config: &StoreConfig,
        health: Health,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel(config.queued_writes.max(1));
        let writer = Self { queue, queued: Arc::default(), signals: Signals::default() };
        let thread = WriterThread {
            conn,
            jobs,
            taken: VecDeque::new(),
            batch_writes: config.batch_writes.max(1),
            batch_bytes: config.batch_bytes.max(1),
            batch_time: Duration::from_millis(config.batch_ms),
            queued: writer.queued.clone(),
            health: health.clone(),
            commits: STORE_COMMITS.of(&[]),
            batches: STORE_BATCH_WRITES.of(&[]),
            changes: 0,
            raised: RaisedSignals::default(),
            subscriptions: Subscriptions::default(),
            appended: Appended::default(),
            signals: writer.signals.clone(),
        };
        health.spawn_thread("store-writer", move || thread.run())?;
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
            job.refuse(error.clone());
            error
        })
    }

    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    pub fn signals(&self) -> &Signals {
        &self.signals
    }
}

struct WriterThread {
    conn: Connection,
    jobs: Receiver<Job>,
    /// Writes that left the queue and were not run: the transaction had no room for them, or the first of them is
    /// committed by itself.
    taken: VecDeque<Job>,
    batch_writes: usize,
    batch_bytes: usize,
    batch_time: Duration,
    queued: Arc<AtomicUsize>,
    health: Health,
    commits: Counter,
    batches: Histogram,
    /// Rows that this connection had changed when that was asked last.
    changes: u64,
    raised: RaisedSignals,
    subscriptions: Subscriptions,
    appended: Appended,
    signals: Signals,
}

impl WriterThread {
    fn run(mut self) {
        while let Some(first) = self.next() {
            self.health.write_started(first.queued);
            let batch = self.gather(first);
            self.queued.fetch_sub(batch.len(), Ordering::Relaxed);
            self.commit(batch);
            self.health.writes_finished();
        }
    }

    /// Waits for the next write. None: there will be no more.
    fn next(&mut self) -> Option<Job> {
        self.taken.pop_front().or_else(|| self.jobs.recv().ok())
    }

    /// The next write, if one waits.
    fn next_waiting(&mut self) -> Option<Job> {
        self.taken.pop_front().or_else(|| self.jobs.try_recv().ok())
    }

    /// Takes the writes that wait, up to the bound of one transaction, or to one that is committed by itself.
    fn gather(&mut self, first: Job) -> Vec<Job> {
        let (mut bytes, is_alone) = (first.bytes, first.is_alone);
        let mut batch = vec![first];
        while !is_alone
            && batch.len() < self.batch_writes
            && bytes < self.batch_bytes
            && let Some(job) = self.next_waiting()
        {
            if job.is_alone {
                self.taken.push_front(job);
                break;
            }
            bytes = bytes.saturating_add(job.bytes);
            batch.push(job);
        }
        batch
    }

    fn commit(&mut self, mut batch: Vec<Job>) {
        let outcomes = match self.transaction(&mut batch) {
            Ok(outcomes) => {
                self.postpone(batch.split_off(outcomes.len()));
                // A write that fails alone is rolled back.
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
            if let Err(Panicked(name)) = job.finish(outcome) {
                let reason = format!("what follows the write {name} panicked");
                self.health.report(Trouble::Diverged, &reason);
            }
        }
        self.raised.send(&self.signals);
    }

    /// Takes back the writes of a batch for which its transaction had no room: they are the first of the next one.
    fn postpone(&mut self, rest: Vec<Job>) {
        self.queued.fetch_add(rest.len(), Ordering::Relaxed);
        rest.into_iter().rev().for_each(|job| self.taken.push_front(job));
    }

    /// Runs the batch and commits it; fewer outcomes than writes mean that it was full and the rest was not begun. An
    /// error means that nothing of the batch is stored.
    fn transaction(
        &mut self,
        batch: &mut [Job],
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        if self.health.has(Trouble::Ended) {
            let reason = "it writes no more since an earlier failure; see the log";
            return Err(StoreError::Unavailable(reason.into()));
        }
        self.statement("BEGIN IMMEDIATE")?;
        if let [alone] = batch {
            return self.alone(alone);
        }
        let (began, mut outcomes) = (Instant::now(), Vec::with_capacity(batch.len()));
        for job in batch {
            let is_full =
                began.elapsed() >= self.batch_time || self.appended.count() >= BATCH_EVENTS;
            if is_full && !outcomes.is_empty() {
                break;
            }
            outcomes.push(self.savepoint(job).inspect_err(|_| self.roll_back())?);
        }
        self.write_appended().inspect_err(|_| self.roll_back())?;
        self.statement_commit()?;
        Ok(outcomes)
    }

    /// Runs the only write of a batch without a savepoint, which would keep a copy of each changed page.
    fn alone(&self, job: &mut Job) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let outcome = self.run_one(job).and_then(|()| self.write_appended());
        // After an error of the file or the disk SQLite has rolled back already.
        let is_rolled_back = self.conn.is_autocommit();
        match &outcome {
            Ok(()) => self.statement_commit()?,
            Err(_) => self.roll_back(),
        }
        match outcome {
            Err(error) if is_rolled_back => Err(error),
            outcome => Ok(vec![outcome]),
        }
    }

    fn run_one(&self, job: &mut Job) -> Result<(), StoreError> {
        job.run(|write| caught(|| write.run(self.tx(""))))
    }

    /// Gives the events of the transaction their positions and rows.
    fn write_appended(&self) -> Result<(), StoreError> {
        let Some((write, events)) = self.appended.take() else { return Ok(()) };
        caught(|| write(&self.tx("event.append"), events))
    }

    fn tx(&self, name: &'static str) -> Tx<'_> {
        Tx {
            conn: &self.conn,
            name,
            raised: &self.raised,
            subscriptions: &self.subscriptions,
            appended: &self.appended,
            unreadable: self.health.unreadable(),
        }
    }

    /// A write that fails is rolled back alone. The outer error is the transaction's: nothing of
    /// the batch may be committed after it.
    fn savepoint(&self, job: &mut Job) -> Result<Result<(), StoreError>, StoreError> {
        self.statement("SAVEPOINT write_one")?;
        let appended = self.appended.count();
        let outcome = self.run_one(job);
        if let Err(error) = &outcome {
            self.subscriptions.forget();
            self.appended.keep(appended);
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

    /// A disk that fails here may have lost earlier writes, and reports that only once: the next sync succeeds. So only a
    /// restart, which reads what is really there, can go on.
    fn statement_commit(&self) -> Result<(), StoreError> {
        let done = self.conn.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
        let Err(error) = done else { return Ok(()) };
        self.roll_back();
        if error.sqlite_error_code() != Some(ErrorCode::SystemIoFailure) {
            return Err(error.into());
        }
        // Some file systems report only here that they are full.
        match self.conn.path().is_some_and(disk::is_full_beside) {
            true => Err(StoreError::Full(error.to_string())),
            false => Err(StoreError::Lost(error.to_string())),
        }
    }

    fn roll_back(&self) {
        self.subscriptions.forget();
        self.appended.keep(0);
        if !self.conn.is_autocommit()
            && let Err(error) = self.statement("ROLLBACK")
        {
            tracing::error!(%error, "a failed transaction could not be rolled back");
        }
    }

    /// Notes why nothing can be written. Each batch tries again after a full disk, or another process's lock.
    fn failed(&self, error: &StoreError) {
        let reason = error.to_string();
        match error {
            StoreError::Damaged(_) => {
                self.health.note_error(error);
                self.health.report(Trouble::Ended, &reason);
            }
            StoreError::Lost(_) => self.health.report_fatal(&reason),
            StoreError::Full(_) => self.health.report(Trouble::Full, &reason),
            // The caller of the batch's only write gave up before it began.
            StoreError::Stalled => {}
            _ => self.health.report(Trouble::Failing, &reason),
        }
    }

    /// After a commit: if it changed rows, an earlier fault is over; its failed writes may have met another.
    fn settle(&mut self, outcomes: &[Result<(), StoreError>]) {
        let has_changed = self.has_changed_rows() && outcomes.iter().any(Result::is_ok);
        if has_changed {
            self.health.write_stored();
            self.health.clear(&[Trouble::Full, Trouble::Failing]);
        }
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            match error {
                StoreError::Damaged(_) | StoreError::Full(_) => self.failed(error),
                _ => self.health.note_error(error),
            }
        }
    }

    /// Whether rows were changed since this was asked last.
    fn has_changed_rows(&mut self) -> bool {
        let total = self.conn.total_changes();
        total != std::mem::replace(&mut self.changes, total)
    }
}

/// A panic of the host's own fails what it happens in, and the thread goes on.
fn caught(run: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(StoreError::Unavailable("a write panicked; see the log".into())))
}
