//! What a manifest says of a worker.

use std::collections::BTreeMap;

use serde::Serialize;

/// A worker, which handles events.
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
    /// A worker without events; add some with [`event`](Self::event).
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

    /// Adds a pattern of events.
    #[must_use]
    pub fn event(mut self, pattern: &'static str) -> Self {
        self.events.push(pattern);
        self
    }

    /// Handles only events whose data has this text at this JSON Pointer: `/resource=story`.
    #[must_use]
    pub fn matches(mut self, pair: &'static str) -> Self {
        let (pointer, text) = pair.split_once('=').unwrap_or((pair, ""));
        self.matching.insert(pointer, text);
        self
    }

    /// The order: `fifo` or `unordered`.
    #[must_use]
    pub fn ordering(mut self, ordering: &'static str) -> Self {
        self.ordering = Some(ordering);
        self
    }

    /// After this many attempts an event becomes a dead letter.
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
