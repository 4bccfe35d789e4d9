//! Where recorded calls are repeated: a plugin file, loaded as a host loads it, under the recorded limits and settings.

use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
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
/// The least memory of a guest, in bytes: a page.
const LEAST_MEMORY_BYTES: usize = 64 << 10;
/// What stands for a secret of the operator's settings.
const SECRET: &str = "[not recorded]";

/// A plugin file, loaded for each kind of calls: those that ran under the same limits and settings.
pub struct Stage {
    examiner: Examiner,
    loaded: Vec<LoadedFor>,
    /// SHA-256 of the file, in hex.
    pub digest: String,
    _log: Log,
}

/// What came of loading the file for a kind of calls.
struct LoadedFor {
    /// One of them.
    call: Arc<Recording>,
    /// Or why the file would not serve there.
    plugin: Result<Arc<Plugin>, String>,
}

impl Stage {
    /// Loads the file for these calls, all of one plugin. It has to serve as the first of them needs it.
    pub fn new(file: &Path, recordings: &[Arc<Recording>]) -> anyhow::Result<Self> {
        let kinds = kinds(recordings);
        let Some(first) = kinds.first() else { bail!("there is no call to repeat") };
        let config_of_examiner = roomiest(&kinds);
        let filter = log_filter();
        let filter = filter.as_deref().unwrap_or("error");
        let log = Log::to_stderr(&config_of_examiner.log, LogFormat::Text, Some(filter));
        let examiner = Examiner::new(config_of_examiner)?;
        let _progress = Progress::of(&format!("compiling {}", file.display()));
        let examined = examiner.examine_under(file, &config(first))?;
        let Ok(of_first) = &examined.outcome else { return Err(refusals::of_examined(&examined)) };
        require_plugin(file, &of_first.plugin, first)?;
        let mut loaded =
            vec![LoadedFor { call: first.clone(), plugin: Ok(of_first.plugin.clone()) }];
        for kind in kinds.iter().skip(1) {
            let examined = examiner.examine_under(file, &config(kind))?;
            let plugin = match &examined.outcome {
                Ok(loaded) => Ok(loaded.plugin.clone()),
                Err(_) => Err(refusals::of_examined(&examined).to_string()),
            };
            loaded.push(LoadedFor { call: kind.clone(), plugin });
        }
        Ok(Self { examiner, loaded, digest: examined.digest, _log: log })
    }

    /// Repeats one of the calls; the reason why not, if that cannot be done.
    pub fn repeat(&self, recording: &Arc<Recording>) -> Result<Repeated, String> {
        let of_kind = self.loaded.iter().find(|one| are_of_one_kind(&one.call, recording));
        let loaded = of_kind.ok_or("the file was not loaded for such calls")?;
        self.examiner.repeat(loaded.plugin.as_ref().map_err(String::clone)?, recording)
    }
}

fn require_plugin(file: &Path, plugin: &Plugin, recording: &Recording) -> anyhow::Result<()> {
    if plugin.name.as_str() != recording.call.plugin {
        bail!(
            "{} is the plugin `{}`, and the call is one of `{}`",
            file.display(),
            plugin.name,
            recording.call.plugin
        );
    }
    Ok(())
}

/// One call of each kind, in their order.
fn kinds(recordings: &[Arc<Recording>]) -> Vec<Arc<Recording>> {
    let mut kinds: Vec<Arc<Recording>> = Vec::new();
    for recording in recordings {
        if !kinds.iter().any(|kind| are_of_one_kind(kind, recording)) {
            kinds.push(recording.clone());
        }
    }
    kinds
}

/// Whether a file is loaded in the same way for both.
fn are_of_one_kind(one: &Recording, other: &Recording) -> bool {
    one.limits == other.limits
        && is_timeout(one) == is_timeout(other)
        && one.context.settings == other.context.settings
}

fn is_timeout(recording: &Recording) -> bool {
    recording.failure.as_ref().is_some_and(|one| one.code == "plugin_timeout")
}

/// The configuration of an examiner in which calls of each kind have their memory.
fn roomiest(kinds: &[Arc<Recording>]) -> Config {
    let configs = kinds.iter().map(|kind| config(kind));
    configs.max_by_key(|config| config.limits.memory_bytes).unwrap_or_default()
}

/// Of a host that runs this one call as the recorded one did.
fn config(recording: &Recording) -> Config {
    let mut config = Config::default();
    let limits = &recording.limits;
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    // A host with larger limits has recorded it, or somebody has changed the file.
    let all_memory = bytes(config.limits.guest_memory_bytes);
    // A call that was stopped for its time has to be stopped again; others only need enough.
    let patience = if is_timeout(recording) { 1 } else { PATIENCE };
    let time = |ms: u64| ms.max(1).saturating_mul(patience).min(LONGEST_MS);
    config.limits = Limits {
        cpu_ms: time(limits.cpu_ms),
        wall_ms: time(limits.wall_ms),
        memory_bytes: bytes(limits.memory_bytes).clamp(LEAST_MEMORY_BYTES, all_memory),
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

#[cfg(test)]
mod tests {
    use moothall_values::recording::RecordedLimits;
    use serde_json::json;

    use super::*;

    fn recording(memory_bytes: u64, settings: &str, code: Option<&str>) -> Arc<Recording> {
        let limits =
            RecordedLimits { cpu_ms: 1_000, wall_ms: 10_000, memory_bytes, result_bytes: 9 };
        let text = json!({
            "format": 1,
            "call": {
                "id": "call_1", "request_id": "r", "plugin": "p", "version": "1", "digest": "d",
                "name": "n", "started_at": "2026-01-01T00:00:00Z"
            },
            "context": {
                "community": "acme", "community_name": "", "instance": 1, "community_platform_id": null,
                "origin": "action", "config": "{}", "settings": settings
            },
            "limits": limits, "input": null, "imports": [],
            "readings": { "wall_ns": [], "monotonic_ns": [], "random": "", "insecure": "", "seed": "0" },
            "returned": { "output": "1" }, "failure": code.map(|code| json!({ "code": code, "detail": "" })),
            "cpu_us": 1, "not_replayable": null
        });
        Arc::new(Recording::parse(&text.to_string()).expect("it is a recording"))
    }

    #[test]
    fn each_call_is_repeated_under_its_own_limits_and_settings() {
        let calls = [
            recording(2 << 20, "{}", None),
            recording(2 << 20, "{}", Some("internal")),
            recording(2 << 20, "{}", Some("plugin_timeout")),
            recording(8 << 20, "{}", None),
            recording(2 << 20, r#"{"a":1}"#, None),
        ];
        let kinds = kinds(&calls);
        let expected = [&calls[0], &calls[2], &calls[3], &calls[4]];
        assert_eq!(kinds.iter().collect::<Vec<_>>(), expected);
        assert_eq!(roomiest(&kinds).limits.memory_bytes, 8 << 20);
        let [patient, exact] = [&calls[0], &calls[2]].map(|call| config(call).limits.cpu_ms);
        assert_eq!((patient, exact), (10_000, 1_000));
    }

    #[test]
    fn a_recorded_limit_of_memory_is_none_that_no_machine_has() {
        let memory = |bytes: u64| config(&recording(bytes, "{}", None)).limits.memory_bytes;
        assert_eq!(memory(u64::MAX), 4 << 30);
        assert_eq!((memory(1 << 20), memory(0)), (1 << 20, 64 << 10));
    }
}
