//! A batch of events of the log: each is handled in a sandbox of its own that sees what those before it wrote, and what
//! they wrote is stored together with the worker's cursor.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::ready::{BatchOutcome, ReadyWorker};
use super::shared::{CRASHES, READ, Workers};
use moothall_core::ids::Position;
use moothall_core::retry::PLUGIN_WORK;
use moothall_engine::calls::{CallError, Collected, Mode};
use moothall_guest::exports::{WorkerCall, WorkerInput};
use moothall_guest::{Batch, Fault, Kind, cut};
use moothall_store::{Fate, Keyed, Passed, StoreError, Suspect, Tx, Waits};

#[cfg(test)]
mod tests;

/// Events of one batch.
const EVENTS: usize = 64;
/// After this time a batch starts no further event.
const START_WINDOW: Duration = Duration::from_millis(100);
/// A batch that would write about this many rows takes no more events.
const ROWS: usize = 5_000;
/// How many positions a stored cursor may stay behind while the worker wants none of the events.
const BEHIND: i64 = 1_000;
/// Longest error that is remembered, in bytes.
const ERROR_BYTES: usize = 500;
/// The kind of a plugin's error that says that no other attempt would succeed.
const PERMANENT: &str = "permanent";

/// What became of an event.
pub enum Handled {
    Done(Box<Collected>),
    Failed(Failure, String),
    /// It could not be handled, which counts as no attempt.
    NotNow(CallError),
}

/// Whether another attempt may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Passing,
    Permanent,
}

/// What a batch has handled so far.
struct BatchResult {
    batch: Batch,
    done: Option<Collected>,
    passed: Vec<Passed>,
    /// The position up to which every event is handled, deferred or given up.
    handled_until: Position,
    events: usize,
    /// Nothing more goes into it.
    is_full: bool,
}

/// The last error of an event that is given up because of crashes.
pub fn crashed() -> String {
    format!(
        "the host crashed {CRASHES} times while this event was, or may have been, being handled"
    )
}

/// How long events wait for another attempt.
pub fn waits() -> Waits {
    Waits { untried_ms: 0, after_ms: PLUGIN_WORK.longest_waits_ms(), asked_ms: 0 }
}

impl Workers {
    /// Handles a suspect event. Gives the permit back after `suspect_ms`: an event that crashes the host usually does so
    /// at once, and other workers wait for the permit. The event is marked as slow first, so that at most one is marked as
    /// handled alone.
    pub(super) async fn alone_at_first<T>(
        &self,
        suspect: Suspect,
        permit: &mut Option<SemaphorePermit<'_>>,
        handling: impl Future<Output = T>,
    ) -> T {
        let mut handling = pin!(handling);
        let suspect_time = Duration::from_millis(self.config.suspect_ms);
        if let Ok(handled) = tokio::time::timeout(suspect_time, handling.as_mut()).await {
            return handled;
        }
        let give_back = async {
            let slow = move |tx: &Tx<'_>| tx.mark_slow(suspect);
            // While nothing can be stored, the others could not be marked either.
            if self.context.store.write("worker.slow", slow).await.is_ok() {
                *permit = None;
            }
        };
        tokio::join!(handling, give_back).0
    }

    pub(super) async fn next_batch(&self, ready: &ReadyWorker) -> Result<BatchOutcome, CallError> {
        let (row, store) = (&ready.row, &self.context.store);
        let (events, more) = store.read(|reader| reader.log(row.community, row.cursor, READ))?;
        let Some((last, _)) = events.last() else { return Ok(BatchOutcome::Idle) };
        let (last, last_time) = (last.position, last.time);
        let wanted: Vec<&Keyed> =
            events.iter().filter(|(event, _)| ready.worker.wants(event)).collect();
        if wanted.is_empty() {
            if more || last.since(row.cursor) > BEHIND {
                self.advance(ready, BatchResult::of(last)).await?;
            }
            return Ok(if more {
                BatchOutcome::More { since: Some(last_time) }
            } else {
                BatchOutcome::Idle
            });
        }
        // Kept until the outcome is stored, or until the event is marked as slow.
        let mut permit = if row.crashes > 0 { self.suspects.acquire().await.ok() } else { None };
        let result = match permit {
            Some(_) => {
                let handling = self.handle_suspect(ready, wanted[0]);
                self.alone_at_first(Suspect::Next(row.id), &mut permit, handling).await?
            }
            None => self.handle_each(ready, &wanted, last).await?,
        };
        let until = result.handled_until;
        let left = wanted.iter().find(|(event, _)| event.position > until);
        let since = left.map(|(event, _)| event.time).or(more.then_some(last_time));
        self.advance(ready, result).await?;
        drop(permit);
        Ok(if until == row.cursor {
            BatchOutcome::Stuck { since }
        } else {
            BatchOutcome::More { since }
        })
    }

