//! The requests to a plugin's own routes.

use std::ops::Deref;

use crate::WebhookRequest;

/// A request to one of the plugin's own routes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteRequest {
    /// The request itself.
    pub request: WebhookRequest,
    /// The parts of the path that matched `{names}`, decoded.
    pub captures: Vec<(String, String)>,
}

impl RouteRequest {
    /// The part of the path that matched `{name}`.
    pub fn capture(&self, name: &str) -> Option<&str> {
        self.captures.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl Deref for RouteRequest {
    type Target = WebhookRequest;

    fn deref(&self) -> &WebhookRequest {
        &self.request
    }
}
