//! `schedules`: ticks that the host calls at the times which the manifest names.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Returned, nothing};
use crate::call_state::CallState;
use crate::function::{CallGroup, CallName, Function, Guests, Origin};

crate::bindings::export!("moothall:plugin/schedules-exports");
pub use wit::SchedulesExportsIndices as Indices;

/// A call of `schedules.tick`.
#[derive(Clone, Debug)]
pub struct ScheduleTick {
    pub name: Arc<str>,
    /// RFC 3339.
    pub scheduled_at: String,
}

impl ExportCall for ScheduleTick {
    type Indices = Indices;

    fn function(&self) -> Function {
        let function = Function::new("tick", Origin::Tick, CallGroup::Tick);
        Function { guests: Guests::Resident, ..function }
    }

    fn name(&self) -> CallName {
        CallName::Declared(self.name.clone())
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let schedules = indices.load(&mut *store, instance)?;
        let schedules = schedules.moothall_plugin_schedules();
        Ok(schedules.call_tick(store, &self.name, &self.scheduled_at).await?.map(nothing))
    }
}
