//! The sandbox: loads components and calls them, each call in an instance of its own.
//!
//! Knows what a guest may see and use, and how its calls end; knows nothing of HTTP, of who may
//! call, or of commits: effects are handed back to the caller. `wasmtime` is named here and where
//! components are compiled, nowhere else.

mod bindings;
mod call_state;
mod contexts;
pub mod engine;
mod exports;
mod fault;
mod imports;
mod limits;
mod log;
mod memory;
mod meter;
mod quota;
mod resident;
mod sending;
mod web_types;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Store as EngineStore};

use call_state::CallState;
use exports::{Exports, Returned};
use memory::Of;
use meter::{Metered, metered};

use moothall_core::clock::Clock;
use moothall_core::config::Limits;
use moothall_core::effects::Effects;
use moothall_core::ids::{CallId, InstanceId};
use moothall_core::instance::{InstanceLock, secret_context};
use moothall_core::secrets::Keyring;
use moothall_core::telemetry::Numbers;
use moothall_egress::Egress;
use moothall_store::{SecretRow, Store};

pub use contexts::{Batch, CallContext, Origin, PendingSecrets, PluginContext, Settings};
pub use exports::{Export, Output, Verdict};
pub use fault::{Blame, Fault, GuestError, Kind, carried, cut};
pub use memory::{MemoryGauge, MemoryReservation};
pub use meter::{LongCalls, enter_runtime};
pub use quota::{Quota, Quotas};
pub use resident::Live;

/// What all calls share.
pub struct Shared {
    pub store: Store,
    pub keyring: Arc<Keyring>,
    pub clock: Clock,
    pub quotas: Arc<Quotas>,
    pub egress: Egress,
    pub numbers: Numbers,
}

/// The engine with everything that components may import.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<CallState>,
    shared: Arc<Shared>,
}

/// A component that is linked and ready to be called.
pub struct Guest {
    pre: InstancePre<CallState>,
    exports: Exports,
    shared: Arc<Shared>,
}

/// A call that has ended, one way or the other. Nothing of it is stored yet.
pub struct Ended {
    /// The guest's result, its own error, or how the call went wrong.
    pub result: Result<Result<Output, GuestError>, Fault>,
    pub effects: Effects,
    /// What the effects count for in all guests' memory: kept until they are stored or dropped.
    pub reservation: MemoryReservation,
    /// The instance's lock, if the call took it: goes into the write that stores the effects.
    pub lock: Option<InstanceLock>,
    /// Bytes of the instance's state with the effects, if they are known.
    pub state_bytes: Option<u64>,
    /// The call's id, if it was spoken of.
    pub call: Option<CallId>,
    /// The last lines that the guest logged.
    pub log: String,
    /// CPU time, to one tick.
    pub cpu: Duration,
}

impl Sandbox {
    pub fn new(limits: &Limits, shared: Shared) -> wasmtime::Result<Self> {
        let engine = Engine::new(&engine::config(limits, engine::Allocator::Pooling))?;
        let mut linker = Linker::new(&engine);
        imports::add_to_linker(&mut linker)?;
        engine::start_ticker(&engine)?;
        Ok(Self { engine, linker, shared: Arc::new(shared) })
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What each plugin may have of the host.
    pub fn quotas(&self) -> &Quotas {
        &self.shared.quotas
    }

    /// Links a component; every reason why it cannot be, at once.
    pub fn link(&self, component: &Component) -> Result<Guest, Vec<String>> {
        let missing: Vec<String> = component
            .component_type()
            .imports(&self.engine)
            .filter_map(|(name, _)| imports::missing(name))
            .collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let pre =
            self.linker.instantiate_pre(component).map_err(|error| vec![format!("{error:#}")])?;
        let exports = Exports::of(&pre).map_err(|error| {
            vec![format!("it does not export `moothall:plugin/plugin@0.1.0`, which every plugin does: {error}")]
        })?;
        Ok(Guest { pre, exports, shared: self.shared.clone() })
    }
}

impl Guest {
    /// The export interfaces that the component has.
    pub fn capabilities(&self) -> Vec<&'static str> {
        self.exports.names()
    }

    /// The secrets of a stored configuration, by JSON Pointer.
    pub fn open_secrets(
        &self,
        instance: InstanceId,
        sealed: &[SecretRow],
    ) -> Result<BTreeMap<String, SecretString>, Fault> {
        let open = |row: &SecretRow| {
            let opened =
                self.shared.keyring.open(&secret_context(instance, &row.pointer), &row.sealed);
            opened
                .map(|secret| (row.pointer.clone(), secret))
                .map_err(|error| Fault::Host(error.to_string()))
        };
        sealed.iter().map(open).collect()
    }

    /// One call in a sandbox of its own, from an empty instance to its end.
    pub async fn call(
        &self,
        export: Export,
        plugin_context: Arc<PluginContext>,
        call_context: CallContext,
    ) -> Ended {
        let wall =
            Duration::from_millis(call_context.wall_ms.unwrap_or(plugin_context.limits.wall_ms));
        let mut store = self.store(plugin_context, call_context, Of::Call);
        let (end, cpu) = metered(pin!(self.enter(&mut store, export)), wall).await;
        let mut state = store.into_data();
        ended(&mut state, end, cpu, wall, false)
    }

    fn store(
        &self,
        plugin_context: Arc<PluginContext>,
        call_context: CallContext,
        of: Of,
    ) -> EngineStore<CallState> {
        let hostcall_bytes = plugin_context.limits.hostcall_bytes;
        let state = CallState::new(self.shared.clone(), plugin_context, call_context, of);
        let mut store = EngineStore::new(self.pre.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(meter::on_tick);
        store.set_hostcall_fuel(hostcall_bytes);
        store
    }

    async fn enter(&self, store: &mut EngineStore<CallState>, export: Export) -> Returned {
        let instance =
            self.pre.instantiate_async(&mut *store).await.map_err(fault::while_instantiating)?;
        self.exports.call(store, &instance, export).await
    }
}

fn ended(
    state: &mut CallState,
    end: Metered<Returned>,
    cpu: Duration,
    wall: Duration,
    lives_on: bool,
) -> Ended {
    let result = match end {
        Metered::OutOfTime => Err(state.out_of_time(wall)),
        Metered::Done(Err(error)) => Err(state.fault_of(&error)),
        Metered::Done(Ok(answer)) => match state.fatal.take() {
            Some(fault) => Err(fault),
            None => match answer {
                Ok(output) => Ok(Ok(output)),
                Err(error) => GuestError::of(error).map(Err),
            },
        },
    };
    let log = state.end_log(lives_on);
    let call = state.call_id_if_any();
    let (effects, reservation, lock, state_bytes) = state.take_effects();
    Ended { result, effects, reservation, lock, state_bytes, call, log, cpu }
}
