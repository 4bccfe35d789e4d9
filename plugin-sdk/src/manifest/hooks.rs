//! What a manifest says of hooks and of the plugin's steps of hooks.

use schemars::Schema;
use serde::Serialize;

use crate::export::HasSchema;
use crate::schema;

/// A hook, which drivers run, and to which steps can be added.
#[derive(Debug, Clone, Serialize)]
pub struct Hook {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_schema: Option<Schema>,
    mutable: Vec<&'static str>,
    sensitive: Vec<&'static str>,
    exceptions: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    halt_exception: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_ms: Option<u32>,
}

impl Hook {
    /// A hook whose steps can see its data and change nothing.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            alias: None,
            description: None,
            input_schema: None,
            mutable: Vec::new(),
            sensitive: Vec::new(),
            exceptions: Vec::new(),
            halt_exception: None,
            budget_ms: None,
        }
    }

    /// Its name in `event_metadata.event_type`.
    #[must_use]
    pub fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// What it is for.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// The type of its data.
    #[must_use]
    pub fn input<T: HasSchema>(mut self) -> Self {
        self.input_schema = Some(schema::of_object::<T>());
        self
    }

    /// Lets steps change the value at this JSON Pointer.
    #[must_use]
    pub fn mutable(mut self, pointer: &'static str) -> Self {
        self.mutable.push(pointer);
        self
    }

    /// Hides the value at this JSON Pointer from all steps.
    #[must_use]
    pub fn sensitive(mut self, pointer: &'static str) -> Self {
        self.sensitive.push(pointer);
        self
    }

    /// Adds an exception with which a step may halt the run. If several were raised, the first in this order
    /// halts it.
    #[must_use]
    pub fn exception(mut self, name: &'static str) -> Self {
        self.exceptions.push(name);
        self
    }

    /// The exception for settings of a step that halt the run; by default the first.
    #[must_use]
    pub fn halt_exception(mut self, name: &'static str) -> Self {
        self.halt_exception = Some(name);
        self
    }

    /// How long all steps may take together, in milliseconds.
    #[must_use]
    pub fn budget_ms(mut self, budget: u32) -> Self {
        self.budget_ms = Some(budget);
        self
    }
}

/// A step of a hook.
#[derive(Debug, Clone, Serialize)]
pub struct Filter {
    hook: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fail_silently: Option<bool>,
}

impl Filter {
    /// A step of the hook with that name.
    pub fn new(hook: &'static str) -> Self {
        Self { hook, description: None, order: None, fail_silently: None }
    }

    /// What it is for.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// Steps with a lower order run first; the default is 100.
    #[must_use]
    pub fn order(mut self, order: i64) -> Self {
        self.order = Some(order);
        self
    }

    /// Whether the run goes on, with a warning, if the step fails.
    #[must_use]
    pub fn fail_silently(mut self, silently: bool) -> Self {
        self.fail_silently = Some(silently);
        self
    }
}
