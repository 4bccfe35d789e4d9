//! `global-webhooks`: what a platform sends at the plugin's one URL, and which instances it is for.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{ExportCall, Output, Returned};
use crate::call_state::CallState;
use crate::function::{CallGroup, Function, Origin};
use crate::messages;
use moothall_core::web;

crate::bindings::export!("moothall:plugin/global-webhooks-exports", "moothall:plugin/web": web);
pub use wit::GlobalWebhooksExportsIndices as Indices;
use wit::exports::moothall::plugin::global_webhooks::{Routed, Target};

/// A call of `global-webhooks.receive-global`.
#[derive(Clone, Debug)]
pub struct ReceiveGlobal(pub Arc<web::Request>);

impl ExportCall for ReceiveGlobal {
    type Indices = Indices;

    fn function(&self) -> Function {
        Function::new("receive-global", Origin::GlobalWebhook, CallGroup::Webhook)
    }

    async fn call(
        self,
        indices: &Indices,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> Returned {
        let webhooks = indices.load(&mut *store, instance)?;
        let request = messages::incoming(&self.0);
        let webhooks = webhooks.moothall_plugin_global_webhooks();
        let result = webhooks.call_receive_global(store, &request).await?;
        Ok(result.map(|one| Output::Routed(routed(one))))
    }
}

fn routed(routed: Routed) -> web::Routed {
    let target = |target| match target {
        Target::PlatformId(id) => web::Target::PlatformId(id),
        Target::RouteKey((pointer, value)) => web::Target::RouteKey { pointer, value },
    };
    web::Routed {
        response: routed.response.map(messages::response),
        targets: routed.targets.into_iter().map(target).collect(),
    }
}
