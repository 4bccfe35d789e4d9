//! Hooks, workers, schedules and routes of a plugin, as the loader makes them from the manifest.

use std::sync::Arc;

use serde_json::Value;

use super::manifest::{HookManifest, Ordering, RouteAuth, RouteManifest, WorkerManifest};
use super::schema::{Bounds, Room, Schema};
use moothall_core::events::Envelope;
use moothall_core::grants::HeardEvents;
use moothall_core::schedule::Schedule;
use moothall_store::NewWorker;

pub use moothall_values::subscriptions::SENDING;

/// A filter point with its schema compiled.
pub struct HookPoint {
    pub manifest: HookManifest,
    /// None: any object.
    pub input: Option<Schema>,
    /// Memory that the patterns of its schema take.
    pub pattern_bytes: usize,
}

impl HookPoint {
    pub fn compile(
        manifest: HookManifest,
        bounds: &Bounds,
        room: &mut Room,
    ) -> Result<Self, Vec<String>> {
        let mut mistakes = manifest.faults();
        let name = &manifest.name;
        let before = room.pattern_bytes();
        let compile = |document| Schema::compile(document, bounds, room);
        let input = manifest.input_schema.as_ref().map(compile).transpose();
        let pattern_bytes = room.pattern_bytes() - before;
        match (input, mistakes.is_empty()) {
            (Ok(input), true) => Ok(Self { manifest, input, pattern_bytes }),
            (input, _) => {
                let reasons = input.err().unwrap_or_default();
                mistakes.extend(
                    reasons.iter().map(|one| format!("hook `{name}`: input_schema: {one}")),
                );
                Err(mistakes)
            }
        }
    }

    /// The exception of settings that halt; none where the hook declares no exceptions.
    pub fn halts_with(&self) -> Option<&str> {
        let manifest = &self.manifest;
        manifest.halt_exception.as_deref().or(manifest.exceptions.first().map(String::as_str))
    }

    pub fn alias(&self) -> &str {
        self.manifest.alias.as_deref().unwrap_or(&self.manifest.name)
    }
}

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

/// A named schedule.
pub struct NamedSchedule {
    pub name: Arc<str>,
    pub schedule: Schedule,
}

/// A route of a plugin's own.
pub struct Route {
    pub path: Arc<str>,
    parts: Vec<Part>,
    pub methods: Vec<String>,
    pub is_public: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Is(String),
    Capture(String),
}

impl Route {
    pub fn new(manifest: &RouteManifest) -> Self {
        let part = |text: &str| match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
        {
            Some(name) => Part::Capture(name.to_owned()),
            None => Part::Is(text.to_owned()),
        };
        Self {
            path: manifest.path.as_str().into(),
            parts: manifest.path.split('/').skip(1).map(part).collect(),
            methods: manifest.methods.clone(),
            is_public: manifest.auth == RouteAuth::Public,
        }
    }

    /// The values of its `{names}`, if `path` (percent-decoded parts) fits.
    pub fn captures(&self, path: &[String]) -> Option<Vec<(String, String)>> {
        if path.len() != self.parts.len() {
            return None;
        }
        let mut captures = Vec::new();
        for (part, text) in self.parts.iter().zip(path) {
            match part {
                Part::Is(wanted) if wanted == text => {}
                Part::Is(_) => return None,
                Part::Capture(_) if text.is_empty() => return None,
                Part::Capture(name) => captures.push((name.clone(), text.clone())),
            }
        }
        Some(captures)
    }

    /// Whether the same request could fit both.
    pub fn collides(&self, other: &Self) -> bool {
        let same = |(a, b): (&Part, &Part)| match (a, b) {
            (Part::Is(a), Part::Is(b)) => a == b,
            _ => true,
        };
        self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(same)
            && self.methods.iter().any(|method| other.methods.contains(method))
    }

    /// Literal parts go before captures: the more exact route is asked first.
    pub fn exactness(&self) -> usize {
        self.parts.iter().filter(|part| matches!(part, Part::Is(_))).count()
    }
}
