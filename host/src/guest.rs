//! The sandbox: loads components and calls them, each call in an instance of its own.
//!
//! Knows what a guest may see and use, and how its calls end; knows nothing of HTTP, of who may
//! call, or of commits: effects are handed back to the caller. `wasmtime` is named here and where
//! components are compiled, nowhere else.

mod bindings;
mod call_state;
pub mod engine;
mod fault;
mod imports;
mod limits;
mod log;
mod meter;
mod terms;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Store as EngineStore};

use bindings::{ActionsExportsIndices, LifecycleExportsIndices, PluginExportsIndices};
use call_state::CallState;
use meter::{Metered, metered};

use crate::clock::Clock;
use crate::config::Limits;
use crate::effects::Effects;
use crate::ids::{CallId, InstanceId};
use crate::instance::{Hold, secret_context};
use crate::secrets::Keyring;
use crate::store::{SecretRow, Store};

pub use fault::{Blame, Fault, GuestError, cut};
pub use limits::{MemoryGauge, Share};
pub use meter::{LongCalls, enter_runtime};
pub use terms::{Origin, PendingSecrets, Settings, Subject, Terms};

/// What all calls share.
pub struct Shared {
    pub store: Store,
    pub keyring: Arc<Keyring>,
    pub clock: Clock,
    pub memory: Arc<MemoryGauge>,
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
    plugin: PluginExportsIndices,
    lifecycle: Option<LifecycleExportsIndices>,
    actions: Option<ActionsExportsIndices>,
    shared: Arc<Shared>,
}

/// Which function of the guest a call is.
#[derive(Clone, Debug)]
pub enum Export {
    Describe,
    Initialize,
    ConfigChanged { previous: String },
    Perform { slug: Arc<str>, parameters: String },
}

/// A call that has ended, one way or the other. Nothing of it is stored yet.
pub struct Ended {
    /// The guest's result, its own error, or how the call went wrong.
    pub result: Result<Result<Option<String>, GuestError>, Fault>,
    pub effects: Effects,
    /// What the effects count for in all guests' memory: kept until they are stored or dropped.
    pub share: Share,
    /// The instance's lock, if the call took it: goes into the write that stores the effects.
    pub hold: Option<Hold>,
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
        let plugin = PluginExportsIndices::new(&pre).map_err(|error| {
            vec![format!("it does not export `moothall:plugin/plugin@0.1.0`, which every plugin does: {error}")]
        })?;
        let (lifecycle, actions) =
            (LifecycleExportsIndices::new(&pre).ok(), ActionsExportsIndices::new(&pre).ok());
        Ok(Guest { pre, plugin, lifecycle, actions, shared: self.shared.clone() })
    }
}

impl Guest {
    /// The export interfaces that the component has.
    pub fn capabilities(&self) -> Vec<&'static str> {
        let optional =
            [("lifecycle", self.lifecycle.is_some()), ("actions", self.actions.is_some())];
        optional.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
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
    pub async fn call(&self, export: Export, terms: Arc<Terms>, subject: Subject) -> Ended {
        let wall = Duration::from_millis(terms.limits.wall_ms);
        let hostcall_bytes = terms.limits.hostcall_bytes;
        let state = CallState::new(self.shared.clone(), terms, subject);
        let mut store = EngineStore::new(self.pre.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(meter::on_tick);
        store.set_hostcall_fuel(hostcall_bytes);
        let (end, cpu) = metered(pin!(self.enter(&mut store, export)), wall).await;
        ended(store.into_data(), end, cpu, wall)
    }

    async fn enter(
        &self,
        store: &mut EngineStore<CallState>,
        export: Export,
    ) -> wasmtime::Result<Result<Option<String>, bindings::Error>> {
        let instance =
            self.pre.instantiate_async(&mut *store).await.map_err(fault::while_instantiating)?;
        match export {
            Export::Describe => {
                let plugin = self.plugin.load(&mut *store, &instance)?;
                plugin
                    .moothall_plugin_plugin()
                    .call_describe(store)
                    .await
                    .map(|manifest| Ok(Some(manifest)))
            }
            Export::Initialize => {
                let lifecycle = exported(&self.lifecycle)?.load(&mut *store, &instance)?;
                Ok(lifecycle
                    .moothall_plugin_lifecycle()
                    .call_initialize(store)
                    .await?
                    .map(|()| None))
            }
            Export::ConfigChanged { previous } => {
                let lifecycle = exported(&self.lifecycle)?.load(&mut *store, &instance)?;
                let changed = lifecycle
                    .moothall_plugin_lifecycle()
                    .call_config_changed(store, &previous)
                    .await?;
                Ok(changed.map(|()| None))
            }
            Export::Perform { slug, parameters } => {
                let actions = exported(&self.actions)?.load(&mut *store, &instance)?;
                actions.moothall_plugin_actions().call_perform(store, &slug, &parameters).await
            }
        }
    }
}

/// The loader has checked that what the manifest names is exported.
fn exported<T>(indices: &Option<T>) -> wasmtime::Result<&T> {
    indices
        .as_ref()
        .ok_or_else(|| wasmtime::Error::msg("the component does not export this interface"))
}

type GuestResult = wasmtime::Result<Result<Option<String>, bindings::Error>>;

fn ended(mut state: CallState, end: Metered<GuestResult>, cpu: Duration, wall: Duration) -> Ended {
    let result = match end {
        Metered::OutOfTime => Err(Fault::Timeout(format!("time of {} ms", wall.as_millis()))),
        Metered::Done(Err(error)) => Err(state.fault_of(&error)),
        Metered::Done(Ok(answer)) => match state.doom.take() {
            Some(fault) => Err(fault),
            None => Ok(answer.map_err(GuestError::from)),
        },
    };
    let log = state.end_log();
    let call = state.call_id_if_any();
    let (effects, share, hold, state_bytes) = state.into_effects();
    Ended { result, effects, share, hold, state_bytes, call, log, cpu }
}
