//! What a manifest says of a governance process.

use super::Schedule;
use super::document::Object;
use crate::export::HasSchema;
use crate::schema::{self, maker};

/// One governance process of a [`Manifest`](super::Manifest).
#[derive(Debug, Clone)]
pub struct GovernanceProcess(pub(super) Object);

impl GovernanceProcess {
    /// A process that has only `start`.
    pub fn new(name: &'static str) -> Self {
        let mut process = Object::with("name", name);
        process.list("functions");
        Self(process)
    }

    /// What the process is for.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.0.text("description", description);
        self
    }

    /// The type of its parameters.
    #[must_use]
    pub fn parameters<T: HasSchema>(mut self) -> Self {
        let schema = schema::of_parameters(maker::<T>(), "the process", &self.0);
        self.0.schema("parameters_schema", schema);
        self
    }

    /// The type of its outcome.
    #[must_use]
    pub fn outcome<T: HasSchema>(mut self) -> Self {
        let schema = schema::of_said(maker::<T>(), "the outcome of the process", &self.0);
        self.0.schema("outcome_schema", schema);
        self
    }

    /// Names a function that the process implements.
    #[must_use]
    pub fn function(mut self, name: &'static str) -> Self {
        self.0.push_text("functions", name);
        self
    }

    /// How often `update` is called.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.0.object("schedule", schedule.0);
        self
    }
}
