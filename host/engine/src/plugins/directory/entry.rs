//! What is known of one plugin file, and what serves from it.

use std::sync::{Arc, Weak};
use std::time::Instant;

use super::stamp::FileStamp;
use crate::plugins::load::Loaded;
use crate::plugins::{FileReport, LoadError, Plugin, Plugins, Status};
use moothall_core::config::PluginConfig;
use moothall_core::ids::PluginName;

/// What is known of one file.
#[derive(Default)]
pub struct Entry {
    pub stamp: Option<FileStamp>,
    pub serving: Option<Arc<Plugin>>,
    /// The configuration under which it was loaded.
    pub config: PluginConfig,
    pub gone_since: Option<Instant>,
    /// Why it was refused, as it was logged.
    pub refused: Option<String>,
    /// The name that it would serve under, if another file did not have it.
    pub waits_for: Option<PluginName>,
}

/// Makes a loaded version serve. Returns the file's report, and the version that it replaced.
pub fn swap(
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
    let (version, compile_ms) = (&plugin.manifest.version, loaded.compile_ms);
    tracing::info!(file, plugin = %plugin.name, version, compile_ms, "plugin serves");
    let mut report = FileReport::new(file, Status::Ready).serving(Some(&plugin));
    report.warnings = loaded.warnings;
    (report, before.as_ref().map(Arc::downgrade))
}

/// Reports a file that was refused; its earlier version goes on serving.
pub fn failed(entry: &mut Entry, file: &str, errors: Vec<LoadError>) -> FileReport {
    let reasons = errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ");
    let still = entry.serving.as_ref().map(|plugin| plugin.manifest.version.as_str());
    if entry.refused.as_ref() != Some(&reasons) || entry.stamp.is_some() {
        tracing::warn!(file, still_serving = still, "plugin file refused: {reasons}");
    }
    let mut report = FileReport::new(file, Status::Failed).serving(entry.serving.as_deref());
    report.errors = errors;
    entry.refused = Some(reasons);
    report
}

/// Stops what serves from a file, and returns it.
pub fn stop(plugins: &Plugins, entry: &mut Entry) -> Option<Weak<Plugin>> {
    let plugin = entry.serving.take()?;
    plugins.change_serving(|serving| drop(serving.remove(&plugin.name)));
    Some(Arc::downgrade(&plugin))
}
