//! A worker of a plugin's: which events it wants, and which it may hear.

use std::sync::Arc;

use serde_json::Value;

use moothall_core::events::Envelope;
use moothall_core::grants::HeardEvents;
use moothall_store::NewWorker;
use moothall_values::manifest::{Ordering, WorkerManifest};
use moothall_values::subscriptions::SENDING;

/// A consumer of events.
pub struct Worker {
    pub name: Arc<str>,
    manifest: WorkerManifest,
    heard: HeardEvents,
    pub ordering: Ordering,
    pub max_attempts: u32,
    pub timeout_ms: u64,
}

impl Worker {
    pub fn new(manifest: &WorkerManifest, heard: HeardEvents) -> Result<Self, Vec<String>> {
        let faults = manifest.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            name: manifest.name.as_str().into(),
            manifest: manifest.clone(),
            heard,
            ordering: manifest.ordering,
            max_attempts: manifest.max_attempts,
            timeout_ms: manifest.timeout_ms,
        })
    }

    pub fn row(&self) -> NewWorker {
        NewWorker {
            name: self.name.clone(),
            wants_change: self.names("api", "change"),
            wants_sending: self.names("api", SENDING),
        }
    }

    pub fn is_fifo(&self) -> bool {
        self.ordering == Ordering::Fifo
    }

    /// Whether it names that event and may hear it; `api.change` and `sending_event` are written only where
    /// they are named literally.
    pub fn names(&self, source: &str, event_type: &str) -> bool {
        self.manifest.names(source, event_type) && self.heard.may_hear(source, event_type)
    }

    /// Whether it may still hear an event that it named before; else a sentence that says what to add.
    pub fn require(&self, event: &Envelope) -> Result<(), String> {
        self.heard.require(&event.source, &event.event_type)
    }

    pub fn wants(&self, event: &Envelope) -> bool {
        if !self.names(&event.source, &event.event_type) {
            return false;
        }
        if self.manifest.matching.is_empty() {
            return true;
        }
        // Data that cannot be read was stored by an earlier version that checked less; no value in it matches.
        let data = serde_json::from_str::<Value>(&event.data);
        data.is_ok_and(|data| self.manifest.mismatch(&data).is_none())
    }
}
