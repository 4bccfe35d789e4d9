//! `workers`: consumers of events.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Output, Returned, nothing};
use crate::call_state::CallState;
use crate::function::{CallGroup, CallName, Function, Origin};

crate::bindings::export!("moothall:plugin/workers-exports");
pub use wit::WorkersExportsIndices as Indices;

/// A call of one of the plugin's workers.
#[derive(Clone, Debug)]
pub struct WorkerCall {
    /// Its name.
    pub worker: Arc<str>,
    pub input: WorkerInput,
}

/// Which function of `workers` is called, and with what.
#[derive(Clone, Debug)]
pub enum WorkerInput {
    /// Whether it wants events with that config (JSON).
    Enabled { config: String },
    /// Hands it an event (JSON).
    Handle { event: Arc<String> },
}

impl ExportCall for WorkerCall {
    type Indices = Indices;

    fn function(&self) -> Function {
        let (name, is_read_only) = match &self.input {
            WorkerInput::Enabled { .. } => ("enabled", true),
            WorkerInput::Handle { .. } => ("handle", false),
        };
        Function { is_read_only, ..Function::new(name, Origin::Worker, CallGroup::Worker) }
    }

    fn name(&self) -> CallName {
        CallName::Declared(self.worker.clone())
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let workers = indices.load(&mut *store, instance)?;
        let workers = workers.moothall_plugin_workers();
        match self.input {
            WorkerInput::Enabled { config } => {
                Ok(workers.call_enabled(store, &self.worker, &config).await?.map(Output::Enabled))
            }
            WorkerInput::Handle { event } => {
                Ok(workers.call_handle(store, &self.worker, &event).await?.map(nothing))
            }
        }
    }
}
