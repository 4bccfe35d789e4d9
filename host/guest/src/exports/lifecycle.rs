//! `lifecycle`: tells an instance that it is enabled, reconfigured, upgraded or closed.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Returned, nothing};
use crate::call_state::CallState;
use crate::function::{CallGroup, Function, Guests, Lock, Origin};

crate::bindings::export!("moothall:plugin/lifecycle-exports");
pub use wit::LifecycleExportsIndices as Indices;

/// A call of one of the functions of `lifecycle`.
#[derive(Clone, Debug)]
pub enum LifecycleCall {
    /// `initialize` of a new instance, which nobody can resolve yet.
    Initialize,
    /// `initialize` of an instance of host scope that was there before the host started.
    Restart,
    /// `config-changed`, under the lock that the mutation holds.
    ConfigChanged {
        /// JSON.
        previous: String,
    },
    /// `upgraded`, under the lock that the first call of a new version has taken for it.
    Upgraded {
        from_version: String,
    },
    Close,
}

impl ExportCall for LifecycleCall {
    type Indices = Indices;

    fn function(&self) -> Function {
        let (name, origin, lock) = match self {
            Self::Initialize => ("initialize", Origin::Enable, Lock::OfCaller),
            Self::Restart => ("initialize", Origin::Start, Lock::Own),
            Self::ConfigChanged { .. } => ("config-changed", Origin::Reconfigure, Lock::OfCaller),
            Self::Upgraded { .. } => ("upgraded", Origin::Upgrade, Lock::OfCaller),
            Self::Close => ("close", Origin::Shutdown, Lock::Own),
        };
        let guests = if matches!(self, Self::Close) { Guests::Resident } else { Guests::Fresh };
        Function { lock, guests, ..Function::new(name, origin, CallGroup::Lifecycle) }
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let lifecycle = indices.load(&mut *store, instance)?;
        let lifecycle = lifecycle.moothall_plugin_lifecycle();
        let returned = match self {
            Self::Initialize | Self::Restart => lifecycle.call_initialize(store).await?,
            Self::ConfigChanged { previous } => {
                lifecycle.call_config_changed(store, &previous).await?
            }
            Self::Upgraded { from_version } => {
                lifecycle.call_upgraded(store, &from_version).await?
            }
            Self::Close => lifecycle.call_close(store).await?,
        };
        Ok(returned.map(nothing))
    }
}
