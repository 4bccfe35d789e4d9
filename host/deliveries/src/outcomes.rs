//! What came of attempts on its way into the store: all that ended while one write committed is the
//! next write. What cannot be stored now is kept, and the store is tried again: nobody is asked twice
//! because the host cannot write down what was answered.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use moothall_store::{Outcome, Store, StoreError};

/// Outcomes of one write.
const OUTCOMES: usize = 256;
/// What could not be stored although others are is tried again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// What became of the outcomes of one write.
#[derive(Default)]
pub struct Stored {
    /// Endpoints and deliveries.
    pub done: Vec<(i64, i64)>,
    kept: Vec<Outcome>,
    error: Option<StoreError>,
}

#[derive(Default)]
pub struct OutcomeBatcher {
    ended: Vec<Outcome>,
    /// At most one.
    write: JoinSet<Stored>,
    /// What it is about, for one that panics.
    about: Arc<[Outcome]>,
    /// What could not be stored, and when it is tried again.
    kept: Vec<Outcome>,
    again_at: Option<Instant>,
}

impl OutcomeBatcher {
    /// Bounded by what may be under way.
    pub fn add(&mut self, outcome: Outcome) {
        self.ended.push(outcome);
    }

    /// Nothing is left to store.
    pub fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.kept.is_empty() && self.write.is_empty()
    }

    /// Begins the next write, unless one is under way or could only fail.
    pub fn begin(&mut self, store: &Store) {
        if !self.write.is_empty() || !store.health().writes() {
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

    /// What the write under way has stored; none if there is none.
    pub async fn next(&mut self) -> Option<Stored> {
        let stored = self.write.join_next().await?;
        Some(stored.unwrap_or_else(|error| Stored {
            kept: self.about.to_vec(),
            error: Some(StoreError::Unavailable(error.to_string())),
            ..Stored::default()
        }))
    }

    /// Keeps what was not stored; says so once for all that fail together.
    pub fn keep(&mut self, stored: &mut Stored) {
        if stored.kept.is_empty() {
            return;
        }
        if let Some(error) = stored.error.take().filter(|_| self.kept.is_empty()) {
            let attempts = stored.kept.len();
            tracing::warn!(%error, attempts, "what attempts came to cannot be stored now; it is kept and tried again");
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
        // One of them must not keep the others.
        if outcomes.len() > 1 && store.health().writes() {
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
