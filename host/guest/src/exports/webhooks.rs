//! `webhooks`: what a platform sends to an instance.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Output, Returned};
use crate::call_state::CallState;
use crate::function::{CallGroup, Function, Origin};
use crate::messages;
use moothall_core::web;

crate::bindings::export!("moothall:plugin/webhooks-exports", "moothall:plugin/web": web);
pub use wit::WebhooksExportsIndices as Indices;

/// A call of `webhooks.receive`.
#[derive(Clone, Debug)]
pub struct Receive(pub Arc<web::Request>);

impl ExportCall for Receive {
    type Indices = Indices;

    fn function(&self) -> Function {
        Function::new("receive", Origin::Webhook, CallGroup::Webhook)
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let webhooks = indices.load(&mut *store, instance)?;
        let request = messages::incoming(&self.0);
        let response = webhooks.moothall_plugin_webhooks().call_receive(store, &request).await?;
        Ok(response.map(|one| Output::Response(one.map(messages::response))))
    }
}
