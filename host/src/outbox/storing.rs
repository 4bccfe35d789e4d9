//! What came of attempts on its way into the store: all that ended while one write committed is the
//! next write.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::store::{Outcome, Store, StoreError};

/// Outcomes of one write.
const OUTCOMES: usize = 256;

/// By endpoint and delivery.
pub type Stored = Vec<(i64, i64, Result<(), StoreError>)>;

#[derive(Default)]
pub struct Storing {
    ended: Vec<Outcome>,
    /// At most one, and what it is about.
    write: JoinSet<Stored>,
    about: Vec<(i64, i64)>,
}

impl Storing {
    /// Bounded by what may be under way.
    pub fn add(&mut self, outcome: Outcome) {
        self.ended.push(outcome);
    }

    /// Begins the next write, unless one is under way.
    pub fn begin(&mut self, store: &Store) {
        if self.write.is_empty() && !self.ended.is_empty() {
            let rest = self.ended.split_off(self.ended.len().min(OUTCOMES));
            let now = std::mem::replace(&mut self.ended, rest);
            self.about = now.iter().map(|one| (one.endpoint, one.delivery)).collect();
            self.write.spawn(store_all(store.clone(), now));
        }
    }

    /// What the write under way has stored; none if there is none.
    pub async fn next(&mut self) -> Option<Stored> {
        let stored = self.write.join_next().await?;
        Some(stored.unwrap_or_else(|error| {
            let failed = StoreError::Unavailable(error.to_string());
            let about = self.about.iter();
            about.map(|(endpoint, delivery)| (*endpoint, *delivery, Err(failed.clone()))).collect()
        }))
    }
}

async fn store_all(store: Store, outcomes: Vec<Outcome>) -> Stored {
    let outcomes: Arc<[Outcome]> = outcomes.into();
    let all = outcomes.clone();
    let together = store
        .write("delivery.attempts", move |tx| all.iter().try_for_each(|one| tx.finish_attempt(one)))
        .await;
    let mut stored = Vec::with_capacity(outcomes.len());
    for (at, outcome) in outcomes.iter().enumerate() {
        let result = match &together {
            Err(_) if outcomes.len() > 1 => {
                // One of them must not take the others along.
                let all = outcomes.clone();
                store.write("delivery.attempt", move |tx| tx.finish_attempt(&all[at])).await
            }
            result => result.clone(),
        };
        stored.push((outcome.endpoint, outcome.delivery, result));
    }
    stored
}
