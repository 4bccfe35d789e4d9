//! `producer`: a tick that the host calls again and again.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Returned, nothing};
use crate::call_state::CallState;
use crate::function::{CallGroup, Function, Guests, Origin};

crate::bindings::export!("moothall:plugin/producer-exports");
pub use wit::ProducerExportsIndices as Indices;

/// A call of `producer.tick`.
#[derive(Clone, Copy, Debug)]
pub struct ProducerTick;

impl ExportCall for ProducerTick {
    type Indices = Indices;

    fn function(&self) -> Function {
        let function = Function::new("tick", Origin::Tick, CallGroup::Tick);
        Function { guests: Guests::Resident, ..function }
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let producer = indices.load(&mut *store, instance)?;
        Ok(producer.moothall_plugin_producer().call_tick(store).await?.map(nothing))
    }
}
