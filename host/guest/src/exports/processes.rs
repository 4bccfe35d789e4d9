//! `processes`: governance processes, from their start to their end.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Output, Returned, nothing};
use crate::call_state::CallState;
use crate::function::{CallGroup, CallName, Function, Origin};
use crate::messages;
use moothall_core::web;

crate::bindings::export!("moothall:plugin/processes-exports", "moothall:plugin/web": web);
pub use wit::ProcessesExportsIndices as Indices;

/// A call of a process of one of the plugin's types.
#[derive(Clone, Debug)]
pub struct ProcessCall {
    /// The type's name.
    pub process: Arc<str>,
    pub input: ProcessInput,
}

/// Which function of `processes` is called, and with what.
#[derive(Clone, Debug)]
pub enum ProcessInput {
    Start {
        /// JSON.
        parameters: String,
    },
    Update,
    Close,
    ReceiveWebhook(Arc<web::Request>),
}

impl ExportCall for ProcessCall {
    type Indices = Indices;

    fn function(&self) -> Function {
        let (name, origin) = match &self.input {
            ProcessInput::Start { .. } => ("start", Origin::Process),
            ProcessInput::Update => ("update", Origin::Tick),
            ProcessInput::Close => ("close", Origin::Process),
            ProcessInput::ReceiveWebhook(_) => ("receive-webhook", Origin::Webhook),
        };
        Function::new(name, origin, CallGroup::Process)
    }

    fn name(&self) -> CallName {
        CallName::Declared(self.process.clone())
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let processes = indices.load(&mut *store, instance)?;
        let (processes, process) = (processes.moothall_plugin_processes(), &*self.process);
        let returned = match self.input {
            ProcessInput::Start { parameters } => {
                processes.call_start(store, process, &parameters).await?
            }
            ProcessInput::Update => processes.call_update(store, process).await?,
            ProcessInput::Close => processes.call_close(store, process).await?,
            ProcessInput::ReceiveWebhook(request) => {
                let request = messages::incoming(&request);
                let response = processes.call_receive_webhook(store, process, &request).await?;
                return Ok(response.map(|one| Output::Response(one.map(messages::response))));
            }
        };
        Ok(returned.map(nothing))
    }
}
