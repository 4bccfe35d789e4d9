//! The memory of the task that polls for workers: which of them wait, which run, and where the next poll goes on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Weak;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::queue::WorkerQueue;
use super::ready::BatchOutcome;
use moothall_core::ids::{PluginName, Position, WorkerId};
use moothall_core::retry::RESTART;
use moothall_engine::plugins::Plugin;

/// What the polling task keeps: who is waiting, who is running, and where the next poll goes on.
pub struct WorkersUnderWay {
    pub queue: WorkerQueue,
    pub batches: JoinSet<(WorkerId, BatchOutcome)>,
    /// Which worker each task is about, for one that panics.
    pub tasks: HashMap<Id, WorkerId>,
    pub known: BTreeMap<PluginName, Weak<Plugin>>,
    /// Where the next poll for what is due goes on.
    pub due_after: WorkerId,
    /// The same for workers that were not asked yet whether they are enabled.
    pub unasked_after: WorkerId,
    pub settle_at: Instant,
    /// Workers, by plugin and name, that `/metrics` shows behind.
    pub behind: BTreeSet<(String, String)>,
}

impl WorkersUnderWay {
    pub fn new(tail: Position) -> Self {
        Self {
            queue: WorkerQueue::new(tail),
            batches: JoinSet::new(),
            tasks: HashMap::new(),
            known: BTreeMap::new(),
            due_after: WorkerId(0),
            unasked_after: WorkerId(0),
            settle_at: Instant::now(),
            behind: BTreeSet::new(),
        }
    }

    pub fn ended(&mut self, ended: Result<(Id, (WorkerId, BatchOutcome)), JoinError>) {
        match ended {
            Ok((task, (worker, outcome))) => {
                self.tasks.remove(&task);
                self.queue.ended(worker, outcome);
            }
            Err(error) => {
                tracing::error!(%error, "a worker's batch panicked");
                if let Some(worker) = self.tasks.remove(&error.id()) {
                    let reason = error.to_string();
                    self.queue.ended(worker, BatchOutcome::BackOff { policy: RESTART, reason });
                }
            }
        }
    }
}
