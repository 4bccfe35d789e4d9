//! Hooks: named filter points, and the steps that run at each before something happens.
//!
//! What there is stands in an index in memory, rebuilt when a driver changes it or a plugin file is
//! replaced; a hook without steps costs one look into it. A run holds no lock and stores nothing. `run` is
//! the order of everything.

mod exception;
mod http_step;
mod merge;
mod plugin_step;
mod points;
mod run;
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
pub use http_step::secret_context;
pub use points::{Builtin, enabling_data};
pub use run::{Ended, Outcome, Run};

use step::{Settings, Step, Target};

/// How often it is looked for plugin files that were loaded or replaced.
const LOOK: Duration = Duration::from_millis(250);

/// All hooks of a host.
pub struct Hooks {
    calls: Arc<Calls>,
    context: Arc<Context>,
    egress: Egress,
    /// This machine's name.
    machine: String,
    enabled: bool,
    index: ArcSwap<Index>,
    /// Something was stored that the index has not.
    is_dirty: Arc<AtomicBool>,
    /// One reads after the other, so that nothing older takes the place of what is newer.
    reloading: Mutex<()>,
    schemas: HookSchemas,
    /// Declared just now and not in the index yet, by name: what is compiled once is not compiled again.
    compiled: Mutex<HashMap<String, Arc<HookPoint>>>,
}

/// How the schemas of hooks are compiled.
pub struct HookSchemas {
    pub apart: Apart,
    pub limits: Limits,
    /// The largest data that a driver runs a hook with.
    pub body_bytes: usize,
}

impl HookSchemas {
    fn bounds(&self) -> Bounds {
        Bounds::new(&self.limits.of_schemas(), self.body_bytes)
    }
}

/// What there is now.
#[derive(Default)]
struct Index {
    hooks: BTreeMap<String, Arc<Hook>>,
    /// Those of the host itself, by their number; none where there is no step.
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
    pub fn new(calls: Arc<Calls>, egress: Egress, enabled: bool, schemas: HookSchemas) -> Self {
        let machine = machine_name();
        Self {
            context: calls.context.clone(),
            calls,
            egress,
            machine,
            enabled,
            index: ArcSwap::default(),
            is_dirty: Arc::default(),
            reloading: Mutex::default(),
            schemas,
            compiled: Mutex::default(),
        }
    }

    /// Whether a driver may declare it: its schema compiles, and the patterns of all that drivers declare have room.
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

    /// The point that is declared so, compiled before if it can be.
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

    /// A hook of the host itself, if any step could run there.
    pub fn active(&self, point: Builtin) -> Option<Arc<Hook>> {
        if !self.enabled {
            return None;
        }
        self.index.load().builtin[point as usize].clone()
    }

    pub fn get(&self, name: &str) -> Option<Arc<Hook>> {
        self.index.load().hooks.get(name).cloned()
    }

    /// By name.
    pub fn all(&self) -> Vec<Arc<Hook>> {
        self.index.load().hooks.values().cloned().collect()
    }

    /// For a write that changes what there is: noticed also when its client is gone.
    pub fn after_write<T>(&self) -> AfterWrite<T> {
        let is_dirty = self.is_dirty.clone();
        Box::new(move |committed| {
            if committed.is_some() {
                is_dirty.store(true, Ordering::Release);
            }
        })
    }

    /// Reads again what there is.
    pub fn reload(&self) -> Result<(), StoreError> {
        let _turn = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
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
                // What is not granted was told when the file was loaded.
                let Some(hook) = index.hooks.get(&filter.hook) else { continue };
                if let Err(denied) = hook.admits(plugin) {
                    if hook.is_declared_by(plugin) {
                        tracing::warn!("the plugin declares a hook that is another's: {denied}");
                    }
                    continue;
                }
                let of_hook = steps.entry(filter.hook.clone()).or_default();
                // One that was configured through the API takes the manifest's place.
                if !of_hook.iter().any(|step| step.runs(plugin.name.as_str())) {
                    of_hook.push(Arc::new(Step::of_filter(plugin.name.as_str(), filter)));
                }
            }
        }
        index.take_steps(steps);
        self.index.store(Arc::new(index));
        Ok(())
    }

    /// Notices plugin files that were loaded or replaced, and what was stored without a look. Never ends.
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
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Index {
    /// The first of a name stays: the host's own before drivers', those before plugins', so that no file
    /// takes a hook over by declaring it.
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

    /// Whether a plugin may be a step here, because it declared the hook or the operator grants it; else what
    /// to add.
    pub fn admits(&self, plugin: &Plugin) -> Result<(), String> {
        let is_of_plugin = matches!(self.declared_by, DeclaredBy::Plugin(_));
        if is_of_plugin && self.is_declared_by(plugin) {
            return Ok(());
        }
        plugin.context.grants.may_filter(&self.point.manifest.name)
    }

    /// Whether its manifest has that hook, perhaps beside another's.
    fn is_declared_by(&self, plugin: &Plugin) -> bool {
        plugin.hooks.iter().any(|one| one.manifest.name == self.point.manifest.name)
    }

    /// Why a step cannot have these settings here.
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
