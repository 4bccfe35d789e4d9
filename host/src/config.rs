//! Every setting, its default and its unit.
//!
//! Read once at start and again at SIGHUP by `load`; the rest of the host gets what it needs as
//! values. The environment is read here and nowhere else.

mod clock;
mod delivery;
mod egress;
mod fit;
mod http;
mod limits;
mod listen;
mod load;
mod webhooks;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

use crate::destination::{Cidr, HostPattern};
use crate::events::pattern_fault;

pub use clock::ClockConfig;
pub use delivery::{DeliveryConfig, DriverConfig};
pub use egress::EgressConfig;
pub use http::HttpConfig;
pub use limits::{CallLimits, Limits};
pub use listen::Listen;
pub use load::{
    Argument, ConfigError, Sources, clock_file, load, log_filter, nearest, secret_key_variable,
};
pub use webhooks::WebhooksConfig;

/// The whole of `moothall.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The data directory: database, plugins, compiled code, key.
    pub data: PathBuf,
    /// Where plugin files are dropped; `<data>/plugins` if not given.
    pub plugin_directory: Option<PathBuf>,
    /// Where the HTTP API is: `HOST:PORT`, of which port 0 picks one, or `unix:/PATH`.
    pub listen: Listen,
    /// File names, without `.wasm`, that may serve. Absent: every file in the directory.
    pub active_plugins: Option<Vec<String>>,
    pub http: HttpConfig,
    pub limits: Limits,
    pub store: StoreConfig,
    pub clock: ClockConfig,
    pub directory: DirectoryConfig,
    pub retention: RetentionConfig,
    pub scheduler: SchedulerConfig,
    pub workers: WorkersConfig,
    pub hooks: HooksConfig,
    pub webhooks: WebhooksConfig,
    pub delivery: DeliveryConfig,
    pub driver: DriverConfig,
    pub egress: EgressConfig,
    pub metrics: MetricsConfig,
    /// Grants each plugin what its manifest asks for, but no secrets and no private addresses. For development.
    pub grant_requested: bool,
    pub oauth: OAuthConfig,
    /// What each plugin may do, by its name.
    pub plugins: BTreeMap<String, PluginConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: "moothall-data".into(),
            plugin_directory: None,
            listen: Listen::default(),
            active_plugins: None,
            http: HttpConfig::default(),
            limits: Limits::default(),
            store: StoreConfig::default(),
            clock: ClockConfig::default(),
            directory: DirectoryConfig::default(),
            retention: RetentionConfig::default(),
            scheduler: SchedulerConfig::default(),
            workers: WorkersConfig::default(),
            hooks: HooksConfig::default(),
            webhooks: WebhooksConfig::default(),
            delivery: DeliveryConfig::default(),
            driver: DriverConfig::default(),
            egress: EgressConfig::default(),
            metrics: MetricsConfig::default(),
            grant_requested: false,
            oauth: OAuthConfig::default(),
            plugins: BTreeMap::new(),
        }
    }
}

impl Config {
    pub fn plugin_directory(&self) -> PathBuf {
        self.plugin_directory.clone().unwrap_or_else(|| self.data.join("plugins"))
    }

    pub fn database(&self) -> PathBuf {
        self.data.join("moothall.db")
    }

    /// The limits that the sandbox pool is sized by: the largest of any plugin.
    pub fn pool_limits(&self) -> Limits {
        let mut largest = self.limits.clone();
        for limits in self.plugins.values().map(|plugin| self.limits.with(&plugin.limits)) {
            largest.memory_bytes = largest.memory_bytes.max(limits.memory_bytes);
            largest.table_elements = largest.table_elements.max(limits.table_elements);
        }
        largest
    }

    /// What the operator says about one plugin; nothing granted if nothing is said.
    pub fn plugin(&self, name: &str) -> PluginConfig {
        self.plugins.get(name).cloned().unwrap_or_default()
    }
}

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Writes that may wait for the writer; one more is refused with 503.
    pub queued_writes: usize,
    /// Writes that one transaction commits at most.
    pub batch_writes: usize,
    /// Bytes after which a transaction takes up no more writes.
    pub batch_bytes: usize,
    /// A write or a read that takes longer is answered 503, and the host is not ready, in milliseconds.
    pub stalled_ms: u64,
    /// How often it is tried whether a store that did not write writes again, in milliseconds.
    pub retry_ms: u64,
    /// Rows that the purge deletes in one write.
    pub purge_rows: usize,
    /// How long the writer waits for another process that writes, in milliseconds.
    pub busy_ms: u64,
    /// Size of the write-ahead log at which it is copied into the database, in bytes.
    pub checkpoint_bytes: u64,
    /// Size of the write-ahead log beyond which it is said who keeps it from starting again, and to which its
    /// file is cut afterwards, in bytes.
    pub log_keep_bytes: u64,
    /// How long a reader may keep the log from being copied before it is said who it is, in milliseconds.
    pub long_read_ms: u64,
    /// Without a write for so long, asking whether the host is ready makes one, in milliseconds.
    pub quiet_ms: u64,
    /// Largest size of the database file, in bytes; writes beyond it fail as on a full disk. Absent: what it
    /// has at start and nine tenths of what is free then on its file system.
    pub database_bytes: Option<u64>,
    /// Page cache of each connection, in KiB.
    pub cache_kib: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            queued_writes: 4096,
            batch_writes: 512,
            batch_bytes: 16 << 20,
            stalled_ms: 10_000,
            retry_ms: 1_000,
            purge_rows: 5_000,
            busy_ms: 5_000,
            checkpoint_bytes: 4 << 20,
            log_keep_bytes: 32 << 20,
            long_read_ms: 10_000,
            quiet_ms: 5_000,
            database_bytes: None,
            cache_kib: 16 << 10,
        }
    }
}

