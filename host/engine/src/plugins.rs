//! Loaded plugins: which there are, which version of each serves, and what became of each file.
//!
//! The table of those that serve is read by every call, without a lock; only the loader changes
//! it. A plugin in use lives on until its last call has ended.

mod apart;
pub mod background;
pub mod compile;
pub mod directory;
mod load;
mod metrics;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use schemars::JsonSchema;
use serde::Serialize;

use moothall_core::clock::rfc3339;
use moothall_core::grants::{Grants, Missing, Requested};
use moothall_core::ids::PluginName;
use moothall_core::schedule::Schedule;
use moothall_guest::{Guest, PluginContext};

pub use apart::Apart;
pub use background::{HookPoint, NamedSchedule, Route, SENDING, Worker};
pub use load::Loader;
pub use manifest::{
    Lifecycle, Manifest, OnConfigChange, ProcessFunction, SETTINGS, Scope, SigningKey, from_hex,
    hook_faults,
};
pub use metrics::{CallMetrics, CallOutcome};
pub use moothall_values::declared::Declared;
pub use moothall_values::manifest;
pub use moothall_values::schema;
pub use schema::{Bounds, Budget, Lead, Room, Schema, Violation};

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
    pub context: Arc<PluginContext>,
    pub metrics: PluginMetrics,
    pub capabilities: Vec<&'static str>,
    /// Of `producer.tick`; none if there is no producer.
    pub producer: Option<Schedule>,
    /// Hooks that it declares.
    pub hooks: Vec<Arc<HookPoint>>,
    pub workers: Vec<Arc<Worker>>,
    pub schedules: Vec<NamedSchedule>,
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
    pub schedule: Schedule,
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
    pub fn schedules(&self) -> impl Iterator<Item = (String, &Schedule)> {
        let producer = self.producer.iter().map(|schedule| ("producer".to_owned(), schedule));
        let named = self.schedules.iter();
        producer.chain(named.map(|one| (format!("{NAMED}{}", one.name), &one.schedule)))
    }

    /// The schedule of that kind.
    pub fn schedule(&self, kind: &str) -> Option<&NamedSchedule> {
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
        self.context.grants.has_host_scope()
    }

    /// Counts a call in, unless as many as may be are in flight; dropping the answer counts it out.
    pub fn enter(self: &Arc<Self>) -> Option<PluginCall> {
        if self.calls.fetch_add(1, Ordering::Relaxed) < self.context.limits.calls_per_plugin {
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
    /// Files that did not answer at the last look, or the directory that did not.
    blocked: Mutex<BTreeSet<String>>,
    /// Plugins of host scope that serve and cannot be set up, with what to do.
    not_set_up: Mutex<BTreeMap<PluginName, String>>,
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
        let mut reports: Vec<FileReport> = self.files().values().cloned().collect();
        let not_set_up = self.not_set_up.lock().unwrap_or_else(PoisonError::into_inner);
        for report in reports.iter_mut().filter(|report| report.serving.is_some()) {
            let name = report.name.as_deref().unwrap_or_default();
            report.warnings.extend(not_set_up.get(name).cloned());
        }
        reports
    }

    /// All plugins of host scope that cannot be set up now.
    pub fn note_not_set_up(&self, all: BTreeMap<PluginName, String>) {
        *self.not_set_up.lock().unwrap_or_else(PoisonError::into_inner) = all;
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

    /// Why a plugin does not serve, if it is one: it is, if it is enabled or its file is compiled now.
    pub fn away(&self, name: &str, is_enabled: bool) -> Option<Away> {
        let files = self.files();
        let of_name = |report: &&FileReport| report.is_of(name);
        let is_compiled = |report: &FileReport| report.status == Status::Compiling;
        if files.values().filter(of_name).any(is_compiled) {
            return Some(Away::Compiling);
        }
        // What no file is known for may be in one that nobody has looked into yet.
        let may_come = || {
            let unknown = |report: &FileReport| is_compiled(report) && report.name.is_none();
            !files.values().any(|report| report.is_of(name)) && files.values().any(unknown)
        };
        match is_enabled {
            true if may_come() => Some(Away::Compiling),
            true => Some(Away::Gone),
            false => None,
        }
    }

    /// Whether what serves from a file is what it has now.
    fn is_ready(&self, file: &str) -> bool {
        self.files().get(file).is_some_and(|report| report.status == Status::Ready)
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

    /// What of the plugin directory could not be read in time.
    pub fn blocked(&self) -> BTreeSet<String> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_blocked(&self, blocked: BTreeSet<String>) {
        *self.blocked.lock().unwrap_or_else(PoisonError::into_inner) = blocked;
    }

    fn note_seen(&self) {
        self.has_seen_all.store(true, Ordering::Relaxed);
    }

    fn report(&self, report: FileReport) {
        self.files().insert(report.file.clone(), report);
    }

    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, FileReport>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Why a plugin does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// It comes when its file is compiled.
    Compiling,
    /// Its file was removed, did not load, or lacks a grant.
    Gone,
}

/// What became of one file in the plugin directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileReport {
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
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
    pub requested: OfServing<Requested>,
    /// What is in force.
    pub granted: OfServing<Grants>,
    /// What is asked for and not granted, with the lines to add.
    pub missing: Vec<Missing>,
    pub loaded_at: Option<String>,
}

/// What is known of a plugin that serves, and of no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum OfServing<T> {
    Some(T),
    Nothing {},
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "FileStatus")]
pub enum Status {
    Compiling,
    Ready,
    Failed,
    Removed,
    Inactive,
}

/// One reason why a file does not serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LoadError {
    pub code: &'static str,
    pub message: String,
}

/// What serves now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
            requested: OfServing::Nothing {},
            granted: OfServing::Nothing {},
            missing: Vec::new(),
            loaded_at: None,
        }
    }

    /// Whether that plugin is in it, as far as anybody knows: by what it said, or by what it is called.
    fn is_of(&self, name: &str) -> bool {
        let called = || directory::stem(&self.file).replace('_', "-") == name;
        self.name.as_deref().map_or_else(called, |own| own == name)
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
        let grants = &plugin.context.grants;
        self.requested = OfServing::Some(grants.requested().clone());
        self.granted = OfServing::Some(grants.clone());
        self.missing = grants.missing();
        self.loaded_at = Some(rfc3339(plugin.loaded_at));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_compilation_of_its_own_file_keeps_a_plugin_away_for_a_while() {
        let plugins = Plugins::default();
        let put = |file: &str, name: Option<&str>, status: Status| {
            let report =
                FileReport { name: name.map(str::to_owned), ..FileReport::new(file, status) };
            plugins.report(report);
        };
        put("failed.wasm", Some("failed"), Status::Failed);
        put("slow_one.wasm", None, Status::Compiling);
        put("next.wasm", Some("renamed"), Status::Compiling);
        for name in ["slow-one", "renamed"] {
            assert_eq!(plugins.away(name, false), Some(Away::Compiling), "{name}");
        }
        // Whose file is known waits for no other, and what nobody enabled may not be there at all.
        assert_eq!(plugins.away("failed", true), Some(Away::Gone));
        assert_eq!(plugins.away("nobody", false), None);
        // What a community enabled may be in the file that nobody has looked into.
        assert_eq!(plugins.away("nobody", true), Some(Away::Compiling));
        put("slow_one.wasm", Some("slow-one"), Status::Ready);
        assert_eq!(plugins.away("nobody", true), Some(Away::Gone));
    }
}
