//! What all calls share.

use std::sync::Arc;

use super::quota::Quotas;
use moothall_core::clock::Clock;
use moothall_core::secrets::Keyring;
use moothall_core::telemetry::Numbers;
use moothall_egress::Egress;
use moothall_store::Store;

pub struct Shared {
    pub store: Store,
    pub keyring: Arc<Keyring>,
    pub clock: Clock,
    pub quotas: Arc<Quotas>,
    pub egress: Egress,
    pub numbers: Numbers,
}
