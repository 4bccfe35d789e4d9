//! Loaded plugins: which there are, which version of each serves, and what became of each file.
//!
//! The table of those that serve is read by every call, without a lock; only the loader changes
//! it. A plugin in use lives on until its last call has ended.

mod apart;
pub mod background;
pub mod compile;
pub mod directory;
mod load;
pub mod manifest;
mod metrics;
pub mod schema;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use serde::Serialize;

use crate::cadence::Cadence;
use crate::clock::rfc3339;
use crate::grants::Missing;
use crate::guest::{Guest, Terms};
use crate::ids::PluginName;

pub use apart::Apart;
pub use background::{HookPoint, Route, SENDING, Schedule, Scope, Worker};
pub use load::Loader;
pub use manifest::{Lifecycle, Manifest, OnConfigChange, ProcessFunction};
pub use metrics::{CallMetrics, Outcome};
pub use schema::{Bounds, Budget, Room, Schema, Violation};

/// What the kind of a named schedule begins with, before its name.
pub const NAMED: &str = "schedule/";
/// The code of the error that says that a file could not even be read.
const UNREADABLE: &str = "unreadable";

/// One version of a plugin, ready to be called.
pub struct Plugin {
    pub name: PluginName,
    pub manifest: Manifest,
    /// SHA-256 of its file, in hex.
    pub digest: String,
    /// Tells this file's schemas apart from those of another version: 8 bytes of its digest.
    pub mark: i64,
    pub config_schema: Schema,
    pub actions: HashMap<String, Arc<Action>>,
    /// Declared types of events, with the schema of their data.
    pub events: HashMap<String, Option<Schema>>,
    pub processes: HashMap<String, Arc<ProcessType>>,
    pub guest: Guest,
    pub terms: Arc<Terms>,
    pub metrics: PluginMetrics,
    pub capabilities: Vec<&'static str>,
    /// Of `producer.tick`; none if there is no producer.
    pub producer: Option<Cadence>,
    /// Hooks that it declares.
    pub hooks: Vec<Arc<HookPoint>>,
    pub workers: Vec<Arc<Worker>>,
    pub schedules: Vec<Schedule>,
    /// The most exact first.
    pub routes: Vec<Route>,
    pub loaded_at: i64,
    calls: AtomicU32,
}

/// An action, with its schemas compiled.
pub struct Action {
    pub slug: Arc<str>,
    pub parameters: Schema,
    /// None where the manifest gives no schema: then every result is right.
    pub response: Option<Schema>,
    pub public: bool,
    pub read_only: bool,
    pub metrics: CallMetrics,
}

/// A type of process, with its schemas compiled.
pub struct ProcessType {
    pub name: Arc<str>,
    pub parameters: Schema,
    /// None where the manifest gives no schema: then every outcome is right.
    pub outcome: Option<Schema>,
    pub functions: Vec<ProcessFunction>,
    /// Of `update`.
    pub cadence: Cadence,
    pub metrics: CallMetrics,
}

impl ProcessType {
    pub fn has(&self, function: ProcessFunction) -> bool {
        self.functions.contains(&function)
    }
}

/// Metrics of the calls that have no name of their own.
pub struct PluginMetrics {
    pub lifecycle: CallMetrics,
    pub webhook: CallMetrics,
    pub tick: CallMetrics,
    pub oauth: CallMetrics,
    pub filter: CallMetrics,
    pub worker: CallMetrics,
    pub monitoring: CallMetrics,
    pub route: CallMetrics,
}

impl PluginMetrics {
    fn new(plugin: &str) -> Self {
        let metrics = |origin| CallMetrics::new(plugin, origin, "");
        Self {
            lifecycle: metrics("lifecycle"),
            webhook: metrics("webhook"),
            tick: metrics("tick"),
            oauth: metrics("oauth"),
            filter: metrics("filter"),
            worker: metrics("worker"),
            monitoring: metrics("monitoring"),
            route: metrics("route"),
        }
    }
}

impl Plugin {
    /// Whether its component exports that interface.
    pub fn exports(&self, interface: &str) -> bool {
        self.capabilities.contains(&interface)
    }

    /// What ticks for each instance: the schedule's kind, and when it is due.
    pub fn cadences(&self) -> impl Iterator<Item = (String, &Cadence)> {
        let producer = self.producer.iter().map(|cadence| ("producer".to_owned(), cadence));
        let named = self.schedules.iter();
        producer.chain(named.map(|one| (format!("{NAMED}{}", one.name), &one.cadence)))
    }

    /// The schedule of that kind.
    pub fn schedule(&self, kind: &str) -> Option<&Schedule> {
        let name = kind.strip_prefix(NAMED)?;
        self.schedules.iter().find(|one| *one.name == *name)
    }

    /// Whether platforms can reach an instance of it.
    pub fn uses_webhook(&self) -> bool {
        let mut processes = self.processes.values();
        self.exports("webhooks") || processes.any(|kind| kind.has(ProcessFunction::ReceiveWebhook))
    }

    pub fn is_of_host(&self) -> bool {
        self.manifest.scope == Scope::Host
    }

    /// Whether the operator lets it be of host scope.
    pub fn serves_host(&self) -> bool {
        self.terms.grants.has_host_scope()
    }

