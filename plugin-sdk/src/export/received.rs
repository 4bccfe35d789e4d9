//! The methods with attributes of their own: webhooks, the producer, OAuth. Each is one method, so
//! its trait has one function and the attribute writes the call.

use crate::bindings::host::types as wit;
use crate::bindings::{global_webhooks, handshakes, oauth, producer, webhooks};
use crate::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use crate::{Error, Plugin, Result, Routed, WebhookRequest, WebhookResponse, read};

/// A plugin that receives webhooks of its instances.
pub trait Webhooks: Plugin {
    fn receive(&self, request: WebhookRequest) -> Result<Option<WebhookResponse>>;
}

/// A plugin that receives webhooks of the whole platform.
pub trait GlobalWebhooks: Plugin {
    fn receive_global(&self, request: WebhookRequest) -> Result<Routed>;
}

/// A plugin that answers handshakes of its own.
pub trait Handshakes: Plugin {
    fn answer(&self, request: WebhookRequest) -> Result<WebhookResponse>;
}

/// A plugin that is called again and again.
pub trait Producer: Plugin {
    fn tick(&self) -> Result<()>;
}

/// A plugin that authorises on its platform.
pub trait OAuth: Plugin {
    fn authorize_url(&self, request: AuthorizeRequest) -> Result<String>;
    fn handle_callback(&self, callback: OAuthCallback) -> Result<Authorized>;
}

/// What a webhook's receiver may return.
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

/// Makes one of what a receiver may return.
pub fn received<A: WebhookAnswer>(answer: Result<A>) -> Result<Option<WebhookResponse>> {
    answer.map(WebhookAnswer::into_answer)
}

impl<T: Webhooks> webhooks::exports::moothall::plugin::webhooks::Guest for T {
    fn receive(
        request: crate::bindings::host::web::Incoming,
    ) -> std::result::Result<Option<crate::bindings::host::web::Response>, wit::Error> {
        Ok(T::PLUGIN.receive(request.into())?.map(Into::into))
    }
}

impl<T: GlobalWebhooks> global_webhooks::exports::moothall::plugin::global_webhooks::Guest for T {
    fn receive_global(
        request: crate::bindings::host::web::Incoming,
    ) -> std::result::Result<
        global_webhooks::exports::moothall::plugin::global_webhooks::Routed,
        wit::Error,
    > {
        Ok(T::PLUGIN.receive_global(request.into())?.into())
    }
}

impl<T: Handshakes> handshakes::exports::moothall::plugin::handshakes::Guest for T {
    fn answer(
        request: crate::bindings::host::web::Incoming,
    ) -> std::result::Result<crate::bindings::host::web::Response, wit::Error> {
        Ok(T::PLUGIN.answer(request.into())?.into())
    }
}

impl<T: Producer> producer::exports::moothall::plugin::producer::Guest for T {
    fn tick() -> std::result::Result<(), wit::Error> {
        Ok(T::PLUGIN.tick()?)
    }
}

impl<T: OAuth> oauth::exports::moothall::plugin::oauth::Guest for T {
    fn authorize_url(request: String) -> std::result::Result<String, wit::Error> {
        Ok(OAuth::authorize_url(&T::PLUGIN, fitting(&request)?)?)
    }

    fn handle_callback(callback: String) -> std::result::Result<String, wit::Error> {
        let authorized = T::PLUGIN.handle_callback(fitting(&callback)?)?;
        Ok(serde_json::to_string(&authorized).map_err(Error::from)?)
    }
}

/// The host made it, so what does not fit is no fault of a caller.
fn fitting<T: serde::de::DeserializeOwned>(json: &str) -> Result<T> {
    read::json(json).map_err(|error| {
        Error::internal(format!("the host's request does not fit its type: {error}"))
    })
}
