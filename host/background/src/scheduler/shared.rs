//! The scheduler: the calls, settings and permits that every tick uses.

use std::sync::Arc;

use moothall_core::config::SchedulerConfig;
use moothall_core::fair_share::FairShare;
use moothall_engine::calls::Calls;
use moothall_engine::context::Context;

/// Makes what is due happen.
pub struct Scheduler {
    pub(super) calls: Arc<Calls>,
    pub(super) context: Arc<Context>,
    pub(super) config: SchedulerConfig,
    /// Threads that tick at once.
    pub(super) threads: usize,
    /// Ticks of each plugin that are under way.
    pub(super) fair_share: FairShare,
}

impl Scheduler {
    pub fn new(calls: Arc<Calls>, config: SchedulerConfig, threads: usize) -> Self {
        let fair_share = FairShare::of(config.waiting_ticks);
        Self { context: calls.context.clone(), calls, config, threads, fair_share }
    }

    pub(super) fn now(&self) -> i64 {
        self.context.clock.now_ms()
    }
}
