//! A worker of a plugin: which events it wants, and which it may receive.

use std::sync::Arc;

use serde_json::Value;

use moothall_core::events::Envelope;
use moothall_core::grants::AllowedEvents;
use moothall_store::NewWorker;
use moothall_values::manifest::{Ordering, WorkerManifest};
use moothall_values::subscriptions::SENDING;

/// A consumer of events.
pub struct Worker {
    pub name: Arc<str>,
    manifest: WorkerManifest,
    allowed: AllowedEvents,
    pub ordering: Ordering,
    pub max_attempts: u32,
    pub timeout_ms: u64,
}

impl Worker {
    pub fn new(manifest: &WorkerManifest, allowed: AllowedEvents) -> Result<Self, Vec<String>> {
        let faults = manifest.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            name: manifest.name.as_str().into(),
            manifest: manifest.clone(),
            allowed,
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

    /// Whether it names that event and may receive it. No pattern with `*` matches `api.change` or `sending_event`: the
    /// manifest and the grant must name them.
    pub fn names(&self, source: &str, event_type: &str) -> bool {
        self.manifest.names(source, event_type) && self.allowed.may_receive(source, event_type)
    }

    /// Checks that the event is still granted; the error says which line to add to `moothall.toml`.
    pub fn require(&self, event: &Envelope) -> Result<(), String> {
        self.allowed.require(&event.source, &event.event_type)
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
