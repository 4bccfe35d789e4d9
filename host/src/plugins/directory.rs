//! The plugin directory: which files there are, what changed, and what to do about it.
//!
//! Told by the file system, by SIGHUP and, where neither speaks, by the clock. One file is
//! looked at after the other, and those to be compiled are compiled beside that; a file that cannot
//! serve leaves its earlier version serving.

mod compiling;
mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use notify::Watcher;
use tokio::sync::{mpsc, watch};

use super::load::{Loaded, Loader};
use super::{FileReport, LoadError, Plugin, Plugins, Status, UNREADABLE, compile};
use crate::config::{Config, PluginConfig};
use crate::ids::PluginName;

use compiling::{Compilations, Compiled};
use files::{Look, list};

/// What is known of one file.
#[derive(Default)]
struct Entry {
    look: Option<Look>,
    serving: Option<Arc<Plugin>>,
    /// The configuration under which it was loaded.
    config: PluginConfig,
    gone_since: Option<Instant>,
    /// Why it was refused, as it was logged.
    refused: Option<String>,
}

/// What says nothing of the file: it is tried again at each look.
const PASSING: [&str; 3] = [UNREADABLE, "store_unavailable", "overloaded"];

/// Watches one directory for a host.
pub struct Directory {
    plugins: Arc<Plugins>,
    loader: Arc<Loader>,
    config: Arc<Config>,
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
    compilations: Compilations,
    /// Files that were there at the start and were not compiled; none before the first look.
    unseen: Option<BTreeSet<String>>,
    /// Versions that serve no more, whose last calls may not have ended.
    replaced: Vec<Weak<Plugin>>,
    /// Whether a file may have native code that nobody needs any more.
    is_prune_due: bool,
}

/// Whether a scan may take the time to compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Only what is compiled already: before the host answers.
    Compiled,
    All,
}

impl Directory {
    pub fn new(plugins: Arc<Plugins>, loader: Loader, config: Arc<Config>) -> Self {
        Self {
            plugins,
            loader: Arc::new(loader),
            path: config.plugin_directory(),
            compilations: Compilations::new(&config.limits),
            config,
            entries: BTreeMap::new(),
            unseen: None,
            replaced: Vec::new(),
            is_prune_due: true,
        }
    }

    /// Follows the directory until `reloads` is closed: each configuration that comes through it
    /// takes effect at once.
    pub async fn watch(mut self, mut reloads: watch::Receiver<Arc<Config>>) {
        let (changed, mut changes) = mpsc::channel(1);
        let watcher = self.notify(changed);
        self.scan(Depth::All).await;
        loop {
            self.prune().await;
            let next_look = self.next_look();
            tokio::select! {
                reloaded = reloads.changed() => {
                    if reloaded.is_err() {
                        break;
                    }
                    self.config = reloads.borrow_and_update().clone();
                    // What was refused may be mended by another configuration.
                    self.look_again();
                }
                Some(()) = changes.recv() => self.settle(&mut changes).await,
                Some(compiled) = self.compilations.next() => {
                    if self.settle_compiled(compiled) {
                        continue;
                    }
                }
                () = tokio::time::sleep(next_look) => {}
            }
            self.scan(Depth::All).await;
        }
        drop(watcher);
    }