    /// Counts a call in, unless as many as may be are in flight; dropping the answer counts it out.
    pub fn enter(self: &Arc<Self>) -> Option<PluginCall> {
        if self.calls.fetch_add(1, Ordering::Relaxed) < self.terms.limits.calls_per_plugin {
            return Some(PluginCall(self.clone()));
        }
        self.calls.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

/// A call in flight in a plugin.
pub struct PluginCall(Arc<Plugin>);

impl Drop for PluginCall {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

type Serving = HashMap<PluginName, Arc<Plugin>>;

/// All plugins of a host.
#[derive(Default)]
pub struct Plugins {
    serving: ArcSwap<Serving>,
    /// Changes of what serves, so that whoever keeps something of it notices: also the same file under
    /// another configuration.
    changes: AtomicU64,
    files: Mutex<BTreeMap<String, FileReport>>,
    /// How many files the directory has.
    file_count: AtomicUsize,
    /// Whether everything that the directory had at the start was looked at.
    has_seen_all: AtomicBool,
}

/// How the plugin directory looks to whoever asks whether the host is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Files that were there at the start were not looked at yet.
    Starting,
    /// There is no plugin file.
    Nothing,
    Files,
}

impl Plugins {
    pub fn get(&self, name: &str) -> Option<Arc<Plugin>> {
        self.serving.load().get(name).cloned()
    }

    /// All that serve, by name.
    pub fn all(&self) -> Vec<Arc<Plugin>> {
        let mut all: Vec<_> = self.serving.load().values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Another number than before if anything that serves was changed: read it before `all`.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// What became of each file, by file name.
    pub fn reports(&self) -> Vec<FileReport> {
        self.files().values().cloned().collect()
    }

    /// The contents that files have, or that serve; none while a file cannot be read.
    fn digests(&self) -> Option<BTreeSet<String>> {
        let files = self.files();
        if files.values().flat_map(|report| &report.errors).any(|one| one.code == UNREADABLE) {
            return None;
        }
        let serving = files.values().filter_map(|report| report.serving.as_ref());
        let digests = files.values().map(|report| report.digest.clone());
        let digests = digests.chain(serving.map(|one| one.digest.clone()));
        Some(digests.filter(|digest| !digest.is_empty()).collect())
    }

    /// Files that are compiled, or wait for that.
    pub fn compiling(&self) -> BTreeSet<String> {
        let files = self.files();
        let compiling = files.values().filter(|report| report.status == Status::Compiling);
        compiling.map(|report| report.file.clone()).collect()
    }

    /// Whether any file is still being compiled.
    pub fn is_compiling(&self) -> bool {
        self.files().values().any(|report| report.status == Status::Compiling)
    }

    pub fn seen(&self) -> Seen {
        match self.file_count.load(Ordering::Relaxed) {
            _ if !self.has_seen_all.load(Ordering::Relaxed) => Seen::Starting,
            0 => Seen::Nothing,
            _ => Seen::Files,
        }
    }

    fn note_files(&self, count: usize) {
        self.file_count.store(count, Ordering::Relaxed);
    }

    fn note_seen(&self) {
        self.has_seen_all.store(true, Ordering::Relaxed);
    }

    fn report(&self, report: FileReport) {
        self.files().insert(report.file.clone(), report);
    }

    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, FileReport>> {
        self.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn change_serving(&self, change: impl Fn(&mut Serving)) {
        self.serving.rcu(|serving| {
            let mut serving = Serving::clone(serving);
            change(&mut serving);
            serving
        });
        self.changes.fetch_add(1, Ordering::Release);
    }
}

/// What became of one file in the plugin directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileReport {
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of the file in hex; empty while it could not be read.
    pub digest: String,
    pub status: Status,
    /// Every reason why the file as it is now does not serve.
    pub errors: Vec<LoadError>,
    pub warnings: Vec<String>,
    /// The version that serves now, which may be an earlier content of the file.
    pub serving: Option<ServingVersion>,
    /// The export interfaces that the component has.
    pub capabilities: Vec<&'static str>,
    /// What the manifest asks for.
    pub requested: serde_json::Value,
    /// What is in force.
    pub granted: serde_json::Value,
    /// What is asked for and not granted, with the lines to add.
    pub missing: Vec<Missing>,
    pub loaded_at: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Compiling,
    Ready,
    Failed,
    Removed,
    Inactive,
}

/// One reason why a file does not serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoadError {
    pub code: &'static str,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServingVersion {
    pub version: String,
    pub digest: String,
}

impl FileReport {
    fn new(file: &str, status: Status) -> Self {
        Self {
            file: file.to_owned(),
            name: None,
            version: None,
            digest: String::new(),
            status,
            errors: Vec::new(),
            warnings: Vec::new(),
            serving: None,
            capabilities: Vec::new(),
            requested: serde_json::json!({}),
            granted: serde_json::json!({}),
            missing: Vec::new(),
            loaded_at: None,
        }
    }

    /// With what serves from this file.
    fn serving(mut self, plugin: Option<&Plugin>) -> Self {
        let Some(plugin) = plugin else { return self };
        self.name = Some(plugin.name.to_string());
        self.version = Some(plugin.manifest.version.clone());
        self.serving = Some(ServingVersion {
            version: plugin.manifest.version.clone(),
            digest: plugin.digest.clone(),
        });
        self.capabilities = plugin.capabilities.clone();
        let grants = &plugin.terms.grants;
        self.requested = serde_json::to_value(grants.requested()).unwrap_or_default();
        self.granted = serde_json::to_value(grants).unwrap_or_default();
        self.missing = grants.missing();
        self.loaded_at = Some(rfc3339(plugin.loaded_at));
        self
    }
}