/// `[directory]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DirectoryConfig {
    /// How long the plugin directory must be quiet before it is read, in milliseconds.
    pub settle_ms: u64,
    /// How long a file must be gone before its plugin stops, in milliseconds; an editor that
    /// deletes and writes again is not a removal.
    pub removal_ms: u64,
    /// How often the directory is read even without a notification, in milliseconds, for file
    /// systems that send none.
    pub rescan_ms: u64,
    /// Plugin files that are looked at; more are left out, with a warning.
    pub files: usize,
}

impl Default for DirectoryConfig {
    fn default() -> Self {
        Self { settle_ms: 100, removal_ms: 2_000, rescan_ms: 10_000, files: 10_000 }
    }
}

/// `[metrics]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Lines of `/metrics` for what has labels; what is beyond is counted with the label `other`.
    pub lines: usize,
    /// Those of one plugin.
    pub plugin_lines: usize,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { lines: 20_000, plugin_lines: 1_000 }
    }
}

/// `[scheduler]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchedulerConfig {
    /// Ticks that may wait for something (a lock, a platform, a commit) at once.
    pub waiting_ticks: usize,
    /// Due ticks that are taken up together, and whose advances one write stores.
    pub batch_ticks: usize,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self { waiting_ticks: 64, batch_ticks: 1_024 }
    }
}

/// `[hooks]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HooksConfig {
    /// Whether the host's own hooks run.
    pub enabled: bool,
    /// Hooks that drivers may declare.
    pub declared: usize,
    /// Steps that a hook may have beside those of plugins.
    pub steps: usize,
}

impl Default for HooksConfig {
    fn default() -> Self {
        Self { enabled: true, declared: 1_000, steps: 50 }
    }
}

/// `[workers]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkersConfig {
    /// Whether workers handle anything; events wait for them meanwhile, as long as they are kept.
    pub enabled: bool,
    /// Workers that handle events at once.
    pub concurrency: usize,
}

impl Default for WorkersConfig {
    fn default() -> Self {
        Self { enabled: true, concurrency: 16 }
    }
}

/// `[oauth]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OAuthConfig {
    /// URLs of drivers that browsers may be sent back to, each with exactly that origin and path. Empty:
    /// any URL of this machine (loopback), and no other.
    pub redirects: Vec<String>,
    /// Anybody may begin an authorisation, also once an API key exists.
    pub open_authorize: bool,
}

/// `[retention]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// How long failed calls are listed, in days.
    pub call_days: u32,
    /// How many failed calls are listed. Where there are more, each plugin keeps its newest, and those with
    /// the most give up theirs first.
    pub calls: u32,
    /// Failed calls that may wait to be written, three quarters of them of one plugin; more are dropped and
    /// counted.
    pub queued_calls: usize,
    /// Failed calls of one plugin that are listed in a second, on average; more are dropped and counted.
    pub calls_per_second: u32,
    /// And how many at once.
    pub calls_at_once: u32,
    /// How long events are kept, in days; longer while a delivery of theirs waits.
    pub event_days: u32,
    /// How long deliveries that were delivered or cancelled are listed, in days.
    pub delivered_days: u32,
    /// How long dead letters are kept, and dead deliveries can be sent again, in days.
    pub dead_days: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            call_days: 7,
            calls: 10_000,
            queued_calls: 1_000,
            calls_per_second: 20,
            calls_at_once: 500,
            event_days: 30,
            delivered_days: 7,
            dead_days: 30,
        }
    }
}

/// What a plugin has instances for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// An instance for each community that enables the plugin.
    #[default]
    Community,
    /// One instance for the whole host.
    Host,
}

/// `[plugins.<name>]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginConfig {
    /// The operator's settings, checked by the manifest's `settings_schema`.
    pub settings: serde_json::Map<String, serde_json::Value>,
    pub grants: GrantConfig,
    /// `host`: a plugin of host scope may be one.
    pub scope: Scope,
    /// How often a tick comes, in place of what the manifest says: `producer`, or a process's name, to an
    /// interval (`30s`, `5m`) or a cron expression in UTC.
    pub every: BTreeMap<String, String>,
    /// Limits of this plugin's calls where they differ from `[limits]`.
    pub limits: CallLimits,
}

/// `[plugins.<name>] grants`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrantConfig {
    /// Secrets the guest may see: JSON Pointers into the config, or `settings:<name>`.
    pub reveal: Vec<String>,
    /// Hosts it may talk to: `example.com`, `*.example.com`, `*`, `config:/pointer`.
    pub http: Vec<HostPattern>,
    /// Addresses that are not public and that it may reach all the same, under a granted host.
    pub cidr: Vec<Cidr>,
    /// `host:port` of TCP connections through `wasi:sockets`, private addresses included.
    pub tcp: Vec<String>,
    /// Hooks that it did not declare itself and that it may be a step of: `action.requested`, or a whole name.
    pub hooks: Vec<String>,
    /// Events beside its own that its workers may hear, as patterns: `other-plugin:*`, `*`, `api.change`.
    #[serde(deserialize_with = "event_patterns")]
    pub events: Vec<String>,
    /// Platforms beside its own whose accounts it may see and change; `*`: all.
    pub accounts: Vec<String>,
}

fn event_patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let patterns = Vec::<String>::deserialize(deserializer)?;
    let wrong = patterns.iter().find_map(|one| Some((one, pattern_fault(one)?)));
    wrong.map_or(Ok(()), |(pattern, fault)| {
        Err(serde::de::Error::custom(format!("`{pattern}` is no pattern of events: {fault}")))
    })?;
    Ok(patterns)
}
