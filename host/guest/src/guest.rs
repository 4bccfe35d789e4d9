//! A linked component, and a call into it: make a sandbox, call one function, see how it ended.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use wasmtime::component::InstancePre;
use wasmtime::{Store as EngineStore, StoreContextMut, UpdateDeadline};

use super::call_state::{AfterCall, CallState};
use super::contexts::{CallContext, PluginContext};
use super::exports::{Export, Exports, Output, Returned};
use super::fault::{self, Fault, GuestError};
use super::function::Function;
use super::memory::{MemoryReservation, Of};
use super::meter::{self, Metered, Tick, metered};
use super::shared::Shared;
use moothall_core::effects::Effects;
use moothall_core::ids::{CallId, InstanceId};
use moothall_core::instance::{InstanceLock, secret_context};
use moothall_store::SecretRow;

/// A component that is linked and ready to be called.
pub struct Guest {
    pub(super) pre: InstancePre<CallState>,
    pub(super) exports: Exports,
    shared: Arc<Shared>,
}

/// How a call ended. Nothing of it is stored yet.
pub struct Ended {
    /// The guest's result, its own error, or how the call went wrong.
    pub result: Result<Result<Output, GuestError>, Fault>,
    pub effects: Effects,
    /// Counts the effects as guests' memory until they are stored or dropped.
    pub reservation: MemoryReservation,
    /// The instance's lock, if the call took it: goes into the write that stores the effects.
    pub lock: Option<InstanceLock>,
    /// Bytes of the instance's state with the effects, if they are known.
    pub state_bytes: Option<u64>,
    /// The call's id, if anything (a log line, for one) needed it.
    pub call: Option<CallId>,
    /// The last lines that the guest logged.
    pub log: String,
    /// CPU time, exact to one tick of the epoch.
    pub cpu: Duration,
}

impl Guest {
    pub(super) fn new(pre: InstancePre<CallState>, exports: Exports, shared: Arc<Shared>) -> Self {
        Self { pre, exports, shared }
    }

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

    /// Makes one call in a new sandbox.
    pub async fn call(
        &self,
        export: Export,
        plugin_context: Arc<PluginContext>,
        call_context: CallContext,
    ) -> Ended {
        let wall =
            Duration::from_millis(call_context.wall_ms.unwrap_or(plugin_context.limits.wall_ms));
        let mut store = self.store(plugin_context, call_context, export.function(), Of::Call);
        let (end, cpu) = metered(pin!(self.enter(&mut store, export)), wall).await;
        let mut state = store.into_data();
        ended(&mut state, end, cpu, wall, AfterCall::Dropped)
    }

    pub(super) fn store(
        &self,
        plugin_context: Arc<PluginContext>,
        call_context: CallContext,
        function: Function,
        of: Of,
    ) -> EngineStore<CallState> {
        let hostcall_bytes = plugin_context.limits.hostcall_bytes;
        let state = CallState::new(self.shared.clone(), plugin_context, call_context, function, of);
        let mut store = EngineStore::new(self.pre.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(on_tick);
        store.set_hostcall_fuel(hostcall_bytes);
        store
    }

    async fn enter(&self, store: &mut EngineStore<CallState>, export: Export) -> Returned {
        let instance =
            self.pre.instantiate_async(&mut *store).await.map_err(fault::while_instantiating)?;
        self.exports.call(store, &instance, export).await
    }
}

/// The epoch's deadline callback.
fn on_tick(mut store: StoreContextMut<'_, CallState>) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data_mut();
    match meter::tick(state.cpu_budget(), &state.plugin_context.long_calls) {
        Tick::Yield(before) => Ok(UpdateDeadline::YieldCustom(1, before)),
        Tick::OutOfCpu => {
            state.out_of_cpu();
            Ok(UpdateDeadline::Interrupt)
        }
    }
}

pub(super) fn ended(
    state: &mut CallState,
    end: Metered<Returned>,
    cpu: Duration,
    wall: Duration,
    guest: AfterCall,
) -> Ended {
    state.end_as_recorded();
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
    let log = state.end_log(guest);
    let call = state.call_id_if_any();
    let (effects, reservation, lock, state_bytes) = state.take_effects();
    Ended { result, effects, reservation, lock, state_bytes, call, log, cpu }
}
