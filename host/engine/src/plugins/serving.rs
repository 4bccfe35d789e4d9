//! The plugins that serve, and what is known of the files that do not.
//!
//! The table of those that serve is read by every call, without a lock; only the loader changes it. A plugin in use lives
//! on until its last call has ended.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::plugin::Plugin;
use super::report::{FileReport, Status, UNREADABLE};
use moothall_core::ids::PluginName;

type Serving = HashMap<PluginName, Arc<Plugin>>;

/// All plugins of a host.
#[derive(Default)]
pub struct Plugins {
    serving: ArcSwap<Serving>,
    /// Counts the changes of what serves, including a new configuration for the same file, so that others notice them.
    changes: AtomicU64,
    files: Mutex<BTreeMap<String, FileReport>>,
    /// How many files the directory has.
    file_count: AtomicUsize,
    /// Whether every file that was there at the start has been read and compiled, or has failed.
    has_seen_all: AtomicBool,
    /// Files that could not be read in time at the last scan, or the directory itself.
    blocked: Mutex<BTreeSet<String>>,
    /// Plugins of host scope that serve and cannot be set up, with what to do.
    not_set_up: Mutex<BTreeMap<PluginName, String>>,
}

/// What the plugin directory means for readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Files that were there at the start are not loaded yet.
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

    /// A number that grows with each change of what serves. Read it before `all`.
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

    /// The digests of all files and of what serves; none while a file cannot be read.
    pub(super) fn digests(&self) -> Option<BTreeSet<String>> {
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

    /// Whether a file that is known to be that plugin's is being compiled.
    pub fn is_compiling_plugin(&self, name: &str) -> bool {
        let files = self.files();
        files.values().any(|report| report.is_of(name) && report.status == Status::Compiling)
    }

    /// Why a plugin that somebody has enabled does not serve.
    pub fn away(&self, name: &str) -> Away {
        if self.is_compiling_plugin(name) {
            return Away::Compiling;
        }
        // A plugin without a known file may be in one whose manifest was not read yet.
        let files = self.files();
        let is_unread =
            |report: &FileReport| report.status == Status::Compiling && report.name.is_none();
        let has_file = files.values().any(|report| report.is_of(name));
        match !has_file && files.values().any(is_unread) {
            true => Away::Compiling,
            false => Away::Gone,
        }
    }

    /// Whether the version that serves from a file is the file's present content.
    pub(super) fn is_ready(&self, file: &str) -> bool {
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

    pub(super) fn note_files(&self, count: usize) {
        self.file_count.store(count, Ordering::Relaxed);
    }

    /// Files that could not be read in time, or the directory itself.
    pub fn blocked(&self) -> BTreeSet<String> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note_blocked(&self, blocked: BTreeSet<String>) {
        *self.blocked.lock().unwrap_or_else(PoisonError::into_inner) = blocked;
    }

    pub(super) fn note_seen(&self) {
        self.has_seen_all.store(true, Ordering::Relaxed);
    }

    pub(super) fn report(&self, report: FileReport) {
        self.files().insert(report.file.clone(), report);
    }

    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, FileReport>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change_serving(&self, change: impl Fn(&mut Serving)) {
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
            assert!(plugins.is_compiling_plugin(name), "{name}");
            assert_eq!(plugins.away(name), Away::Compiling, "{name}");
        }
        // A plugin whose file is known waits for no other file, and one that nobody enabled may not exist.
        assert_eq!(plugins.away("failed"), Away::Gone);
        assert!(!plugins.is_compiling_plugin("nobody"));
        // A plugin that a community enabled may be in the file whose manifest was not read yet.
        assert_eq!(plugins.away("nobody"), Away::Compiling);
        put("slow_one.wasm", Some("slow-one"), Status::Ready);
        assert_eq!(plugins.away("nobody"), Away::Gone);
    }
}
