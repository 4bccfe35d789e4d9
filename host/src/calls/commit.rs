//! The commit of a call: its effects in one write, under its instance's lock to the end.

use std::sync::Arc;

use super::{Calls, Collected};
use crate::effects::Effects;
use crate::instance::{Hold, Instance};
use crate::store::{StateChange, StoreError};

impl Calls {
    /// Stores the effects, or nothing. The lock goes with the write and is released by the writer.
    pub(super) async fn commit(
        &self,
        instance: &Arc<Instance>,
        collected: Collected,
        hold: Option<Hold>,
        state_bytes: Option<u64>,
    ) -> Result<(), StoreError> {
        let (id, generation) = (instance.id, instance.generation);
        let Collected { effects, share } = collected;
        let changes = state_changes(effects);
        let release = move |committed: Option<&()>| {
            release(hold, committed.and(state_bytes));
            drop(share);
        };
        self.store
            .write_then(
                "call.commit",
                move |tx| {
                    tx.require_generation(id, generation)?;
                    tx.apply_state(id, &changes)
                },
                Some(Box::new(release)),
            )
            .await
    }
}

/// Remembers the size that was committed, and lets the next call have the lock.
fn release(hold: Option<Hold>, state_bytes: Option<u64>) {
    let Some(mut hold) = hold else { return };
    if let (Some(standing), Some(bytes)) = (hold.standing_mut(), state_bytes) {
        standing.state_bytes = Some(bytes);
    }
}

/// The effects on state, as the store takes them.
pub fn state_changes(effects: Effects) -> Vec<StateChange> {
    effects.into_state().into_iter().map(|(key, value)| StateChange { key, value }).collect()
}