    async fn handle_each(
        &self,
        ready: &ReadyWorker,
        wanted: &[&Keyed],
        last: Position,
    ) -> Result<BatchResult, CallError> {
        let blocked = self.blocked_keys(ready)?;
        let end = Instant::now() + START_WINDOW;
        let mut result = BatchResult::of(ready.row.cursor);
        for keyed @ (event, key) in wanted {
            if result.is_full || result.events >= EVENTS || Instant::now() >= end {
                return Ok(result);
            }
            // The plugin was replaced. The upgrade waits for this batch's lock, and another call would wait for the
            // upgrade: a deadlock. So end the batch.
            if result.batch.is_held() && !ready.is_current() {
                return Ok(result);
            }
            if blocked.contains(key) {
                result.defer_or_give_up(keyed, 0, Fate::Behind, None);
                continue;
            }
            match self.handle(ready, event, &result.batch).await {
                Handled::Done(collected) => result.add(event.position, *collected),
                Handled::NotNow(error) if result.events == 0 => return Err(error),
                Handled::NotNow(_) => return Ok(result),
                Handled::Failed(failure, error) => {
                    let fate = self.fate(ready, 1, failure);
                    result.defer_or_give_up(keyed, 1, fate, Some(error));
                    result.is_full = true;
                    return Ok(result);
                }
            }
        }
        result.handled_until = last;
        Ok(result)
    }

    /// Keys with an event that waits for a retry; a fifo worker gets no later event of these keys.
    fn blocked_keys(&self, ready: &ReadyWorker) -> Result<HashSet<i64>, CallError> {
        if !ready.worker.is_fifo() {
            return Ok(HashSet::new());
        }
        let blocked = self.context.store.read(|reader| reader.blocked_keys(ready.row.id))?;
        Ok(blocked.into_iter().collect())
    }

    /// Handles, in a batch of its own, an event that may have crashed the host's previous process.
    async fn handle_suspect(
        &self,
        ready: &ReadyWorker,
        keyed: &Keyed,
    ) -> Result<BatchResult, CallError> {
        let suspect = Suspect::Next(ready.row.id);
        let mut result = BatchResult::of(ready.row.cursor);
        if self.blocked_keys(ready)?.contains(&keyed.1) {
            result.defer_or_give_up(keyed, 0, Fate::Behind, None);
            return Ok(result);
        }
        if ready.row.crashes >= CRASHES {
            result.defer_or_give_up(keyed, 1, Fate::Dead, Some(crashed()));
            return Ok(result);
        }
        self.context.store.write("worker.try", move |tx| tx.mark_alone(suspect)).await?;
        match self.handle(ready, &keyed.0, &result.batch).await {
            Handled::Done(collected) => result.add(keyed.0.position, *collected),
            Handled::NotNow(error) => {
                self.context.store.write("worker.leave", move |tx| tx.unmark(suspect)).await?;
                return Err(error);
            }
            Handled::Failed(failure, error) => {
                result.defer_or_give_up(keyed, 1, self.fate(ready, 1, failure), Some(error));
            }
        }
        Ok(result)
    }

    pub(super) async fn handle(
        &self,
        ready: &ReadyWorker,
        event: &moothall_core::events::Envelope,
        batch: &Batch,
    ) -> Handled {
        let input = WorkerInput::Handle { event: Arc::new(event.json()) };
        let handle = WorkerCall { worker: ready.worker.name.clone(), input };
        let (plugin, instance) = (ready.plugin.clone(), ready.instance.clone());
        let call = match self.calls.on(plugin, instance, handle, self.request()).await {
            Ok(call) => call.in_batch(batch.clone(), ready.worker.timeout_ms),
            Err(error) => return Handled::NotNow(error),
        };
        match self.calls.run(call, Mode::Collect).await {
            Ok(answer) => match answer.effects {
                Some(collected) => Handled::Done(Box::new(collected)),
                None => Handled::NotNow(Fault::Host("a call without effects".into()).into()),
            },
            Err(error) => handled_after_error(error),
        }
    }

