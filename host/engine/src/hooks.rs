//! Hooks: named points at which steps may change or refuse something before it happens.
//!
//! An index in memory has all hooks with their steps. It is rebuilt when a driver changes a hook or a plugin file is
//! replaced; a hook without steps costs one load of it. A run holds no lock and stores nothing. `run` asks the steps in
//! order.

mod administration;
mod exception;
mod http_step;
mod input;
mod merge;
mod outcome;
mod plugin_step;
mod points;
mod run;
mod running;
pub mod step;
mod verdict;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::calls::Calls;
use crate::context::Context;
use crate::plugins::manifest::HookManifest;
use crate::plugins::{Apart, Bounds, HookPoint, Plugin, Room};
use moothall_core::config::Limits;
use moothall_core::ids::{CommunityId, PluginName};
use moothall_deliveries::machine_name;
use moothall_egress::Egress;
use moothall_store::{AfterWrite, StoreError};

pub use exception::Exception;
use http_step::secret_context;
pub use input::Run;
pub use outcome::{Ended, Outcome};
pub use points::{Builtin, enabling_data};

use step::{Settings, Step, Target};

/// How often plugin files that were loaded or replaced are noticed.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// All hooks of a host.
pub struct Hooks {
    calls: Arc<Calls>,
    context: Arc<Context>,
    egress: Egress,
    /// This machine's name.
    machine: String,
    /// Whether the host's own hooks run; those of plugins and drivers always do.
    own_hooks_enabled: bool,
    index: ArcSwap<Index>,
    /// Something was stored that is not in the index.
    is_dirty: Arc<AtomicBool>,
    /// Held while the index is read, so that no older index replaces a newer one.
    reloading: Mutex<()>,
    schemas: HookSchemas,
    /// Hooks that were just declared and are not in the index yet, by name, so that they are compiled once.
    compiled: Mutex<HashMap<String, Arc<HookPoint>>>,
}

/// How the schemas of hooks are compiled.
pub struct HookSchemas {
    pub apart: Apart,
    pub limits: Limits,
    /// The largest data with which a driver may run a hook.
    pub body_bytes: usize,
}

impl HookSchemas {
    fn bounds(&self) -> Bounds {
        Bounds::new(&self.limits.of_schemas(), self.body_bytes)
    }
}

/// All hooks as they are now.
#[derive(Default)]
struct Index {
    hooks: BTreeMap<String, Arc<Hook>>,
    /// The host's own hooks, by their number; none if the hook has no step.
    builtin: [Option<Arc<Hook>>; points::COUNT],
}

/// A hook with its steps.
pub struct Hook {
    pub point: Arc<HookPoint>,
    pub declared_by: DeclaredBy,
    /// In the order in which they run.
    pub steps: Vec<Arc<Step>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeclaredBy {
    Host,
    Plugin(PluginName),
    Driver,
}

impl Hooks {
    pub fn new(
        calls: Arc<Calls>,
        egress: Egress,
        own_hooks_enabled: bool,
        schemas: HookSchemas,
    ) -> Self {
        let machine = machine_name();
        Self {
            context: calls.context.clone(),
            calls,
            egress,
            machine,
            own_hooks_enabled,
            index: ArcSwap::default(),
            is_dirty: Arc::default(),
            reloading: Mutex::default(),
            schemas,
            compiled: Mutex::default(),
        }
    }

    /// Checks that a driver may declare a hook: its schema compiles, and the patterns of all drivers' hooks have room.
    pub async fn compile(&self, manifest: HookManifest) -> Result<(), Vec<String>> {
        let (bounds, limits) = (self.schemas.bounds(), self.schemas.limits.clone());
        let name = manifest.name.clone();
        let compile =
            move || HookPoint::compile(manifest, &bounds, &mut Room::new(&limits.of_schemas()));
        let point = self.schemas.apart.run(compile).await;
        let point = point.unwrap_or_else(|| Err(vec!["its schema cannot be compiled".into()]))?;
        let others = self
            .all()
            .into_iter()
            .filter(|one| one.declared_by == DeclaredBy::Driver && one.point.manifest.name != name);
        let bytes = others.map(|one| one.point.pattern_bytes).sum::<usize>() + point.pattern_bytes;
        let limit = self.schemas.limits.manifest_pattern_bytes;
        if bytes > limit {
            return Err(vec![format!(
                "the patterns of all hooks that drivers declare would take {bytes} bytes, at most {limit} are allowed (manifest_pattern_bytes); use fewer patterns, or remove hooks"
            )]);
        }
        self.compiled().insert(name, Arc::new(point));
        Ok(())
    }

