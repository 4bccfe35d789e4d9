//! `webhooks.wit`: gives the plugin a webhook of an instance.

use crate::bindings::host::types as wit;
use crate::bindings::host::web::{Incoming, Response};
use crate::bindings::webhooks;
use crate::{Plugin, Result, WebhookRequest, WebhookResponse};

/// A plugin that receives webhooks of its instances.
pub trait Webhooks: Plugin {
    fn receive(&self, request: WebhookRequest) -> Result<Option<WebhookResponse>>;
}

/// What a method with `#[webhook]` may return.
#[diagnostic::on_unimplemented(
    message = "a webhook is answered with a `WebhookResponse`, an `Option` of one, or `()`, and not with a `{Self}`"
)]
pub trait WebhookAnswer {
    fn into_answer(self) -> Option<WebhookResponse>;
}

impl WebhookAnswer for () {
    fn into_answer(self) -> Option<WebhookResponse> {
        None
    }
}

impl WebhookAnswer for WebhookResponse {
    fn into_answer(self) -> Option<WebhookResponse> {
        Some(self)
    }
}

impl WebhookAnswer for Option<WebhookResponse> {
    fn into_answer(self) -> Option<WebhookResponse> {
        self
    }
}

/// Converts what the method returned.
pub fn received<A: WebhookAnswer>(answer: Result<A>) -> Result<Option<WebhookResponse>> {
    answer.map(WebhookAnswer::into_answer)
}

impl<T: Webhooks> webhooks::exports::moothall::plugin::webhooks::Guest for T {
    fn receive(request: Incoming) -> std::result::Result<Option<Response>, wit::Error> {
        Ok(T::PLUGIN.receive(request.into())?.map(Into::into))
    }
}
