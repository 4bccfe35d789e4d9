//! A change through the API, as the event `api.change` describes it: StoryBoard's fields.

use moothall_values::json::Object;

/// What a request changes, as far as the request says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The name of the API key.
    pub author: Option<String>,
    pub method: String,
    pub url: String,
    pub path: String,
    pub query_string: Option<String>,
    /// The status of the answer.
    pub status: u16,
    pub resource: String,
    pub resource_id: Option<String>,
    pub sub_resource: Option<String>,
    pub sub_resource_id: Option<String>,
    pub request_id: String,
    /// What `status` is once it is known what became of the resource.
    pub statuses: Statuses,
}

/// What becomes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Changed,
    Removed,
}

/// The status of the answer for each outcome, as HTTP chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statuses {
    pub created: u16,
    pub changed: u16,
    pub removed: u16,
}

impl Change {
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn with_outcome(self, outcome: Outcome) -> Self {
        let Statuses { created, changed, removed } = self.statuses;
        self.with_status(match outcome {
            Outcome::Created => created,
            Outcome::Changed => changed,
            Outcome::Removed => removed,
        })
    }

    /// The id of what was created; the request did not contain it.
    pub fn of(mut self, resource_id: impl Into<String>) -> Self {
        self.resource_id = Some(resource_id.into());
        self
    }

    /// The data of the event, a JSON text, like the two views.
    pub fn data(&self, before: &str, after: &str) -> String {
        Object::new()
            .with("author", self.author.as_deref())
            .with("method", self.method.as_str())
            .with("url", self.url.as_str())
            .with("path", self.path.as_str())
            .with("query_string", self.query_string.as_deref())
            .with("status", self.status)
            .with("resource", self.resource.as_str())
            .with("resource_id", self.resource_id.as_deref())
            .with("sub_resource", self.sub_resource.as_deref())
            .with("sub_resource_id", self.sub_resource_id.as_deref())
            .carrying("resource_before", before)
            .carrying("resource_after", after)
            .with("request_id", self.request_id.as_str())
            .end()
    }
}