    fn compiled(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<HookPoint>>> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hook point with that manifest, compiled if it was not compiled before.
    fn point(&self, manifest: HookManifest) -> Result<Arc<HookPoint>, Vec<String>> {
        let before = self.index.load().hooks.get(&manifest.name).map(|hook| hook.point.clone());
        let new = self.compiled().remove(&manifest.name);
        if let Some(same) = [before, new].into_iter().flatten().find(|one| one.manifest == manifest)
        {
            return Ok(same);
        }
        let mut room = Room::new(&self.schemas.limits.of_schemas());
        HookPoint::compile(manifest, &self.schemas.bounds(), &mut room).map(Arc::new)
    }

    fn declare(&self, index: &mut Index, manifest: HookManifest, by: DeclaredBy) {
        match self.point(manifest) {
            Ok(point) => index.add(point, by),
            Err(wrong) => tracing::error!("a hook cannot be used: {}", wrong.join("; ")),
        }
    }

    /// One of the host's own hooks, if it has an enabled step.
    pub fn active(&self, point: Builtin) -> Option<Arc<Hook>> {
        if !self.own_hooks_enabled {
            return None;
        }
        self.index.load().builtin[point as usize].clone()
    }

    pub fn get(&self, name: &str) -> Option<Arc<Hook>> {
        self.index.load().hooks.get(name).cloned()
    }

    /// All hooks, by name.
    pub fn all(&self) -> Vec<Arc<Hook>> {
        self.index.load().hooks.values().cloned().collect()
    }

    /// The callback for a write that changes hooks, so that the index is rebuilt even if the write's client is gone.
    pub fn after_write<T>(&self) -> AfterWrite<T> {
        let is_dirty = self.is_dirty.clone();
        Box::new(move |committed| {
            if committed.is_some() {
                is_dirty.store(true, Ordering::Release);
            }
        })
    }

    /// Rebuilds the index.
    pub fn reload(&self) -> Result<(), StoreError> {
        let _reloading = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_dirty.store(false, Ordering::Release);
        self.read_index().inspect_err(|_| self.is_dirty.store(true, Ordering::Release))
    }

    fn read_index(&self) -> Result<(), StoreError> {
        let store = &self.context.store;
        let (declared, rows) = store.read(|reader| Ok((reader.hooks()?, reader.steps()?)))?;
        let mut index = Index::default();
        for manifest in points::manifests() {
            self.declare(&mut index, manifest, DeclaredBy::Host);
        }
        for row in declared {
            match serde_json::from_str::<HookManifest>(&row.definition) {
                Ok(manifest) => self.declare(&mut index, manifest, DeclaredBy::Driver),
                Err(error) => tracing::error!(%error, hook = row.name, "a hook cannot be read"),
            }
        }
        let plugins = self.context.plugins.all();
        for plugin in &plugins {
            for point in &plugin.hooks {
                let by = DeclaredBy::Plugin(plugin.name.clone());
                index.add(point.clone(), by);
            }
        }
        let mut steps: HashMap<String, Vec<Arc<Step>>> = HashMap::new();
        for row in rows {
            match Step::of_row(row) {
                Ok(step) => steps.entry(step.hook.clone()).or_default().push(Arc::new(step)),
                Err(error) => tracing::error!("a step of a hook cannot be read: {error}"),
            }
        }
        for plugin in &plugins {
            for filter in &plugin.manifest.filters {
                // A filter of an unknown hook was logged when the file was loaded.
                let Some(hook) = index.hooks.get(&filter.hook) else { continue };
                if let Err(denied) = hook.admits(plugin) {
                    if hook.is_declared_by(plugin) {
                        tracing::warn!("the plugin declares a hook that is another's: {denied}");
                    }
                    continue;
                }
                let of_hook = steps.entry(filter.hook.clone()).or_default();
                // A step that was configured through the API replaces the manifest's.
                if !of_hook.iter().any(|step| step.runs(plugin.name.as_str())) {
                    of_hook.push(Arc::new(Step::of_filter(plugin.name.as_str(), filter)));
                }
            }
        }
        index.take_steps(steps);
        self.index.store(Arc::new(index));
        Ok(())
    }

    /// Rebuilds the index when plugin files were loaded or replaced, or when something was stored. Never ends.
    pub async fn watch(self: Arc<Self>) {
        let mut known = None;
        loop {
            let changes = self.context.plugins.changes();
            let is_dirty = self.is_dirty.load(Ordering::Acquire);
            if is_dirty || known != Some(changes) {
                match self.reload() {
                    Ok(()) => known = Some(changes),
                    Err(error) => tracing::warn!(%error, "hooks cannot be read"),
                }
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

impl Index {
    /// Of hooks with one name the first counts: the host's own come before drivers', and those before plugins', so that no
    /// plugin file can take over a hook by declaring it.
    fn add(&mut self, point: Arc<HookPoint>, declared_by: DeclaredBy) {
        let name = point.manifest.name.clone();
        if let Some(first) = self.hooks.get(&name) {
            let (first, hidden) = (&first.declared_by, &declared_by);
            tracing::warn!(?first, ?hidden, "two declare the hook {name}; the first counts");
            return;
        }
        self.hooks.insert(name, Arc::new(Hook { point, declared_by, steps: Vec::new() }));
    }

    fn take_steps(&mut self, mut steps: HashMap<String, Vec<Arc<Step>>>) {
        for (name, hook) in &mut self.hooks {
            let mut steps = steps.remove(name).unwrap_or_default();
            steps.sort_by(|a, b| (a.settings.order, &a.id).cmp(&(b.settings.order, &b.id)));
            let (point, declared_by) = (hook.point.clone(), hook.declared_by.clone());
            *hook = Arc::new(Hook { point, declared_by, steps });
        }
        for point in Builtin::ALL {
            let hook = self.hooks.get(point.name());
            self.builtin[point as usize] = hook.filter(|hook| hook.is_active()).cloned();
        }
    }
}

impl Hook {
    fn is_active(&self) -> bool {
        self.steps.iter().any(|step| step.settings.enabled)
    }

    /// Whether a plugin may be a step of this hook: it declared the hook, or the operator grants it. The error says which
    /// grant to add.
    pub fn admits(&self, plugin: &Plugin) -> Result<(), String> {
        let is_of_plugin = matches!(self.declared_by, DeclaredBy::Plugin(_));
        if is_of_plugin && self.is_declared_by(plugin) {
            return Ok(());
        }
        plugin.context.grants.may_filter(&self.point.manifest.name)
    }

    /// Whether the plugin's manifest declares the hook, perhaps as others do.
    fn is_declared_by(&self, plugin: &Plugin) -> bool {
        plugin.hooks.iter().any(|one| one.manifest.name == self.point.manifest.name)
    }

    /// Fails if a step of this hook cannot have these settings.
    pub fn check(&self, settings: &Settings) -> Result<(), String> {
        if settings.halts() && self.point.manifest.exceptions.is_empty() {
            return Err(format!(
                "the hook `{}` has no exceptions, so nothing can halt it: remove the settings `halt_on_…` and `redirect_on_…`",
                self.point.manifest.name
            ));
        }
        Ok(())
    }
}

impl Step {
    fn runs(&self, plugin: &str) -> bool {
        matches!(&self.target, Target::Plugin(name) if name == plugin)
    }

    /// Whether it runs for that community.
    fn is_for(&self, community: Option<CommunityId>) -> bool {
        self.settings.enabled
            && (self.community == CommunityId::HOST || Some(self.community) == community)
    }
}
