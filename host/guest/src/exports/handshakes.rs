//! `handshakes`: what a platform asks, unsigned, before it sends webhooks.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Output, Returned};
use crate::call_state::CallState;
use crate::function::{CallGroup, Function, Origin};
use crate::messages;
use moothall_core::web;

crate::bindings::export!("moothall:plugin/handshakes-exports", "moothall:plugin/web": web);
pub use wit::HandshakesExportsIndices as Indices;

/// A call of `handshakes.answer`. It may neither write nor send anything, since anybody can ask.
#[derive(Clone, Debug)]
pub struct AnswerHandshake(pub Arc<web::Request>);

impl ExportCall for AnswerHandshake {
    type Indices = Indices;

    fn function(&self) -> Function {
        let function = Function::new("answer", Origin::Handshake, CallGroup::Webhook);
        Function { is_read_only: true, ..function }
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let handshakes = indices.load(&mut *store, instance)?;
        let request = messages::incoming(&self.0);
        let handshakes = handshakes.moothall_plugin_handshakes();
        let response = handshakes.call_answer(store, &request).await?;
        Ok(response.map(|one| Output::Response(Some(messages::response(one)))))
    }
}