    /// What becomes of an event after so many attempts.
    pub(super) fn fate(&self, ready: &ReadyWorker, attempts: u32, failure: Failure) -> Fate {
        fate(attempts, ready.worker.max_attempts, failure, self.clock().now_ms())
    }

    /// Stores a batch's result and the worker's cursor, together.
    async fn advance(&self, ready: &ReadyWorker, mut result: BatchResult) -> Result<(), CallError> {
        let (id, from, to) = (ready.row.id, ready.row.cursor, result.handled_until);
        if from == to {
            return Ok(());
        }
        for dead in result.passed.iter().filter(|one| one.fate == Fate::Dead) {
            self.report_dead_letter(ready, dead.position, dead.error.as_deref());
        }
        let (passed, now) = (std::mem::take(&mut result.passed), self.clock().now_ms());
        let advance = move |tx: &Tx<'_>| tx.advance_worker(id, from, to, &passed, now);
        let stored = match result.done.take() {
            Some(mut collected) => {
                if let Some(lock) = result.batch.take_lock() {
                    collected.keep_locked_until_stored(lock);
                }
                self.calls.commit(collected, advance).await
            }
            None => self.context.store.write("worker.advance", advance).await,
        };
        match stored {
            // Somebody else moved the cursor, or the instance was replaced: the next batch begins at the stored cursor.
            Ok(()) | Err(StoreError::Stale) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn report_dead_letter(
        &self,
        ready: &ReadyWorker,
        position: Position,
        error: Option<&str>,
    ) {
        let (plugin, worker) = (ready.plugin.name.as_str(), &ready.worker.name);
        let community = ready.instance.community.slug.as_str();
        tracing::error!(
            plugin, %worker, community, position = position.0,
            "a worker gave an event up; it is a dead letter: {}", error.unwrap_or_default()
        );
    }
}

impl BatchResult {
    /// Nothing yet, up to that position.
    fn of(handled_until: Position) -> Self {
        Self {
            batch: Batch::default(),
            done: None,
            passed: Vec::new(),
            handled_until,
            events: 0,
            is_full: false,
        }
    }

    fn add(&mut self, position: Position, collected: Collected) {
        self.events += 1;
        self.handled_until = position;
        let lets_others_go_on = collected.lets_others_go_on();
        let before = Arc::make_mut(&mut self.batch.before);
        for change in &collected.writes.state {
            before.insert(change.key.clone(), change.value.clone());
        }
        self.batch.stored_bytes += collected.writes.stored_bytes();
        self.batch.state_bytes = collected.state_bytes().or(self.batch.state_bytes);
        match &mut self.done {
            Some(done) => done.absorb(collected),
            None => self.done = Some(collected),
        }
        let rows = self.done.as_ref().map_or(0, |done| done.writes.rows());
        self.is_full |= !lets_others_go_on || rows >= ROWS;
    }

    fn defer_or_give_up(
        &mut self,
        (event, key): &Keyed,
        attempts: u32,
        fate: Fate,
        error: Option<String>,
    ) {
        self.handled_until = event.position;
        let position = event.position;
        self.passed.push(Passed { position, key: *key, attempts, fate, error });
    }
}

/// What becomes of an event after so many attempts, the first included.
fn fate(attempts: u32, most: u32, failure: Failure, now: i64) -> Fate {
    let wait = PLUGIN_WORK.with_attempts(most).retry_ms(attempts, 0);
    let wait = wait.filter(|_| failure == Failure::Passing);
    wait.map_or(Fate::Dead, |wait| Fate::Again(now + wait))
}

fn handled_after_error(error: CallError) -> Handled {
    if error.is_transient() || matches!(error, CallError::PluginUnavailable(..)) {
        return Handled::NotNow(error);
    }
    let own = Kind::Own(PERMANENT.into());
    let failure = match &error {
        CallError::Refused(refusal, _) if refusal.kind == own => Failure::Permanent,
        _ => Failure::Passing,
    };
    Handled::Failed(failure, cut(error.to_string(), ERROR_BYTES))
}
