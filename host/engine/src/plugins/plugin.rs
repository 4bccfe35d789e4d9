//! One version of a plugin: what was made of its file, and its calls in flight.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::hook_point::HookPoint;
use super::metrics::{CallMetrics, PluginMetrics};
use super::route::Route;
use super::worker::Worker;
use moothall_core::ids::{PluginDigestId, PluginName};
use moothall_core::schedule::{Schedule, ScheduleKind};
use moothall_guest::{Guest, PluginContext};
use moothall_values::manifest::{Manifest, ProcessFunction, Scope};
use moothall_values::schema::Schema;

/// One version of a plugin, ready to be called.
pub struct Plugin {
    pub name: PluginName,
    pub manifest: Manifest,
    /// SHA-256 of its file, in hex.
    pub digest: String,
    /// Tells this file's schemas apart from those of another version: 8 bytes of its digest.
    pub digest_id: PluginDigestId,
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
    /// In flight.
    pub(super) calls: AtomicU32,
}

/// An action, with its schemas compiled.
pub struct Action {
    pub slug: Arc<str>,
    pub parameters: Schema,
    /// None where the manifest gives no schema: then any result is valid.
    pub response: Option<Schema>,
    pub public: bool,
    pub read_only: bool,
    pub metrics: CallMetrics,
}

/// A type of process, with its schemas compiled.
pub struct ProcessType {
    pub name: Arc<str>,
    pub parameters: Schema,
    /// None where the manifest gives no schema: then any outcome is valid.
    pub outcome: Option<Schema>,
    pub functions: Vec<ProcessFunction>,
    /// Of `update`.
    pub schedule: Schedule,
    pub metrics: CallMetrics,
}

/// A named schedule.
pub struct NamedSchedule {
    pub name: Arc<str>,
    pub schedule: Schedule,
}

impl ProcessType {
    pub fn has(&self, function: ProcessFunction) -> bool {
        self.functions.contains(&function)
    }
}

impl Plugin {
    /// Whether its component exports that interface.
    pub fn exports(&self, interface: &str) -> bool {
        self.capabilities.contains(&interface)
    }

    /// The schedules of each instance: kind, and when it is due.
    pub fn schedules(&self) -> impl Iterator<Item = (ScheduleKind, &Schedule)> {
        let producer = self.producer.iter().map(|schedule| (ScheduleKind::Producer, schedule));
        let named = self.schedules.iter();
        producer.chain(named.map(|one| (ScheduleKind::Named(one.name.clone()), &one.schedule)))
    }

    /// The schedule of that name.
    pub fn schedule(&self, name: &str) -> Option<&NamedSchedule> {
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

    /// Begins a call, unless the most calls are in flight; dropping the answer ends it.
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
