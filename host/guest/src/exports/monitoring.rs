//! `monitoring`: what the host measures of its requests.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Returned, nothing};
use crate::call_state::CallState;
use crate::function::{CallGroup, Function, Guests, Origin};

crate::bindings::export!("moothall:plugin/monitoring-exports");
pub use wit::MonitoringExportsIndices as Indices;

/// A call of `monitoring.handle-points` with a batch of points (JSON).
#[derive(Clone, Debug)]
pub struct HandlePoints(pub Arc<String>);

impl ExportCall for HandlePoints {
    type Indices = Indices;

    fn function(&self) -> Function {
        let function = Function::new("handle-points", Origin::Monitoring, CallGroup::Monitoring);
        Function { guests: Guests::Resident, ..function }
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let monitoring = indices.load(&mut *store, instance)?;
        let monitoring = monitoring.moothall_plugin_monitoring();
        Ok(monitoring.call_handle_points(store, &self.0).await?.map(nothing))
    }
}
