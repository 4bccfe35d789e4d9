//! `handshakes.wit`: gives the plugin a handshake that it answers itself.

use crate::bindings::handshakes;
use crate::bindings::host::types as wit;
use crate::bindings::host::web::{Incoming, Response};
use crate::{Plugin, Result, WebhookRequest, WebhookResponse};

/// A plugin that answers handshakes of its own.
pub trait Handshakes: Plugin {
    fn answer(&self, request: WebhookRequest) -> Result<WebhookResponse>;
}

impl<T: Handshakes> handshakes::exports::moothall::plugin::handshakes::Guest for T {
    fn answer(request: Incoming) -> std::result::Result<Response, wit::Error> {
        Ok(T::PLUGIN.answer(request.into())?.into())
    }
}
