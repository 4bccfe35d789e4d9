//! `hooks`: a step of a hook, which may change or halt what the host will do.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Output, Returned, Verdict};
use crate::call_state::CallState;
use crate::function::{CallGroup, CallName, Function, Origin};

crate::bindings::export!("moothall:plugin/hooks-exports");
pub use wit::HooksExportsIndices as Indices;
use wit::exports::moothall::plugin::hooks::Verdict as WitVerdict;

/// A call of `hooks.filter`.
#[derive(Clone, Debug)]
pub struct Filter {
    pub hook: Arc<str>,
    /// JSON.
    pub data: String,
}

impl ExportCall for Filter {
    type Indices = Indices;

    fn function(&self) -> Function {
        let function = Function::new("filter", Origin::Hook, CallGroup::Filter);
        Function { is_read_only: true, ..function }
    }

    fn name(&self) -> CallName {
        CallName::Declared(self.hook.clone())
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let hooks = indices.load(&mut *store, instance)?;
        let hooks = hooks.moothall_plugin_hooks();
        let returned = hooks.call_filter(store, &self.hook, &self.data).await?;
        Ok(returned.map(|one| Output::Verdict(verdict(one))))
    }
}

fn verdict(verdict: WitVerdict) -> Verdict {
    match verdict {
        WitVerdict::Pass => Verdict::Pass,
        WitVerdict::Update(data) => Verdict::Update(data),
        WitVerdict::Stop => Verdict::Stop,
        WitVerdict::Halt(exception) => Verdict::Halt(exception),
    }
}
