//! The parts of a manifest that no driver calls: hooks and their steps, workers, schedules, routes.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::Schedule;
use crate::schema;

/// A hook that drivers run and that steps are added to.
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
    /// A hook whose steps see its data and change nothing.
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

    /// What `event_metadata.event_type` says.
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
    pub fn input<T: JsonSchema>(mut self) -> Self {
        self.input_schema = Some(schema::of_object::<T>());
        self
    }

    /// A JSON Pointer to what steps may change.
    #[must_use]
    pub fn mutable(mut self, pointer: &'static str) -> Self {
        self.mutable.push(pointer);
        self
    }

    /// A JSON Pointer to what no step sees.
    #[must_use]
    pub fn sensitive(mut self, pointer: &'static str) -> Self {
        self.sensitive.push(pointer);
        self
    }

    /// What a step may halt the run with; the first that was collected, in this order, halts.
    #[must_use]
    pub fn exception(mut self, name: &'static str) -> Self {
        self.exceptions.push(name);
        self
    }

    /// The exception of settings that halt; the first if nothing is said.
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

    /// Lower ones run first; 100 if nothing is said.
    #[must_use]
    pub fn order(mut self, order: i64) -> Self {
        self.order = Some(order);
        self
    }

    /// Whether a failure is only a warning.
    #[must_use]
    pub fn fail_silently(mut self, silently: bool) -> Self {
        self.fail_silently = Some(silently);
        self
    }
}

/// A consumer of events.
#[derive(Debug, Clone, Serialize)]
pub struct Worker {
    name: &'static str,
    events: Vec<&'static str>,
    #[serde(rename = "match", skip_serializing_if = "BTreeMap::is_empty")]
    matching: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ordering: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
}

impl Worker {
    /// A worker that is to be given events.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            events: Vec::new(),
            matching: BTreeMap::new(),
            ordering: None,
            max_attempts: None,
            timeout_ms: None,
        }
    }

    /// A pattern of events.
    #[must_use]
    pub fn event(mut self, pattern: &'static str) -> Self {
        self.events.push(pattern);
        self
    }

    /// A JSON Pointer into the event's data and the text that has to be there: `/resource=story`.
    #[must_use]
    pub fn matches(mut self, pair: &'static str) -> Self {
        let (pointer, text) = pair.split_once('=').unwrap_or((pair, ""));
        self.matching.insert(pointer, text);
        self
    }

    /// `fifo` or `unordered`.
    #[must_use]
    pub fn ordering(mut self, ordering: &'static str) -> Self {
        self.ordering = Some(ordering);
        self
    }

    /// After so many tries an event is a dead letter.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// How long one event may take, in milliseconds.
    #[must_use]
    pub fn timeout_ms(mut self, timeout: u32) -> Self {
        self.timeout_ms = Some(timeout);
        self
    }
}

/// A schedule with a name.
#[derive(Debug, Clone, Serialize)]
pub(super) struct NamedSchedule {
    pub name: &'static str,
    #[serde(flatten)]
    pub schedule: Schedule,
}

/// A route of the plugin's own.
#[derive(Debug, Clone, Serialize)]
pub struct Route {
    path: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<&'static str>,
}

impl Route {
    /// A route that answers `GET`, unless another method is named.
    pub fn new(path: &'static str) -> Self {
        Self { path, methods: Vec::new(), auth: None }
    }

    /// A method that it answers.
    #[must_use]
    pub fn method(mut self, method: &'static str) -> Self {
        self.methods.push(method);
        self
    }

    /// Who may ask: `driver` or `public`.
    #[must_use]
    pub fn auth(mut self, auth: &'static str) -> Self {
        self.auth = Some(auth);
        self
    }
}
