//! What a manifest says of an action. Its schemas come from types.

use super::document::Object;
use crate::export::HasSchema;
use crate::schema::{self, maker};

/// One action of a [`Manifest`](super::Manifest).
#[derive(Debug, Clone)]
pub struct Action(pub(super) Object);

impl Action {
    /// An action that takes any object and answers anything.
    pub fn new(slug: &'static str) -> Self {
        let mut action = Object::with("slug", slug);
        action.bool("public", false);
        action.bool("read_only", false);
        Self(action)
    }

    /// What the action does.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.0.text("description", description);
        self
    }

    /// The type of its parameters.
    #[must_use]
    pub fn parameters<T: HasSchema>(mut self) -> Self {
        let schema = schema::of_parameters(maker::<T>(), "the action", &self.0);
        self.0.schema("parameters_schema", schema);
        self
    }

    /// The type of its result.
    #[must_use]
    pub fn response<T: HasSchema>(mut self) -> Self {
        let schema = schema::of_said(maker::<T>(), "the answer of the action", &self.0);
        self.0.schema("response_schema", schema);
        self
    }

    /// Lets drivers call it without an API key.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.0.bool("public", true);
        self
    }

    /// Declares that it writes no state.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.0.bool("read_only", true);
        self
    }
}