    /// Without notifications the regular look at the directory remains.
    fn notify(&self, changed: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
        let tell = move |_: notify::Result<notify::Event>| {
            // One that waits already says as much as many.
            if let Err(mpsc::error::TrySendError::Closed(())) = changed.try_send(()) {
                tracing::debug!("the plugin directory changed after its watch has ended");
            }
        };
        let watcher = notify::recommended_watcher(tell).and_then(|mut watcher| {
            watcher.watch(&self.path, notify::RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        let every = self.config.directory.rescan_ms;
        watcher.inspect_err(|error| tracing::warn!(%error, every, "no notice of changed plugin files; looking every so many ms")).ok()
    }

    /// Waits until the directory is quiet: a copy in progress is many changes.
    async fn settle(&self, changes: &mut mpsc::Receiver<()>) {
        let quiet = Duration::from_millis(self.config.directory.settle_ms);
        while tokio::time::timeout(quiet, changes.recv()).await.is_ok_and(|change| change.is_some())
        {
        }
    }

    fn next_look(&self) -> Duration {
        let removal = Duration::from_millis(self.config.directory.removal_ms);
        let gone = self.entries.values().filter_map(|entry| entry.gone_since);
        let until = gone.map(|since| removal.saturating_sub(since.elapsed())).min();
        until
            .unwrap_or(Duration::MAX)
            .min(Duration::from_millis(self.config.directory.rescan_ms.max(1)))
    }

    /// Looks at every file once.
    pub async fn scan(&mut self, depth: Depth) {
        let files = match list(&self.path, self.config.directory.files) {
            Ok(files) => files,
            Err(error) => {
                tracing::error!(%error, directory = %self.path.display(), "the plugin directory cannot be read");
                return;
            }
        };
        self.forget_removed(&files);
        self.plugins.note_files(files.len());
        for (file, look) in files {
            self.visit(&file, look, depth).await;
        }
        if depth == Depth::All {
            self.note_seen();
        }
    }

    /// The start is over when every file that it found is compiled or has failed.
    fn note_seen(&mut self) {
        let compiling = self.plugins.compiling();
        let unseen = self.unseen.get_or_insert_with(|| compiling.clone());
        unseen.retain(|file| compiling.contains(file));
        if unseen.is_empty() {
            self.plugins.note_seen();
        }
    }

    fn forget_removed(&mut self, files: &BTreeMap<String, Look>) {
        let removal = Duration::from_millis(self.config.directory.removal_ms);
        let mut removed = Vec::new();
        for (file, entry) in &mut self.entries {
            if files.contains_key(file) {
                entry.gone_since = None;
            } else if entry.gone_since.get_or_insert_with(Instant::now).elapsed() >= removal {
                self.replaced.extend(stop(&self.plugins, entry));
                removed.push(file.clone());
            }
        }
        for file in &removed {
            self.entries.remove(file);
            self.compilations.end(file);
            self.is_prune_due = true;
            self.plugins.report(FileReport::new(file, Status::Removed));
            tracing::info!(file, "plugin file removed");
        }
        if !removed.is_empty() {
            self.look_again();
        }
    }

    /// Native code that nobody needs: of files that are gone, and of versions that were replaced once their last
    /// call has ended. Not where the directory, or a file of it, may just not be readable.
    async fn prune(&mut self) {
        let replaced = self.replaced.len();
        self.replaced.retain(|plugin| plugin.strong_count() > 0);
        self.is_prune_due |= self.replaced.len() < replaced;
        if !self.is_prune_due {
            return;
        }
        let Some(mut digests) = self.plugins.digests().filter(|digests| !digests.is_empty()) else {
            return;
        };
        digests
            .extend(self.replaced.iter().filter_map(Weak::upgrade).map(|one| one.digest.clone()));
        self.is_prune_due = false;
        self.loader.prune(digests).await;
    }

    /// A name became free: files that were refused because of it may have their turn.
    fn look_again(&mut self) {
        for entry in self.entries.values_mut().filter(|entry| entry.serving.is_none()) {
            entry.look = None;
        }
    }

    async fn visit(&mut self, file: &str, look: Look, depth: Depth) {
        if !is_active(&self.config, file) {
            let entry = self.entries.entry(file.to_owned()).or_default();
            entry.look = None;
            self.compilations.end(file);
            if let Some(stopped) = stop(&self.plugins, entry) {
                self.replaced.push(stopped);
                self.look_again();
            }
            self.plugins.report(FileReport::new(file, Status::Inactive));
            return;
        }
        let entry = self.entries.entry(file.to_owned()).or_default();
        let of_plugin =
            entry.serving.as_ref().map(|plugin| self.config.plugin(plugin.name.as_str()));
        let is_known = entry.look.as_ref() == Some(&look)
            && of_plugin.is_none_or(|config| config == entry.config);
        if is_known || self.compilations.has(file, &look) {
            return;
        }
        self.compilations.end(file);
        if let Some((digest, outcome)) = self.load(file, &look, depth).await {
            self.settle_file(file, look, digest, outcome);
        }
    }

    /// None: not now.
    async fn load(
        &mut self,
        file: &str,
        look: &Look,
        depth: Depth,
    ) -> Option<(String, Result<Loaded, Vec<LoadError>>)> {
        let limit = self.config.limits.plugin_file_bytes;
        if look.bytes > limit {
            let message = format!(
                "it has {} bytes, at most {limit} are allowed (plugin_file_bytes)",
                look.bytes
            );
            return Some((String::new(), Err(vec![LoadError { code: "too_large", message }])));
        }
        let wasm = match std::fs::read(self.path.join(file)) {
            Ok(wasm) => wasm,
            Err(cause) => {
                let message = format!("it cannot be read: {cause}");
                return Some((String::new(), Err(vec![LoadError { code: UNREADABLE, message }])));
            }
        };
        let digest = compile::digest(&wasm);
        if !self.loader.is_compiled(&digest) && compile::is_component(&wasm).is_ok() {
            drop(wasm);
            self.compile(file, look, digest, depth);
            return None;
        }
        let outcome = self.loader.load(wasm, digest.clone(), &self.config).await;
        Some((digest, outcome))
    }

    fn compile(&mut self, file: &str, look: &Look, digest: String, depth: Depth) {
        let mut report = FileReport::new(file, Status::Compiling).serving(self.serving(file));
        report.digest.clone_from(&digest);
        self.plugins.report(report);
        // Of two files with one content, the second is loaded when the first is compiled.
        if depth == Depth::Compiled || self.compilations.has_content(&digest) {
            return;
        }
        let (loader, path, config) =
            (self.loader.clone(), self.path.join(file), self.config.clone());
        self.compilations.begin(loader, path, file, look.clone(), digest, config);
    }

    /// Whether that was all: no other file waits for it, and nothing has changed meanwhile.
    fn settle_compiled(&mut self, compiled: Compiled) -> bool {
        let Compiled { file, look, digest, config, outcome } = compiled;
        let is_current = Arc::ptr_eq(&config, &self.config);
        let Some(outcome) = outcome.filter(|_| is_current) else { return false };
        self.settle_file(&file, look, digest.clone(), outcome);
        self.note_seen();
        !self.plugins.compiling().iter().any(|file| !self.compilations.has_file(file))
    }

    fn serving(&self, file: &str) -> Option<&Plugin> {
        self.entries.get(file)?.serving.as_deref()
    }

    /// Swaps the new version in, or leaves the old one and says why.
    fn settle_file(
        &mut self,
        file: &str,
        look: Look,
        digest: String,
        outcome: Result<Loaded, Vec<LoadError>>,
    ) {
        let outcome = outcome.and_then(|loaded| match self.name_taken(file, &loaded.plugin.name) {
            Some(message) => Err(vec![LoadError { code: "name_taken", message }]),
            None => Ok(loaded),
        });
        let config =
            outcome.as_ref().ok().map(|loaded| self.config.plugin(loaded.plugin.name.as_str()));
        let entry = self.entries.entry(file.to_owned()).or_default();
        let passes = |errors: &Vec<LoadError>| errors.iter().any(|one| PASSING.contains(&one.code));
        entry.look = Some(look).filter(|_| !outcome.as_ref().is_err_and(passes));
        let mut report = match outcome {
            Ok(loaded) => {
                entry.refused = None;
                entry.config = config.unwrap_or_default();
                self.is_prune_due = true;
                let (report, replaced) = swap(&self.plugins, entry, file, loaded);
                self.replaced.extend(replaced);
                report
            }
            Err(errors) => {
                // Tried under this configuration; the next try is for another one.
                let serving = entry.serving.as_ref();
                entry.config =
                    serving.map(|p| self.config.plugin(p.name.as_str())).unwrap_or_default();
                failed(entry, file, errors)
            }
        };
        report.digest = digest;
        self.plugins.report(report);
    }

    fn name_taken(&self, file: &str, name: &PluginName) -> Option<String> {
        let other = self.entries.iter().find(|(other, entry)| {
            *other != file && entry.serving.as_ref().is_some_and(|plugin| plugin.name == *name)
        })?;
        Some(format!(
            "a plugin named `{name}` already serves, from {}; remove one of the two files",
            other.0
        ))
    }
}

/// With the version that serves no more.
fn swap(
    plugins: &Plugins,
    entry: &mut Entry,
    file: &str,
    loaded: Loaded,
) -> (FileReport, Option<Weak<Plugin>>) {
    let plugin = loaded.plugin;
    let before = entry.serving.replace(plugin.clone());
    plugins.change_serving(|serving| {
        if let Some(before) = &before {
            serving.remove(&before.name);
        }
        serving.insert(plugin.name.clone(), plugin.clone());
    });
    for warning in &loaded.warnings {
        tracing::warn!(file, plugin = %plugin.name, "{warning}");
    }
    tracing::info!(file, plugin = %plugin.name, version = plugin.manifest.version, "plugin serves");
    let mut report = FileReport::new(file, Status::Ready).serving(Some(&plugin));
    report.warnings = loaded.warnings;
    (report, before.as_ref().map(Arc::downgrade))
}

fn failed(entry: &mut Entry, file: &str, errors: Vec<LoadError>) -> FileReport {
    let reasons = errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ");
    let still = entry.serving.as_ref().map(|plugin| plugin.manifest.version.as_str());
    if entry.refused.as_ref() != Some(&reasons) || entry.look.is_some() {
        tracing::warn!(file, still_serving = still, "plugin file refused: {reasons}");
    }
    let mut report = FileReport::new(file, Status::Failed).serving(entry.serving.as_deref());
    report.errors = errors;
    entry.refused = Some(reasons);
    report
}

/// What served until now.
fn stop(plugins: &Plugins, entry: &mut Entry) -> Option<Weak<Plugin>> {
    let plugin = entry.serving.take()?;
    plugins.change_serving(|serving| drop(serving.remove(&plugin.name)));
    Some(Arc::downgrade(&plugin))
}

fn is_active(config: &Config, file: &str) -> bool {
    let name = file.trim_end_matches(".wasm");
    config.active_plugins.as_ref().is_none_or(|active| active.iter().any(|one| one == name))
}
