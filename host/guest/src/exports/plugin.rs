//! `plugin`, which every component exports: `describe`.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Output, Returned};
use crate::call_state::CallState;
use crate::function::{CallGroup, Function, Origin};

crate::bindings::export!("moothall:plugin/plugin-exports");
pub use wit::PluginExportsIndices as Indices;

/// Asks for the manifest.
#[derive(Clone, Copy, Debug)]
pub struct Describe;

impl ExportCall for Describe {
    type Indices = Indices;

    fn function(&self) -> Function {
        let function = Function::new("describe", Origin::Describe, CallGroup::Lifecycle);
        Function { is_read_only: true, ..function }
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let plugin = indices.load(&mut *store, instance)?;
        let manifest = plugin.moothall_plugin_plugin().call_describe(store).await?;
        Ok(Ok(Output::Text(Some(manifest))))
    }
}
