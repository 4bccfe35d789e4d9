//! `global-webhooks.wit`: gives the plugin a webhook of the whole platform.

use crate::bindings::global_webhooks;
use crate::bindings::host::types as wit;
use crate::bindings::host::web::Incoming;
use crate::{Plugin, Result, Routed, WebhookRequest};

/// A plugin that receives webhooks of the whole platform.
pub trait GlobalWebhooks: Plugin {
    fn receive_global(&self, request: WebhookRequest) -> Result<Routed>;
}

impl<T: GlobalWebhooks> global_webhooks::exports::moothall::plugin::global_webhooks::Guest for T {
    fn receive_global(
        request: Incoming,
    ) -> std::result::Result<
        global_webhooks::exports::moothall::plugin::global_webhooks::Routed,
        wit::Error,
    > {
        Ok(T::PLUGIN.receive_global(request.into())?.into())
    }
}
