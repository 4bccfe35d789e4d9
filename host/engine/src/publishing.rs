//! Events that drivers publish. One write appends the event, or finds the one with its dedupe key, and stores the answer if
//! the request has a key. Must never check what a request may contain.

use crate::calls::settle;
use crate::context::Context;
use crate::idempotency::{FirstWithKey, PreparedAnswer, remember_within};
use moothall_core::day_budget::Charge;
use moothall_store::{AfterWrite, NewEvent, StoreError, Tx};

/// An event that is to be published.
pub struct Publication {
    pub event: NewEvent,
    /// What it takes of its driver's day budget; given back if it is not stored.
    pub charge: Charge,
    pub first: Option<FirstWithKey>,
}

impl Publication {
    /// Appends the event. Returns its id: that of an earlier one with its dedupe key, if there is one. `answer` is what
    /// the client gets for an id.
    pub async fn publish(
        self,
        context: &Context,
        answer: impl FnOnce(&str) -> PreparedAnswer + Send + 'static,
    ) -> Result<String, StoreError> {
        let Self { event, charge, first } = self;
        // In progress until the write has ended, whether the client still waits or not.
        let running = first.clone();
        let ended: AfterWrite<String> = Box::new(move |stored| {
            settle(Some(charge), stored.is_some());
            drop(running);
        });
        let (trusted, bytes) = (context.clock.trusted_ms(), event.data.len());
        let write = move |tx: &Tx<'_>| {
            let id = append(tx, event, trusted)?;
            remember_within(tx, first, &answer(&id))?;
            Ok(id)
        };
        context.store.write_of("event.publish", bytes, write, Some(ended)).await
    }
}

fn append(tx: &Tx<'_>, event: NewEvent, trusted: i64) -> Result<String, StoreError> {
    let known = match &event.dedupe {
        Some((scope, key)) => tx.deduplicated(scope, key, trusted)?,
        None => None,
    };
    match known {
        Some(id) => Ok(id),
        None => {
            let id = event.id.clone();
            tx.append_event(event)?;
            Ok(id)
        }
    }
}
