//! Stores what came of attempts: all that ended while one write was committing are the next write. What cannot be stored
//! now is kept and written later, so that no delivery is sent twice only because the store did not write.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use moothall_core::ids::{EndpointId, Position};
use moothall_store::{Outcome, Store, StoreError};

/// Outcomes of one write.
const OUTCOMES: usize = 512;
/// Pause before an outcome is written again that could not be stored although the store writes.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What became of the outcomes of one write.
#[derive(Default)]
pub struct Stored {
    pub done: Vec<Done>,
    /// Deliveries of events up to this position have rows.
    pub rows_to: Position,
    kept: Vec<Outcome>,
    error: Option<StoreError>,
}

/// An outcome that was stored.
pub struct Done {
    pub endpoint: EndpointId,
    /// Of the event.
    pub position: Position,
    /// The delivery had a row before: another of its lane may be due now.
    pub had_row: bool,
}

impl Done {
    fn of(outcome: &Outcome) -> Self {
        let Outcome { endpoint, position, .. } = *outcome;
        Self { endpoint, position, had_row: outcome.delivery.is_some() }
    }
}

#[derive(Default)]
pub struct OutcomeBatcher {
    ended: Vec<Outcome>,
    /// Deliveries of events up to this position get rows with the next write.
    rows_to: Position,
    /// The write under way: at most one.
    write: JoinSet<Stored>,
    /// The outcomes of the write under way, in case it panics.
    about: Arc<[Outcome]>,
    /// Outcomes that could not be stored, and when they are written again.
    kept: Vec<Outcome>,
    again_at: Option<Instant>,
}

impl OutcomeBatcher {
    /// Outcomes that wait; bounded, because attempts under way are.
    pub fn add(&mut self, outcome: Outcome) {
        self.ended.push(outcome);
    }

    /// What was delivered of events whose deliveries get rows with the next write.
    pub fn add_rows(&mut self, upto: Position, arrived: Vec<Outcome>) {
        self.rows_to = self.rows_to.max(upto);
        self.ended.splice(0..0, arrived);
    }

    /// Whether a write can begin now.
    pub fn may_write(&self, store: &Store) -> bool {
        self.write.is_empty() && store.health().can_write()
    }

    /// Nothing is left to store.
    pub fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.kept.is_empty() && self.write.is_empty()
    }

    /// Begins the next write, unless one is under way or could only fail.
    pub fn begin(&mut self, store: &Store) {
        if !self.may_write(store) {
            return;
        }
        if self.again_at.is_some_and(|at| at <= Instant::now()) {
            self.again_at = None;
            self.ended.append(&mut self.kept);
        }
        let rows_to = std::mem::take(&mut self.rows_to);
        if self.ended.is_empty() && rows_to == Position::START {
            return;
        }
        let rest = self.ended.split_off(self.ended.len().min(OUTCOMES));
        self.about = std::mem::replace(&mut self.ended, rest).into();
        self.write.spawn(store_all(store.clone(), rows_to, self.about.clone()));
    }

    /// Waits for the write under way; none if there is none.
    pub async fn next(&mut self) -> Option<Stored> {
        let stored = self.write.join_next().await?;
        Some(stored.unwrap_or_else(|error| Stored {
            kept: self.about.to_vec(),
            error: Some(StoreError::Unavailable(error.to_string())),
            ..Stored::default()
        }))
    }

    /// Keeps what was not stored, and logs once for all that fail together.
    pub fn keep(&mut self, stored: &mut Stored) {
        if stored.kept.is_empty() {
            return;
        }
        if let Some(error) = stored.error.take().filter(|_| self.kept.is_empty()) {
            let attempts = stored.kept.len();
            tracing::warn!(%error, attempts, "the outcomes of attempts cannot be stored now; they are kept and written again");
        }
        self.kept.append(&mut stored.kept);
        self.again_at = Some(Instant::now() + RETRY_PAUSE);
    }
}

async fn store_all(store: Store, rows_to: Position, outcomes: Arc<[Outcome]>) -> Stored {
    let mut stored = Stored::default();
    let all = outcomes.clone();
    let bytes = outcomes.iter().map(Outcome::bytes).sum();
    let together = store
        .write_unhurried("delivery.attempts", bytes, move |tx| tx.finish_attempts(rows_to, &all));
    let Err(mut error) = together.await else {
        stored.done = outcomes.iter().map(Done::of).collect();
        stored.rows_to = rows_to;
        return stored;
    };
    for (at, outcome) in outcomes.iter().enumerate() {
        // One of them must not hold up the others.
        if outcomes.len() > 1 && store.health().can_write() {
            let all = outcomes.clone();
            let alone = store.write_unhurried("delivery.attempt", outcome.bytes(), move |tx| {
                tx.finish_attempts(Position::START, &all[at..=at])
            });
            match alone.await {
                Ok(()) => {
                    stored.done.push(Done::of(outcome));
                    continue;
                }
                Err(alone) => error = alone,
            }
        }
        stored.kept.push(outcome.clone());
    }
    stored.error = (!stored.kept.is_empty()).then_some(error);
    stored
}
