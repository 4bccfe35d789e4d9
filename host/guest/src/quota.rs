//! What one plugin may have of the host, whichever version of it serves: memory, lines of the log, places in
//! the list of failed calls, sockets, look-ups of names.
//!
//! The loader looks it up when it loads a plugin; a call has it in its plugin context and takes no lock for it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::memory::{MemoryGauge, PluginMemory};
use moothall_core::config::{CallsConfig, Config, Limits, RetentionConfig};
use moothall_core::fair_share::{FairShare, SharePermit};
use moothall_core::ids::PluginName;
use moothall_core::rate::Rate;
use moothall_core::telemetry::metric::{
    FAILED_CALLS_DROPPED, LOG_LINES_DROPPED, RECORDINGS_DROPPED,
};

/// The quota of one plugin.
#[derive(Debug)]
pub struct Quota {
    pub plugin: PluginName,
    pub memory: Arc<PluginMemory>,
    /// Lines of the log that its guests write, and that the host writes about its calls.
    pub log: Rate,
    /// Bytes of the lines that its guests write.
    pub log_bytes: Rate,
    /// Failed calls that are listed.
    pub failed: Rate,
    /// Calls whose recordings are kept.
    pub recorded: Rate,
}

/// The quotas of all plugins.
pub struct Quotas {
    pub memory: Arc<MemoryGauge>,
    /// Lines of the log about requests that the host failed: whoever sends them must not fill its disk.
    pub failed_requests: Rate,
    /// TCP sockets that guests have open.
    pub sockets: Places,
    /// Names that guests look up, each of which holds a thread.
    pub lookups: Places,
    by_plugin: papaya::HashMap<PluginName, Arc<Quota>>,
    limits: Limits,
    retention: RetentionConfig,
    calls: CallsConfig,
}

impl Quotas {
    pub fn new(config: &Config) -> Self {
        Self {
            memory: Arc::new(MemoryGauge::new(&config.limits)),
            failed_requests: Rate::new(
                config.log.failed_requests_per_second,
                config.log.failed_requests_at_once,
            ),
            sockets: Places::new(config.limits.sockets),
            lookups: Places::new(config.limits.lookups),
            by_plugin: papaya::HashMap::new(),
            limits: config.limits.clone(),
            retention: config.retention.clone(),
            calls: config.calls.clone(),
        }
    }

    /// The quota of a plugin: the same for all its versions.
    pub fn of(&self, plugin: &PluginName) -> Arc<Quota> {
        let all = self.by_plugin.pin();
        all.get_or_insert_with(plugin.clone(), || self.fresh(plugin)).clone()
    }

    /// A new quota, for a plugin whose name is not known yet.
    pub fn fresh(&self, plugin: &PluginName) -> Arc<Quota> {
        let (limits, retention) = (&self.limits, &self.retention);
        Arc::new(Quota {
            plugin: plugin.clone(),
            memory: Arc::new(PluginMemory::new(plugin.clone(), self.memory.clone())),
            log: Rate::new(limits.log_lines_per_second, limits.log_lines_at_once),
            log_bytes: Rate::new(limits.log_bytes_per_second, limits.log_bytes_at_once),
            failed: Rate::new(retention.calls_per_second, retention.calls_at_once),
            recorded: Rate::new(self.calls.recordings_per_second, self.calls.recordings_at_once),
        })
    }

    /// Says, in the log and in the metrics, what was dropped since this was called before.
    pub fn tell_dropped(&self) {
        let lines = self.failed_requests.refused();
        if lines > 0 {
            LOG_LINES_DROPPED.of(&[]).increment(lines);
            tracing::error!(
                lines,
                "the host failed {lines} more requests than the log has lines about (failed_requests_per_second of [log])"
            );
        }
        for quota in self.by_plugin.pin().values() {
            quota.tell_dropped();
        }
    }
}

/// A number of places that plugins share; one plugin has three quarters of them at most.
pub struct Places {
    all: Arc<Semaphore>,
    of_plugins: FairShare,
}

/// A place that is taken; dropping it gives it back.
pub struct Place {
    _of_plugin: SharePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    fn new(all: usize) -> Self {
        let all = all.min(Semaphore::MAX_PERMITS);
        Self { all: Arc::new(Semaphore::new(all)), of_plugins: FairShare::of(all) }
    }

    /// None where the plugin has as many places as one may have, or all are taken.
    pub fn take(&self, plugin: &PluginName) -> Option<Place> {
        let of_plugin = self.of_plugins.take(plugin)?;
        let of_all = self.all.clone().try_acquire_owned().ok()?;
        Some(Place { _of_plugin: of_plugin, _of_all: of_all })
    }
}

impl Quota {
    fn tell_dropped(&self) {
        let plugin = self.plugin.as_str();
        let lines = self.log.refused() + self.log_bytes.refused();
        if lines > 0 {
            LOG_LINES_DROPPED.of(&[("plugin", plugin)]).increment(lines);
            tracing::warn!(
                plugin,
                lines,
                "{lines} lines of the log were dropped: the plugin causes more than log_lines_per_second or log_bytes_per_second allows"
            );
        }
        let recordings = self.recorded.refused();
        if recordings > 0 {
            RECORDINGS_DROPPED.of(&[("plugin", plugin)]).increment(recordings);
            tracing::debug!(plugin, recordings, "recordings of calls were dropped");
        }
        let calls = self.failed.refused();
        if calls > 0 {
            FAILED_CALLS_DROPPED.of(&[("plugin", plugin)]).increment(calls);
            tracing::warn!(
                plugin,
                calls,
                "{calls} failed calls are not listed: more of the plugin fail than calls_per_second of [retention] allows"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_has_three_quarters_of_the_places_and_all_together_no_more_than_there_are() {
        let (places, of) = (Places::new(4), |name| PluginName::parse(name).unwrap());
        let mut held: Vec<_> = (0..3).filter_map(|_| places.take(&of("greedy"))).collect();
        assert_eq!(held.len(), 3);
        assert!(places.take(&of("greedy")).is_none(), "one is for others");
        held.extend(places.take(&of("modest")));
        assert_eq!(held.len(), 4);
        assert!(places.take(&of("third")).is_none(), "there are no more");
        held.clear();
        assert!(places.take(&of("greedy")).is_some(), "they are given back");
    }
}
