//! The engine with everything that components may import; links components.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::call_state::CallState;
use super::exports::Exports;
use super::guest::Guest;
use super::quota::Quotas;
use super::shared::Shared;
use super::{engine, imports};
use moothall_core::config::Limits;

pub struct Sandbox {
    engine: Engine,
    linker: Linker<CallState>,
    shared: Arc<Shared>,
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
        Ok(Guest::new(pre, exports, self.shared.clone()))
    }
}
