//! What a manifest says of an action. Its schemas come from types.

use schemars::Schema;
use serde::Serialize;

use crate::export::HasSchema;
use crate::schema;

/// One action of a [`Manifest`](super::Manifest).
#[derive(Debug, Clone, Serialize)]
pub struct Action {
    slug: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_schema: Option<Schema>,
    public: bool,
    read_only: bool,
}

impl Action {
    /// An action that takes any object and answers anything.
    pub fn new(slug: &'static str) -> Self {
        Self {
            slug,
            description: None,
            parameters_schema: None,
            response_schema: None,
            public: false,
            read_only: false,
        }
    }

    /// What the action does.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// The type of its parameters.
    #[must_use]
    pub fn parameters<T: HasSchema>(mut self) -> Self {
        self.parameters_schema =
            Some(schema::of_parameters::<T>(&format!("the action `{}`", self.slug)));
        self
    }

    /// The type of its result.
    #[must_use]
    pub fn response<T: HasSchema>(mut self) -> Self {
        self.response_schema =
            Some(schema::of_said::<T>(&format!("the answer of the action `{}`", self.slug)));
        self
    }

    /// Lets drivers call it without an API key.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.public = true;
        self
    }

    /// Declares that it writes no state.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }
}
