//! What a manifest says of hooks and of the plugin's steps of hooks.

use super::document::Object;
use crate::export::HasSchema;
use crate::schema::{self, maker};

/// A hook, which drivers run, and to which steps can be added.
#[derive(Debug, Clone)]
pub struct Hook(pub(super) Object);

impl Hook {
    /// A hook whose steps can see its data and change nothing.
    pub fn new(name: &'static str) -> Self {
        let mut hook = Object::with("name", name);
        ["mutable", "sensitive", "exceptions"].iter().for_each(|list| hook.list(list));
        Self(hook)
    }

    /// Its name in `event_metadata.event_type`.
    #[must_use]
    pub fn alias(mut self, alias: &'static str) -> Self {
        self.0.text("alias", alias);
        self
    }

    /// What it is for.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.0.text("description", description);
        self
    }

    /// The type of its data.
    #[must_use]
    pub fn input<T: HasSchema>(mut self) -> Self {
        self.0.schema("input_schema", schema::of_object(maker::<T>()));
        self
    }

    /// Lets steps change the value at this JSON Pointer.
    #[must_use]
    pub fn mutable(mut self, pointer: &'static str) -> Self {
        self.0.push_text("mutable", pointer);
        self
    }

    /// Hides the value at this JSON Pointer from all steps.
    #[must_use]
    pub fn sensitive(mut self, pointer: &'static str) -> Self {
        self.0.push_text("sensitive", pointer);
        self
    }

    /// Adds an exception with which a step may halt the run. If several were raised, the first in this order
    /// halts it.
    #[must_use]
    pub fn exception(mut self, name: &'static str) -> Self {
        self.0.push_text("exceptions", name);
        self
    }

    /// The exception for settings of a step that halt the run; by default the first.
    #[must_use]
    pub fn halt_exception(mut self, name: &'static str) -> Self {
        self.0.text("halt_exception", name);
        self
    }

    /// How long all steps may take together, in milliseconds.
    #[must_use]
    pub fn budget_ms(mut self, budget: u32) -> Self {
        self.0.number("budget_ms", budget);
        self
    }
}

/// A step of a hook.
#[derive(Debug, Clone)]
pub struct Filter(pub(super) Object);

impl Filter {
    /// A step of the hook with that name.
    pub fn new(hook: &'static str) -> Self {
        Self(Object::with("hook", hook))
    }

    /// What it is for.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.0.text("description", description);
        self
    }

    /// Steps with a lower order run first; the default is 100.
    #[must_use]
    pub fn order(mut self, order: i64) -> Self {
        self.0.set("order", order.into());
        self
    }

    /// Whether the run goes on, with a warning, if the step fails.
    #[must_use]
    pub fn fail_silently(mut self, silently: bool) -> Self {
        self.0.bool("fail_silently", silently);
        self
    }
}
