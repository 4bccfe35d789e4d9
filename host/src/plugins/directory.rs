//! The plugin directory: which files there are, what changed, and what to do about it.
//!
//! Told by the file system, by SIGHUP and, where neither speaks, by the clock. One file is
//! looked at after the other; a file that cannot serve leaves its earlier version serving.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use notify::Watcher;
use tokio::sync::{mpsc, watch};

use super::load::{Loaded, Loader};
use super::{FileReport, LoadError, Plugin, Plugins, Status, compile};
use crate::config::{Config, PluginConfig};
use crate::ids::PluginName;

/// What a file looks like from outside: a change of any of it is a change of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

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
const PASSING: [&str; 3] = ["unreadable", "store_unavailable", "overloaded"];

/// Watches one directory for a host.
pub struct Directory {
    plugins: Arc<Plugins>,
    loader: Loader,
    config: Arc<Config>,
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
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
        let path = config.plugin_directory();
        Self { plugins, loader, config, path, entries: BTreeMap::new() }
    }

    /// Follows the directory until `reloads` is closed: each configuration that comes through it
    /// takes effect at once.
    pub async fn watch(mut self, mut reloads: watch::Receiver<Arc<Config>>) {
        let (changed, mut changes) = mpsc::channel(1);
        let watcher = self.notify(changed);
        self.scan(Depth::All).await;
        self.prune().await;
        loop {
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
                () = tokio::time::sleep(self.next_look()) => {}
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
        for (file, look) in files {
            self.visit(&file, look, depth).await;
        }
    }

    fn forget_removed(&mut self, files: &BTreeMap<String, Look>) {
        let removal = Duration::from_millis(self.config.directory.removal_ms);
        let mut removed = Vec::new();
        for (file, entry) in &mut self.entries {
            if files.contains_key(file) {
                entry.gone_since = None;
            } else if entry.gone_since.get_or_insert_with(Instant::now).elapsed() >= removal {
                stop(&self.plugins, entry);
                removed.push(file.clone());
            }
        }
        for file in &removed {
            self.entries.remove(file);
            self.plugins.report(FileReport::new(file, Status::Removed));
            tracing::info!(file, "plugin file removed");
        }
        if !removed.is_empty() {
            self.look_again();
        }
    }

    /// Native code of files that are gone; not where the directory may just not be there.
    async fn prune(&self) {
        let digests = self.plugins.digests();
        if !digests.is_empty() && !digests.contains("") {
            self.loader.prune(digests).await;
        }
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
            if stop(&self.plugins, entry) {
                self.look_again();
            }
            self.plugins.report(FileReport::new(file, Status::Inactive));
            return;
        }
        let entry = self.entries.entry(file.to_owned()).or_default();
        let of_plugin =
            entry.serving.as_ref().map(|plugin| self.config.plugin(plugin.name.as_str()));
        if entry.look.as_ref() == Some(&look)
            && of_plugin.is_none_or(|config| config == entry.config)
        {
            return;
        }
        if let Some((digest, outcome)) = self.load(file, &look, depth).await {
            self.settle_file(file, look, digest, outcome);
        }
    }

    /// None: not now.
    async fn load(
        &self,
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
                return Some((String::new(), Err(vec![LoadError { code: "unreadable", message }])));
            }
        };
        let digest = compile::digest(&wasm);
        if depth == Depth::Compiled && !self.loader.is_compiled(&digest) {
            self.plugins.report(FileReport::new(file, Status::Compiling));
            return None;
        }
        if !self.loader.is_compiled(&digest) {
            let mut report = FileReport::new(file, Status::Compiling).serving(self.serving(file));
            report.digest = digest.clone();
            self.plugins.report(report);
        }
        let outcome = self.loader.load(wasm, digest.clone(), &self.config).await;
        Some((digest, outcome))
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
                swap(&self.plugins, entry, file, loaded)
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

fn swap(plugins: &Plugins, entry: &mut Entry, file: &str, loaded: Loaded) -> FileReport {
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
    report
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

/// Whether something served until now.
fn stop(plugins: &Plugins, entry: &mut Entry) -> bool {
    let Some(plugin) = entry.serving.take() else { return false };
    plugins.change_serving(|serving| drop(serving.remove(&plugin.name)));
    true
}

fn is_active(config: &Config, file: &str) -> bool {
    let name = file.trim_end_matches(".wasm");
    config.active_plugins.as_ref().is_none_or(|active| active.iter().any(|one| one == name))
}

/// The plugin files by name, at most `limit`.
fn list(directory: &Path, limit: usize) -> std::io::Result<BTreeMap<String, Look>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(directory)? {
        if let Ok(name) = entry?.file_name().into_string()
            && name.ends_with(".wasm")
        {
            names.insert(name);
        }
    }
    if names.len() > limit {
        tracing::warn!(
            files = names.len(),
            limit,
            "more plugin files than are looked at; the last by name are left out"
        );
    }
    let looks = names
        .into_iter()
        .take(limit)
        .filter_map(|name| Some((name.clone(), look(&directory.join(&name))?)));
    Ok(looks.collect())
}

/// None where the file is gone again, or is no file.
fn look(file: &Path) -> Option<Look> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?;
    Some(Look { bytes: metadata.len(), modified: metadata.modified().ok(), inode: metadata.ino() })
}
