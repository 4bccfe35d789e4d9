//! The workers: the calls, settings and permits that every batch uses.

use std::sync::Arc;

use tokio::sync::Semaphore;

use moothall_core::clock::Clock;
use moothall_core::config::WorkersConfig;
use moothall_core::fair_share::FairShare;
use moothall_core::ids::{PluginName, RequestId, WorkerId};
use moothall_core::pace::Paces;
use moothall_engine::calls::Calls;
use moothall_engine::context::Context;

/// Events of the log, or workers, that one read returns.
pub const READ: usize = 512;
/// Instances that one read searches for a missing worker.
pub const INSTANCES: usize = 5_000;
/// An event that may have crashed the host that often is given up.
pub const CRASHES: u32 = 3;

/// Makes workers handle what they name.
pub struct Workers {
    pub(super) calls: Arc<Calls>,
    pub(super) context: Arc<Context>,
    pub(super) config: WorkersConfig,
    /// The permit to handle a suspect event alone.
    pub(super) suspects: Semaphore,
    /// Batches of each plugin that are under way.
    pub(super) fair_share: FairShare,
    /// Of a plugin's permits, workers that take long leave some to those that do not.
    pub(super) paces: papaya::HashMap<PluginName, Arc<Paces<WorkerId>>>,
}

impl Workers {
    pub fn new(calls: Arc<Calls>, config: WorkersConfig) -> Self {
        let fair_share = FairShare::of(config.concurrency.max(1));
        let paces = papaya::HashMap::new();
        Self {
            context: calls.context.clone(),
            calls,
            config,
            suspects: Semaphore::new(1),
            fair_share,
            paces,
        }
    }

    pub(super) fn request(&self) -> RequestId {
        RequestId::new(self.clock())
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.context.clock
    }
}
