//! A worker that can run, and what becomes of its batch.

use std::sync::Arc;

use moothall_core::instance::Instance;
use moothall_core::retry::RetryPolicy;
use moothall_engine::plugins::{Plugin, Worker};
use moothall_store::WorkerRow;

/// How a batch ended.
pub enum BatchOutcome {
    /// There may be more to do: the events from this time on, in milliseconds since the Unix epoch.
    More { since: Option<i64> },
    /// The events from this time on are not to be handled yet.
    Stuck { since: Option<i64> },
    /// There is nothing to do.
    Idle,
    /// It cannot run now, and is tried again later.
    BackOff { policy: RetryPolicy, reason: String },
    /// Its instance is gone.
    Gone,
}

/// A worker that can run, with everything that a batch needs to know.
pub struct ReadyWorker {
    pub row: WorkerRow,
    pub worker: Arc<Worker>,
    pub plugin: Arc<Plugin>,
    pub instance: Arc<Instance>,
}

impl ReadyWorker {
    /// Whether the instance still takes calls on this version.
    pub fn is_current(&self) -> bool {
        self.instance.config_for(self.plugin.digest_id).is_some()
    }
}
