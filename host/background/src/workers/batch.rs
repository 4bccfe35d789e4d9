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
use moothall_store::{Fate, Keyed, Passed, StoreError, Tx, Waits};

#[cfg(test)]
mod tests;

/// Events of one batch.
const EVENTS: usize = 64;
/// How long a batch may go on beginning events.
const TIME: Duration = Duration::from_millis(100);
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
struct Gathered {
    batch: Batch,
    done: Option<Collected>,
    passed: Vec<Passed>,
    /// The position up to which everything is handled, or kept to be handled later.
    upto: Position,
    events: usize,
    /// Nothing more goes into it.
    is_full: bool,
}

/// How long events wait to be tried again.
pub fn waits() -> Waits {
    Waits { untried_ms: 0, after_ms: PLUGIN_WORK.longest_waits_ms(), asked_ms: 0 }
}

impl Workers {
    /// Gives the permit back if handling takes long: an event that ends the host ends it soon, as a rule, and other
    /// workers wait for the permit.
    pub(super) async fn suspected<T>(
        &self,
        permit: &mut Option<SemaphorePermit<'_>>,
        handling: impl Future<Output = T>,
    ) -> T {
        let mut handling = pin!(handling);
        let alone = Duration::from_millis(self.config.suspect_ms);
        match tokio::time::timeout(alone, handling.as_mut()).await {
            Ok(handled) => handled,
            Err(_) => {
                *permit = None;
                handling.await
            }
        }
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
                self.advance(ready, Gathered::of(last)).await?;
            }
            return Ok(if more {
                BatchOutcome::More { since: Some(last_time) }
            } else {
                BatchOutcome::Idle
            });
        }
        // Kept until the outcome is stored, so that at most one event is marked as the one that is being tried.
        let mut permit = if row.crashes > 0 { self.suspects.acquire().await.ok() } else { None };
        let gathered = match permit {
            Some(_) => self.suspected(&mut permit, self.alone(ready, wanted[0])).await?,
            None => self.gather(ready, &wanted, last).await?,
        };
        let upto = gathered.upto;
        let left = wanted.iter().find(|(event, _)| event.position > upto);
        let since = left.map(|(event, _)| event.time).or(more.then_some(last_time));
        self.advance(ready, gathered).await?;
        drop(permit);
        Ok(if upto == row.cursor {
            BatchOutcome::Stuck { since }
        } else {
            BatchOutcome::More { since }
        })
    }

    async fn gather(
        &self,
        ready: &ReadyWorker,
        wanted: &[&Keyed],
        last: Position,
    ) -> Result<Gathered, CallError> {
        let held = self.held(ready)?;
        let end = Instant::now() + TIME;
        let mut gathered = Gathered::of(ready.row.cursor);
        for keyed @ (event, key) in wanted {
            if gathered.is_full || gathered.events >= EVENTS || Instant::now() >= end {
                return Ok(gathered);
            }
            // An upgrade waits for the lock that this batch holds: another call would wait for the upgrade.
            if gathered.batch.is_held() && !ready.is_current() {
                return Ok(gathered);
            }
            if held.contains(key) {
                gathered.pass(keyed, 0, Fate::Behind, None);
                continue;
            }
            match self.handle(ready, event, &gathered.batch).await {
                Handled::Done(collected) => gathered.add(event.position, *collected),
                Handled::NotNow(error) if gathered.events == 0 => return Err(error),
                Handled::NotNow(_) => return Ok(gathered),
                Handled::Failed(failure, error) => {
                    let fate = self.fate(ready, 1, failure);
                    gathered.pass(keyed, 1, fate, Some(error));
                    gathered.is_full = true;
                    return Ok(gathered);
                }
            }
        }
        gathered.upto = last;
        Ok(gathered)
    }

    /// The keys of which an event waits, for a worker that keeps the order of a key.
    fn held(&self, ready: &ReadyWorker) -> Result<HashSet<i64>, CallError> {
        if !ready.worker.is_fifo() {
            return Ok(HashSet::new());
        }
        let held = self.context.store.read(|reader| reader.held_keys(ready.row.id))?;
        Ok(held.into_iter().collect())
    }

    /// An event that may have ended the process before this one.
    async fn alone(&self, ready: &ReadyWorker, keyed: &Keyed) -> Result<Gathered, CallError> {
        let id = ready.row.id;
        let mut gathered = Gathered::of(ready.row.cursor);
        if self.held(ready)?.contains(&keyed.1) {
            gathered.pass(keyed, 0, Fate::Behind, None);
            return Ok(gathered);
        }
        if ready.row.crashes >= CRASHES {
            let error = format!("the host ended {CRASHES} times while it was handled");
            gathered.pass(keyed, 1, Fate::Dead, Some(error));
            return Ok(gathered);
        }
        self.context.store.write("worker.try", move |tx| tx.try_worker(id)).await?;
        match self.handle(ready, &keyed.0, &gathered.batch).await {
            Handled::Done(collected) => gathered.add(keyed.0.position, *collected),
            Handled::NotNow(error) => {
                self.context.store.write("worker.leave", move |tx| tx.leave_worker(id)).await?;
                return Err(error);
            }
            Handled::Failed(failure, error) => {
                gathered.pass(keyed, 1, self.fate(ready, 1, failure), Some(error));
            }
        }
        Ok(gathered)
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
            Err(error) => of_error(error),
        }
    }

    /// What becomes of an event that was tried so often.
    pub(super) fn fate(&self, ready: &ReadyWorker, attempts: u32, failure: Failure) -> Fate {
        fate(attempts, ready.worker.max_attempts, failure, self.clock().now_ms())
    }

    /// Stores what was gathered and the cursor, together.
    async fn advance(&self, ready: &ReadyWorker, mut gathered: Gathered) -> Result<(), CallError> {
        let (id, from, to) = (ready.row.id, ready.row.cursor, gathered.upto);
        if from == to {
            return Ok(());
        }
        for dead in gathered.passed.iter().filter(|one| one.fate == Fate::Dead) {
            self.report_dead_letter(ready, dead.position, dead.error.as_deref());
        }
        let (passed, now) = (std::mem::take(&mut gathered.passed), self.clock().now_ms());
        let advance = move |tx: &Tx<'_>| tx.advance_worker(id, from, to, &passed, now);
        let stored = match gathered.done.take() {
            Some(mut collected) => {
                if let Some(lock) = gathered.batch.take_lock() {
                    collected.keep_locked_until_stored(lock);
                }
                self.calls.commit(collected, advance).await
            }
            None => self.context.store.write("worker.advance", advance).await,
        };
        match stored {
            // Somebody else moved the cursor, or the instance was replaced: the next batch begins there.
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

impl Gathered {
    /// Nothing yet, up to that position.
    fn of(upto: Position) -> Self {
        Self {
            batch: Batch::default(),
            done: None,
            passed: Vec::new(),
            upto,
            events: 0,
            is_full: false,
        }
    }

    fn add(&mut self, position: Position, collected: Collected) {
        self.events += 1;
        self.upto = position;
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

    fn pass(&mut self, (event, key): &Keyed, attempts: u32, fate: Fate, error: Option<String>) {
        self.upto = event.position;
        let position = event.position;
        self.passed.push(Passed { position, key: *key, attempts, fate, error });
    }
}

/// What becomes of an event that was tried so often, the first attempt included.
fn fate(attempts: u32, most: u32, failure: Failure, now: i64) -> Fate {
    let wait = PLUGIN_WORK.with_attempts(most).retry_ms(attempts, 0);
    let wait = wait.filter(|_| failure == Failure::Passing);
    wait.map_or(Fate::Dead, |wait| Fate::Again(now + wait))
}

fn of_error(error: CallError) -> Handled {
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
