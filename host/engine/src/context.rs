//! What the work of the host stands on, handed to whatever does some of it.

use std::sync::Arc;

use crate::communities::Communities;
use crate::plugins::Plugins;
use moothall_core::clock::Clock;
use moothall_core::secrets::Keyring;
use moothall_store::Store;

pub struct Context {
    pub store: Store,
    /// The plugins that serve.
    pub plugins: Arc<Plugins>,
    /// The index of communities and their instances.
    pub communities: Arc<Communities>,
    pub clock: Clock,
    pub keyring: Arc<Keyring>,
}
