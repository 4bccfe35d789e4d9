//! Where recorded calls are repeated: a plugin file, loaded as a host loads it, under the recorded limits and settings.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::app::Examiner;
use crate::cli::plugin::progress::Progress;
use crate::cli::plugin::refusals;
use moothall_core::config::{Config, Limits, PluginConfig, Record, log_filter};
use moothall_core::telemetry::{Log, LogFormat};
use moothall_engine::calls::Repeated;
use moothall_engine::plugins::Plugin;
use moothall_values::recording::Recording;

/// How many times the recorded time a repetition may take: machines differ.
const PATIENCE: u64 = 10;
/// The longest time of a limit, in milliseconds.
const LONGEST_MS: u64 = 10 * 60 * 1000;
/// What stands for a secret of the operator's settings.
const SECRET: &str = "[not recorded]";

pub struct Stage {
    examiner: Examiner,
    plugin: Arc<Plugin>,
    /// SHA-256 of the file, in hex.
    pub digest: String,
    _log: Log,
}

impl Stage {
    /// Loads the file for calls like this one.
    pub fn new(file: &Path, recording: &Recording) -> anyhow::Result<Self> {
        let config = config(recording);
        let filter = log_filter();
        let filter = filter.as_deref().unwrap_or("error");
        let log = Log::to_stderr(&config.log, LogFormat::Text, Some(filter));
        let examiner = Examiner::new(config)?;
        let examined = {
            let _progress = Progress::of(&format!("compiling {}", file.display()));
            examiner.examine(file)?
        };
        let Ok(loaded) = &examined.outcome else { return Err(refusals::of_examined(&examined)) };
        let plugin = loaded.plugin.clone();
        if plugin.name.as_str() != recording.call.plugin {
            anyhow::bail!(
                "{} is the plugin `{}`, and the call is one of `{}`",
                file.display(),
                plugin.name,
                recording.call.plugin
            );
        }
        Ok(Self { examiner, plugin, digest: examined.digest, _log: log })
    }

    /// Repeats a call; the reason why not, if that cannot be done.
    pub fn repeat(&self, recording: &Arc<Recording>) -> Result<Repeated, String> {
        self.examiner.repeat(&self.plugin, recording)
    }
}

/// Of a host that runs this one call as the recorded one did.
fn config(recording: &Recording) -> Config {
    let mut config = Config::default();
    let limits = &recording.limits;
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    // A call that was stopped for its time has to be stopped again; others only need enough.
    let is_timeout = recording.failure.as_ref().is_some_and(|one| one.code == "plugin_timeout");
    let patience = if is_timeout { 1 } else { PATIENCE };
    let time = |ms: u64| ms.max(1).saturating_mul(patience).min(LONGEST_MS);
    config.limits = Limits {
        cpu_ms: time(limits.cpu_ms),
        wall_ms: time(limits.wall_ms),
        memory_bytes: bytes(limits.memory_bytes),
        result_bytes: bytes(limits.result_bytes),
        ..config.limits
    };
    config.calls.record = Record::Off;
    let settings = serde_json::from_str(&recording.context.settings).unwrap_or_default();
    let plugin = PluginConfig { settings: filled(settings), ..PluginConfig::default() };
    config.plugins.insert(recording.call.plugin.clone(), plugin);
    config
}

/// The settings with something in the place of each secret.
fn filled(settings: Map<String, Value>) -> Map<String, Value> {
    let fill = |(name, value): (String, Value)| {
        let is_secret = value.get("$secret").is_some();
        (name, if is_secret { SECRET.into() } else { value })
    };
    settings.into_iter().map(fill).collect()
}
