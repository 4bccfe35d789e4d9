//! The plugin directory: which files there are, what changed, and what to do about it.
//!
//! It is scanned when the file system reports a change, at SIGHUP, and every `rescan_ms`. Files are read one after the
//! other and compiled beside that. If a file cannot be loaded, its earlier version goes on serving.

mod compiling;
mod entry;
mod file_system;
mod files;
mod stamp;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::compile;
use super::file_name::stem;
use super::load::{Loaded, Loader};
use super::plugin::Plugin;
use super::report::{FileReport, LoadError, Status, UNREADABLE};
use super::serving::Plugins;
use moothall_core::config::Config;
use moothall_core::ids::PluginName;

use compiling::{Compilations, Compiled};
use entry::{Entry, failed, stop, swap};
use files::{Files, Found, Listing, Unread};
use stamp::FileStamp;

/// Errors that will pass: the file is tried again at each scan.
const PASSING: [&str; 3] = [UNREADABLE, "store_unavailable", "overloaded"];

/// Watches one directory for a host.
pub struct Directory {
    plugins: Arc<Plugins>,
    loader: Arc<Loader>,
    config: Arc<Config>,
    files: Arc<Files>,
    /// Files that could not be read in time at the last scan.
    blocked: BTreeSet<String>,
    entries: BTreeMap<String, Entry>,
    compilations: Compilations,
    /// Files that were there at the start and are not read and compiled yet; none before the first scan.
    unseen: Option<BTreeSet<String>>,
    /// Versions that no longer serve, but may still have calls in flight.
    replaced: Vec<Weak<Plugin>>,
    /// Whether there may be native code that can be removed.
    is_prune_due: bool,
    /// The contents whose native code was in use then.
    used: BTreeSet<String>,
    /// Whether a plugin name became free after other files were refused because of it.
    is_scan_due: bool,
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
        let files = Arc::new(Files::new(config.plugin_directory(), &config.directory));
        Self {
            plugins,
            loader: Arc::new(loader),
            compilations: Compilations::new(&config.limits, files.clone()),
            files,
            blocked: BTreeSet::new(),
            config,
            entries: BTreeMap::new(),
            unseen: None,
            replaced: Vec::new(),
            is_prune_due: true,
            used: BTreeSet::new(),
            is_scan_due: false,
        }
    }

    /// Makes the directory if it is missing. A file system that does not answer is no error here; readiness reports it.
    pub async fn make(&self) -> std::io::Result<()> {
        let made = self.files.with_directory(|path| std::fs::create_dir_all(path)).await;
        made.unwrap_or_else(|reason| {
            self.tell_blocked(&reason);
            Ok(())
        })
    }

    /// Looks at every file once. Before the host answers requests, reading all files may take as long as reading one may
    /// later.
    pub async fn scan(&mut self, depth: Depth) {
        let until = (depth == Depth::Compiled).then(|| self.files.end());
        let Some(found) = self.list(until).await else { return };
        self.forget_removed(&found);
        self.plugins.note_files(found.values().filter(|one| !matches!(one, Found::Not(_))).count());
        self.blocked.clear();
        let wanted: Vec<_> = found
            .into_iter()
            .filter_map(|(file, found)| Some((file.clone(), self.wanted(&file, found)?)))
            .collect();
        let limit = self.config.limits.plugin_file_bytes;
        let mut read = std::pin::pin!(self.files.read_all(wanted, limit, until));
        while let Some((file, stamp, read)) = read.next().await {
            self.visit(&file, stamp, read, depth).await;
        }
        self.plugins.note_blocked(self.blocked.clone());
        if depth == Depth::All {
            self.note_seen();
        }
    }

    /// None if the directory cannot be read; then everything stays as it is.
    async fn list(&self, until: Option<tokio::time::Instant>) -> Option<BTreeMap<String, Found>> {
        match self.files.list(until).await {
            Ok(found) => return Some(found),
            Err(Listing::Blocked(reason)) => self.tell_blocked(&reason),
            Err(Listing::Failed(error)) => {
                let directory = self.config.plugin_directory();
                tracing::error!(%error, directory = %directory.display(), "the plugin directory cannot be read");
            }
        }
        None
    }

    fn tell_blocked(&self, reason: &str) {
        let directory = self.config.plugin_directory().display().to_string();
        tracing::error!(directory, "the plugin directory: {reason}");
        self.plugins.note_blocked(BTreeSet::from([directory]));
    }

    /// The start is over when every file that it found was read, and is compiled or has failed.
    fn note_seen(&mut self) {
        let mut waiting = self.plugins.compiling();
        waiting.extend(self.blocked.iter().cloned());
        let unseen = self.unseen.get_or_insert_with(|| waiting.clone());
        unseen.retain(|file| waiting.contains(file));
        if unseen.is_empty() {
            self.plugins.note_seen();
        }
    }

    fn forget_removed(&mut self, files: &BTreeMap<String, Found>) {
        let removal = Duration::from_millis(self.config.directory.removal_ms);
        let mut removed = Vec::new();
        for (file, entry) in &mut self.entries {
            if files.contains_key(file) {
                entry.gone_since = None;
            } else if entry.gone_since.get_or_insert_with(Instant::now).elapsed() >= removal {
                let mut report = FileReport::new(file, Status::Removed);
                report.name = entry.serving.as_ref().map(|plugin| plugin.name.to_string());
                // Before it stops: whoever is refused because of that finds it removed.
                self.plugins.report(report);
                self.replaced.extend(stop(&self.plugins, entry));
                removed.push(file.clone());
            }
        }
        for file in &removed {
            self.entries.remove(file);
            self.compilations.end(file);
            self.is_prune_due = true;
            tracing::info!(file, "plugin file removed");
        }
        if !removed.is_empty() {
            self.retry_refused();
        }
    }

    /// Removes native code of files that are gone, and of replaced versions whose last call has ended, beyond what may be
    /// kept. Does nothing while files compile, and while the directory or one of its files cannot be read.
    async fn prune(&mut self) {
        let replaced = self.replaced.len();
        self.replaced.retain(|plugin| plugin.strong_count() > 0);
        self.is_prune_due |= self.replaced.len() < replaced;
        if !self.is_prune_due || self.plugins.is_compiling() {
            return;
        }
        let Some(mut used) = self.plugins.digests().filter(|used| !used.is_empty()) else {
            return;
        };
        used.extend(self.replaced.iter().filter_map(Weak::upgrade).map(|one| one.digest.clone()));
        self.is_prune_due = false;
        let before = std::mem::replace(&mut self.used, used.clone());
        before.difference(&used).for_each(|digest| self.loader.release(digest));
        self.loader.prune(used, self.config.limits.unused_code_bytes).await;
    }

    /// Tries refused files again, because a name became free or the configuration changed.
    fn retry_refused(&mut self) {
        let waits = |entry: &&mut Entry| entry.serving.is_none() || entry.waits_for.is_some();
        for entry in self.entries.values_mut().filter(waits) {
            entry.stamp = None;
        }
    }

    /// The stamp of a file that is to be read; none if there is nothing more to do about it.
    fn wanted(&mut self, file: &str, found: Found) -> Option<FileStamp> {
        if !is_active(&self.config, file) {
            self.put_aside(file);
            return None;
        }
        match found {
            Found::File(stamp) if self.is_known(file, &stamp) => None,
            Found::File(stamp) => match self.too_large(stamp.bytes) {
                None => Some(stamp),
                Some(error) => {
                    self.refuse(file, Some(stamp), error);
                    None
                }
            },
            Found::Blocked(reason) => {
                self.note_blocked(file, reason);
                None
            }
            Found::Not(error) => {
                self.refuse(file, None, error);
                None
            }
            // `list` has followed the links.
            Found::Link(_) => None,
        }
    }

    /// Stops a plugin whose file is not among `active_plugins`.
    fn put_aside(&mut self, file: &str) {
        let entry = self.entries.entry(file.to_owned()).or_default();
        entry.stamp = None;
        self.compilations.end(file);
        if let Some(stopped) = stop(&self.plugins, entry) {
            self.replaced.push(stopped);
            self.retry_refused();
        }
        self.plugins.report(FileReport::new(file, Status::Inactive));
    }

    /// Whether the file as it is now was loaded under the present configuration, or is being compiled.
    fn is_known(&mut self, file: &str, stamp: &FileStamp) -> bool {
        let entry = self.entries.entry(file.to_owned()).or_default();
        let of_plugin =
            entry.serving.as_ref().map(|plugin| self.config.plugin(plugin.name.as_str()));
        let is_known = entry.stamp.as_ref() == Some(stamp)
            && of_plugin.is_none_or(|config| config == entry.config);
        is_known || self.compilations.has(file, stamp)
    }

    fn too_large(&self, bytes: u64) -> Option<LoadError> {
        LoadError::of_size(bytes, self.config.limits.plugin_file_bytes)
    }

    fn note_blocked(&mut self, file: &str, message: String) {
        self.blocked.insert(file.to_owned());
        self.refuse(file, None, LoadError { code: UNREADABLE, message });
    }

    fn refuse(&mut self, file: &str, stamp: Option<FileStamp>, error: LoadError) {
        self.compilations.end(file);
        self.settle_file(file, stamp, String::new(), Err(vec![error]));
    }

    /// Loads, compiles or refuses a file that was read, or that could not be.
    async fn visit(
        &mut self,
        file: &str,
        stamp: FileStamp,
        read: Result<Vec<u8>, Unread>,
        depth: Depth,
    ) {
        let wasm = match read {
            Ok(wasm) => wasm,
            Err(Unread::Blocked(reason)) => return self.note_blocked(file, reason),
            Err(Unread::Failed(cause)) => {
                let message = format!("it cannot be read: {cause}");
                return self.refuse(file, None, LoadError { code: UNREADABLE, message });
            }
        };
        self.compilations.end(file);
        let digest = compile::digest(&wasm);
        if self.serves_already(file, &digest) {
            let entry = self.entries.entry(file.to_owned()).or_default();
            entry.stamp = Some(stamp);
            return;
        }
        if !self.loader.is_compiled(&digest) && compile::is_component(&wasm).is_ok() {
            drop(wasm);
            return self.compile(file, &stamp, digest, depth);
        }
        let outcome = self.loader.load(wasm, digest.clone(), &self.config).await;
        self.settle_file(file, Some(stamp), digest, outcome);
    }

    /// Whether a file with another stamp has the content that serves already, as after `touch` or `chmod`.
    fn serves_already(&self, file: &str, digest: &str) -> bool {
        let Some(entry) = self.entries.get(file) else { return false };
        let Some(plugin) = &entry.serving else { return false };
        plugin.digest == digest
            && entry.config == self.config.plugin(plugin.name.as_str())
            && self.plugins.is_ready(file)
    }

    fn compile(&mut self, file: &str, stamp: &FileStamp, digest: String, depth: Depth) {
        let mut report = FileReport::new(file, Status::Compiling).serving(self.serving(file));
        report.digest.clone_from(&digest);
        self.plugins.report(report);
        // Of two files with one content, the second is loaded when the first is compiled.
        if depth == Depth::Compiled || self.compilations.has_content(&digest) {
            return;
        }
        let (loader, config) = (self.loader.clone(), self.config.clone());
        self.compilations.begin(loader, file, stamp.clone(), digest, config);
    }

    /// Whether no scan is needed now: no other file waits for this one, and the configuration is the same.
    fn settle_compiled(&mut self, compiled: Compiled) -> bool {
        let Compiled { file, stamp, digest, config, outcome } = compiled;
        let is_current = Arc::ptr_eq(&config, &self.config);
        let Some(outcome) = outcome.filter(|_| is_current) else { return false };
        self.settle_file(&file, Some(stamp), digest.clone(), outcome);
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
        stamp: Option<FileStamp>,
        digest: String,
        outcome: Result<Loaded, Vec<LoadError>>,
    ) {
        let name = outcome.as_ref().ok().map(|loaded| loaded.plugin.name.clone());
        let taken = name.as_ref().and_then(|name| self.name_taken(file, name));
        let waits_for = name.filter(|_| taken.is_some());
        let outcome = match taken {
            Some(message) => Err(vec![LoadError { code: "name_taken", message }]),
            None => outcome,
        };
        let config =
            outcome.as_ref().ok().map(|loaded| self.config.plugin(loaded.plugin.name.as_str()));
        let entry = self.entries.entry(file.to_owned()).or_default();
        let named = entry.serving.as_ref().map(|plugin| plugin.name.clone());
        entry.waits_for = waits_for;
        let passes = |errors: &Vec<LoadError>| errors.iter().any(|one| PASSING.contains(&one.code));
        entry.stamp = stamp.filter(|_| !outcome.as_ref().is_err_and(passes));
        self.is_prune_due = true;
        let mut report = match outcome {
            Ok(loaded) => {
                entry.refused = None;
                entry.config = config.unwrap_or_default();
                let (report, replaced) = swap(&self.plugins, entry, file, loaded);
                self.replaced.extend(replaced);
                report
            }
            Err(errors) => {
                // Remembered, so that the file is tried again only under another configuration.
                let serving = entry.serving.as_ref();
                entry.config =
                    serving.map(|p| self.config.plugin(p.name.as_str())).unwrap_or_default();
                failed(entry, file, errors)
            }
        };
        report.digest = digest;
        self.plugins.report(report);
        let serves = self.serving(file).map(|plugin| &plugin.name);
        self.is_scan_due |= named.is_some() && serves != named.as_ref();
        if self.is_scan_due {
            self.retry_refused();
        }
    }

    /// Why the file cannot serve under that name: another file serves under it.
    fn name_taken(&mut self, file: &str, name: &PluginName) -> Option<String> {
        let (other, entry) = self.entries.iter_mut().find(|(other, entry)| {
            *other != file && entry.serving.as_ref().is_some_and(|plugin| plugin.name == *name)
        })?;
        if entry.waits_for.is_none() {
            return Some(format!(
                "a plugin named `{name}` already serves, from {other}; remove one of the two files"
            ));
        }
        // The other file now holds another plugin, which waits for a name itself: the two files were swapped.
        self.replaced.extend(entry.serving.take().as_ref().map(Arc::downgrade));
        self.is_scan_due = true;
        None
    }
}

fn is_active(config: &Config, file: &str) -> bool {
    let name = stem(file);
    config.active_plugins.as_ref().is_none_or(|active| active.iter().any(|one| one == name))
}
