//! What a manifest says of a worker.

use super::document::Object;

/// A worker, which handles events.
#[derive(Debug, Clone)]
pub struct Worker(pub(super) Object);

impl Worker {
    /// A worker without events; add some with [`event`](Self::event).
    pub fn new(name: &'static str) -> Self {
        let mut worker = Object::with("name", name);
        worker.list("events");
        Self(worker)
    }

    /// Adds a pattern of events.
    #[must_use]
    pub fn event(mut self, pattern: &'static str) -> Self {
        self.0.push_text("events", pattern);
        self
    }

    /// Handles only events whose data has this text at this JSON Pointer: `/resource=story`.
    #[must_use]
    pub fn matches(mut self, pair: &'static str) -> Self {
        let (pointer, text) = pair.split_once('=').unwrap_or((pair, ""));
        self.0.text_in("match", pointer, text);
        self
    }

    /// The order: `fifo` or `unordered`.
    #[must_use]
    pub fn ordering(mut self, ordering: &'static str) -> Self {
        self.0.text("ordering", ordering);
        self
    }

    /// After this many attempts an event becomes a dead letter.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.0.number("max_attempts", attempts);
        self
    }

    /// How long one event may take, in milliseconds.
    #[must_use]
    pub fn timeout_ms(mut self, timeout: u32) -> Self {
        self.0.number("timeout_ms", timeout);
        self
    }
}
