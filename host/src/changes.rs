//! A change through the API, as `api.change` tells it: StoryBoard's fields.

use serde_json::{Value, json};

/// What a request changes, as far as the request itself says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The name of the API key.
    pub author: Option<String>,
    pub method: String,
    pub url: String,
    pub path: String,
    pub query_string: Option<String>,
    /// Of the answer.
    pub status: u16,
    pub resource: String,
    pub resource_id: Option<String>,
    pub sub_resource: Option<String>,
    pub sub_resource_id: Option<String>,
    pub request_id: String,
}

impl Change {
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Of what was made: its id was not in the request.
    pub fn of(mut self, resource_id: impl Into<String>) -> Self {
        self.resource_id = Some(resource_id.into());
        self
    }

    /// The data of the event.
    pub fn data(&self, before: &Value, after: &Value) -> Value {
        json!({
            "author": self.author,
            "method": self.method,
            "url": self.url,
            "path": self.path,
            "query_string": self.query_string,
            "status": self.status,
            "resource": self.resource,
            "resource_id": self.resource_id,
            "sub_resource": self.sub_resource,
            "sub_resource_id": self.sub_resource_id,
            "resource_before": before,
            "resource_after": after,
            "request_id": self.request_id,
        })
    }
}
