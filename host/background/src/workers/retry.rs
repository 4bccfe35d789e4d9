//! Events at which a worker failed: each is tried again by itself, and its outcome is stored by itself.

use std::collections::HashSet;

use super::batch::{Handled, crashed};
use super::ready::ReadyWorker;
use super::shared::{CRASHES, Workers};
use moothall_engine::calls::CallError;
use moothall_guest::Batch;
use moothall_store::{Fate, Listed, StoreError, Suspect, Tx, WorkerEvent};

/// Events that one batch tries again.
const AT_ONCE: usize = 16;

impl Workers {
    /// Tries the events that are due again; whether there were any.
    pub(super) async fn try_again(&self, ready: &ReadyWorker) -> Result<bool, CallError> {
        let (id, now) = (ready.row.id, self.clock().now_ms());
        let due = self.context.store.read(|reader| reader.worker_retries(id, now, AT_ONCE))?;
        let Listed { rows: due, unreadable } = due;
        if !unreadable.is_empty() {
            let bury = move |tx: &Tx<'_>| tx.bury_worker_events(&unreadable, now);
            self.context.store.write("worker.bury", bury).await?;
        }
        let mut failed = HashSet::new();
        for one in &due {
            // One that failed holds back the others of its key, also when they are due together.
            if ready.worker.is_fifo() && failed.contains(&one.key) {
                continue;
            }
            if !self.try_one(ready, one).await? {
                failed.insert(one.key);
            }
        }
        Ok(!due.is_empty())
    }

    /// Whether the event is handled, or is a dead letter.
    async fn try_one(&self, ready: &ReadyWorker, one: &WorkerEvent) -> Result<bool, CallError> {
        let suspect = Suspect::Again(one.id);
        // The grant may have been withdrawn since it failed.
        if let Err(denied) = ready.worker.require(&one.event) {
            return self.failed(ready, one, Fate::Dead, denied).await;
        }
        let mut permit = if one.crashes > 0 { self.suspects.acquire().await.ok() } else { None };
        if one.crashes >= CRASHES {
            return self.failed(ready, one, Fate::Dead, crashed()).await;
        }
        let is_suspect = permit.is_some();
        if is_suspect {
            self.context.store.write("worker.try", move |tx| tx.mark_alone(suspect)).await?;
        }
        let batch = Batch::default();
        let handling = self.handle(ready, &one.event, &batch);
        let handled = match permit {
            Some(_) => self.alone_at_first(suspect, &mut permit, handling).await,
            None => handling.await,
        };
        match handled {
            Handled::Done(mut collected) => {
                let (done, now) = (one.clone(), self.clock().now_ms());
                let end = move |tx: &Tx<'_>| tx.end_worker_event(&done, now);
                if let Some(lock) = batch.take_lock() {
                    collected.keep_locked_until_stored(lock);
                }
                match self.calls.commit(*collected, end).await {
                    Ok(()) | Err(StoreError::Stale) => Ok(true),
                    Err(error) => Err(error.into()),
                }
            }
            Handled::NotNow(error) => {
                if is_suspect {
                    let leave = move |tx: &Tx<'_>| tx.unmark(suspect);
                    self.context.store.write("worker.leave", leave).await?;
                }
                Err(error)
            }
            Handled::Failed(failure, error) => {
                let fate = self.fate(ready, one.attempts.saturating_add(1), failure);
                self.failed(ready, one, fate, error).await
            }
        }
    }

    async fn failed(
        &self,
        ready: &ReadyWorker,
        one: &WorkerEvent,
        fate: Fate,
        error: String,
    ) -> Result<bool, CallError> {
        if fate == Fate::Dead {
            self.report_dead_letter(ready, one.event.position, Some(&error));
        }
        let (failed, now) = (one.clone(), self.clock().now_ms());
        let attempts = one.attempts.saturating_add(1);
        let fail = move |tx: &Tx<'_>| tx.fail_worker_event(&failed, attempts, fate, now, &error);
        self.context.store.write("worker.fail", fail).await?;
        Ok(fate == Fate::Dead)
    }
}
