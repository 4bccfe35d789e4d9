//! Stores what came of attempts: all that ended while one write was committing are the next write. What cannot be stored
//! now is kept and written later, so that no delivery is sent twice only because the store did not write.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use moothall_core::ids::{DeliveryId, EndpointId};
use moothall_store::{Outcome, Store, StoreError};

/// Outcomes of one write.
const OUTCOMES: usize = 256;
/// Pause before an outcome is written again that could not be stored although the store writes.
const AGAIN: Duration = Duration::from_secs(1);

/// What became of the outcomes of one write.
#[derive(Default)]
pub struct Stored {
    /// The endpoints and deliveries of those that were stored.
    pub done: Vec<(EndpointId, DeliveryId)>,
    kept: Vec<Outcome>,
    error: Option<StoreError>,
}

#[derive(Default)]
pub struct OutcomeBatcher {
    ended: Vec<Outcome>,
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

    /// Nothing is left to store.
    pub fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.kept.is_empty() && self.write.is_empty()
    }

    /// Begins the next write, unless one is under way or could only fail.
    pub fn begin(&mut self, store: &Store) {
        if !self.write.is_empty() || !store.health().can_write() {
            return;
        }
        if self.again_at.is_some_and(|at| at <= Instant::now()) {
            self.again_at = None;
            self.ended.append(&mut self.kept);
        }
        if self.ended.is_empty() {
            return;
        }
        let rest = self.ended.split_off(self.ended.len().min(OUTCOMES));
        self.about = std::mem::replace(&mut self.ended, rest).into();
        self.write.spawn(store_all(store.clone(), self.about.clone()));
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
        self.again_at = Some(Instant::now() + AGAIN);
    }
}

async fn store_all(store: Store, outcomes: Arc<[Outcome]>) -> Stored {
    let mut stored = Stored::default();
    let all = outcomes.clone();
    let bytes = outcomes.iter().map(Outcome::bytes).sum();
    let together = store.write_unhurried("delivery.attempts", bytes, move |tx| {
        all.iter().try_for_each(|one| tx.finish_attempt(one))
    });
    let Err(mut error) = together.await else {
        stored.done = outcomes.iter().map(|one| (one.endpoint, one.delivery)).collect();
        return stored;
    };
    for (at, outcome) in outcomes.iter().enumerate() {
        // One of them must not hold up the others.
        if outcomes.len() > 1 && store.health().can_write() {
            let all = outcomes.clone();
            let alone = store.write_unhurried("delivery.attempt", outcome.bytes(), move |tx| {
                tx.finish_attempt(&all[at])
            });
            match alone.await {
                Ok(()) => {
                    stored.done.push((outcome.endpoint, outcome.delivery));
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
