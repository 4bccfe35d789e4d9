//! What all calls share.

use std::sync::{Arc, OnceLock};

use metrics::Counter;

use super::quota::Quotas;
use moothall_core::clock::Clock;
use moothall_core::secrets::Keyring;
use moothall_core::state_cache::StateCache;
use moothall_core::telemetry::Numbers;
use moothall_core::telemetry::metric::STATE_READS;
use moothall_egress::Egress;
use moothall_store::Store;

pub struct Shared {
    pub store: Store,
    pub keyring: Arc<Keyring>,
    pub clock: Clock,
    pub quotas: Arc<Quotas>,
    pub egress: Egress,
    pub numbers: Numbers,
    /// Values of state that calls have read lately.
    pub state_cache: Arc<StateCache>,
    pub state_reads: StateReads,
}

/// Counts reads of stored values of state, by where they were.
#[derive(Default)]
pub struct StateReads {
    memory: OnceLock<Counter>,
    store: OnceLock<Counter>,
}

impl StateReads {
    pub(super) fn count_memory(&self) {
        count(&self.memory, "memory");
    }

    pub(super) fn count_store(&self) {
        count(&self.store, "store");
    }
}

fn count(counter: &OnceLock<Counter>, from: &str) {
    counter.get_or_init(|| STATE_READS.of(&[("from", from)])).increment(1);
}
