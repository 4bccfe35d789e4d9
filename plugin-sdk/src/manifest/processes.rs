//! What a manifest says of a governance process.

use schemars::Schema;
use serde::Serialize;

use super::Schedule;
use crate::export::HasSchema;
use crate::schema;

/// One governance process of a [`Manifest`](super::Manifest).
#[derive(Debug, Clone, Serialize)]
pub struct GovernanceProcess {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome_schema: Option<Schema>,
    functions: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
}

impl GovernanceProcess {
    /// A process that has only `start`.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            description: None,
            parameters_schema: None,
            outcome_schema: None,
            functions: Vec::new(),
            schedule: None,
        }
    }

    /// What the process is for.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// The type of its parameters.
    #[must_use]
    pub fn parameters<T: HasSchema>(mut self) -> Self {
        self.parameters_schema =
            Some(schema::of_parameters::<T>(&format!("the process `{}`", self.name)));
        self
    }

    /// The type of its outcome.
    #[must_use]
    pub fn outcome<T: HasSchema>(mut self) -> Self {
        self.outcome_schema =
            Some(schema::of_said::<T>(&format!("the outcome of the process `{}`", self.name)));
        self
    }

    /// Names a function that the process implements.
    #[must_use]
    pub fn function(mut self, name: &'static str) -> Self {
        self.functions.push(name);
        self
    }

    /// How often `update` is called.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = Some(schedule);
        self
    }
}
