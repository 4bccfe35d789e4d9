//! `routes.wit`: finds a route by its path and gives it a request.

use crate::bindings::host::types as wit;
use crate::bindings::host::web::{Incoming, Response};
use crate::bindings::routes;
use crate::{Plugin, Result, RouteRequest, WebhookResponse};

/// A plugin with routes.
pub trait Routes: Plugin {
    fn route(&self, path: &str, request: RouteRequest) -> Result<WebhookResponse>;
}

impl<T: Routes> routes::exports::moothall::plugin::routes::Guest for T {
    fn handle(
        path: String,
        captures: Vec<(String, String)>,
        request: Incoming,
    ) -> std::result::Result<Response, wit::Error> {
        let request = RouteRequest { request: request.into(), captures };
        Ok(T::PLUGIN.route(&path, request)?.into())
    }
}
