//! `actions`: what a driver asks a plugin to do.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Output, Returned};
use crate::call_state::CallState;
use crate::function::{CallGroup, CallName, Function, Origin};

crate::bindings::export!("moothall:plugin/actions-exports");
pub use wit::ActionsExportsIndices as Indices;

/// A call of `actions.perform`.
#[derive(Clone, Debug)]
pub struct Perform {
    pub slug: Arc<str>,
    /// JSON.
    pub parameters: String,
    /// The manifest declares the action `read_only`.
    pub is_read_only: bool,
}

impl ExportCall for Perform {
    type Indices = Indices;

    fn function(&self) -> Function {
        Function {
            is_read_only: self.is_read_only,
            answers_its_caller: true,
            ..Function::new("perform", Origin::Action, CallGroup::Action)
        }
    }

    fn name(&self) -> CallName {
        CallName::Declared(self.slug.clone())
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let actions = indices.load(&mut *store, instance)?;
        let actions = actions.moothall_plugin_actions();
        let result = actions.call_perform(store, &self.slug, &self.parameters).await?;
        Ok(result.map(Output::Text))
    }
}
