//! What a manifest says of hooks, workers, schedules and routes, and what is made of it at load.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema::{Bounds, Room, Schema};
use crate::cadence::Cadence;
use crate::events::{Envelope, pattern_fault};
use crate::grants::{HeardEvents, names_event};
use crate::store::NewWorker;

pub use crate::config::Scope;
pub use crate::grants::SENDING;

/// A filter point as a manifest or a driver declares it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HookManifest {
    #[serde(default)]
    pub name: String,
    pub alias: Option<String>,
    #[serde(default)]
    pub description: String,
    pub input_schema: Option<Value>,
    #[serde(default)]
    pub mutable: Vec<String>,
    #[serde(default)]
    pub sensitive: Vec<String>,
    #[serde(default)]
    pub exceptions: Vec<String>,
    pub halt_exception: Option<String>,
    #[serde(default = "budget_ms")]
    pub budget_ms: u64,
}

fn budget_ms() -> u64 {
    10_000
}

/// A plugin's step of a hook.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FilterManifest {
    pub hook: String,
    #[serde(default)]
    pub description: String,
    #[serde(default = "order")]
    pub order: i64,
    #[serde(default = "yes")]
    pub fail_silently: bool,
}

fn order() -> i64 {
    100
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Deserialize)]
pub struct WorkerManifest {
    pub name: String,
    pub events: Vec<String>,
    #[serde(default, rename = "match")]
    pub matching: BTreeMap<String, Value>,
    #[serde(default)]
    pub ordering: Ordering,
    #[serde(default = "max_attempts")]
    pub max_attempts: u32,
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ordering {
    Fifo,
    #[default]
    Unordered,
}

fn max_attempts() -> u32 {
    8
}

fn timeout_ms() -> u64 {
    30_000
}

#[derive(Clone, Debug, Deserialize)]
pub struct NamedScheduleManifest {
    pub name: String,
    #[serde(flatten)]
    pub when: super::manifest::ScheduleManifest,
}

#[derive(Clone, Debug, Deserialize)]
pub struct RouteManifest {
    pub path: String,
    #[serde(default = "get")]
    pub methods: Vec<String>,
    #[serde(default)]
    pub auth: RouteAuth,
}

fn get() -> Vec<String> {
    vec!["GET".to_owned()]
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteAuth {
    #[default]
    Driver,
    Public,
}

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
        let mut mistakes: Vec<String> = Vec::new();
        let name = &manifest.name;
        let halts = manifest.halt_exception.as_ref();
        if let Some(unknown) = halts.filter(|one| !manifest.exceptions.contains(one)) {
            mistakes.push(format!(
                "hook `{name}`: halt_exception `{unknown}` is not one of its exceptions"
            ));
        }
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
    events: Vec<String>,
    heard: HeardEvents,
    matching: BTreeMap<String, Value>,
    pub ordering: Ordering,
    pub max_attempts: u32,
    pub timeout_ms: u64,
}

impl Worker {
    pub fn new(manifest: &WorkerManifest, heard: HeardEvents) -> Result<Self, Vec<String>> {
        let fault = |pattern: &String| {
            let fault = pattern_fault(pattern)?;
            Some(format!("worker `{}`: event `{pattern}`: {fault}", manifest.name))
        };
        let faults: Vec<String> = manifest.events.iter().filter_map(fault).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            name: manifest.name.as_str().into(),
            events: manifest.events.clone(),
            heard,
            matching: manifest.matching.clone(),
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
        names_event(&self.events, source, event_type) && self.heard.may_hear(source, event_type)
    }

    /// Whether it may still hear an event that it named before; else a sentence that says what to add.
    pub fn require(&self, event: &Envelope) -> Result<(), String> {
        self.heard.require(&event.source, &event.event_type)
    }

    pub fn wants(&self, event: &Envelope) -> bool {
        if !self.names(&event.source, &event.event_type) {
            return false;
        }
        if self.matching.is_empty() {
            return true;
        }
        let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        self.matching.iter().all(|(pointer, value)| data.pointer(pointer) == Some(value))
    }
}

/// A named schedule.
pub struct Schedule {
    pub name: Arc<str>,
    pub cadence: Cadence,
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

    /// What stands for its `{names}`, if `path` (percent-decoded parts) is one of its own.
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

    /// Whether some request is of both.
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
