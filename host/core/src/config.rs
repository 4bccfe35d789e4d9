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
mod log;
mod ranges;
mod section;
mod urls;
mod variables;
mod webhooks;
mod wrong;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use url::Url;

use crate::events::pattern_fault;
use moothall_values::destination::{Cidr, HostPattern};

use section::{BYTES, COUNT, DAYS, MS, THREADS, TIB, section};
use urls::redirects;

pub use clock::ClockConfig;
pub use delivery::{DeliveryConfig, DriverConfig};
pub use egress::EgressConfig;
pub use http::HttpConfig;
pub use limits::{CallLimits, Limits};
pub use listen::Listen;
pub use load::{Argument, ConfigError, Sources, clock_file, load, log_filter, secret_key_variable};
pub use log::LogConfig;
pub use moothall_values::manifest::Scope;
pub use moothall_values::nearest::nearest;
pub use variables::Variable;
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
    pub log: LogConfig,
    pub metrics: MetricsConfig,
    /// Grants each plugin what its manifest asks for, but no secrets and no private addresses. For development.
    pub grant_requested: bool,
    pub oauth: OAuthConfig,
    /// What each plugin may do, by its name.
    pub plugins: BTreeMap<String, PluginConfig>,
    /// Variables that look like settings and were made by Kubernetes: ignored, and told at start.
    #[serde(skip)]
    pub service_links: Vec<String>,
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
            log: LogConfig::default(),
            metrics: MetricsConfig::default(),
            grant_requested: false,
            oauth: OAuthConfig::default(),
            plugins: BTreeMap::new(),
            service_links: Vec::new(),
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

section! {
    /// `[store]`
    pub struct StoreConfig {
        /// Writes that may wait for the writer; one more is refused with 503.
        pub queued_writes: usize = 4096, in COUNT;
        /// Writes that one transaction commits at most.
        pub batch_writes: usize = 512, in COUNT;
        /// Bytes after which a transaction takes up no more writes.
        pub batch_bytes: usize = 16 << 20, in BYTES;
        /// A write or a read that takes longer is answered 503, and the host is not ready, in milliseconds.
        pub stalled_ms: u64 = 10_000, in MS;
        /// After so long in one read, another thread takes the new connections of one that serves HTTP, in milliseconds.
        pub slow_read_ms: u64 = 250, in MS;
        /// Reads of such connections that may wait at once, each on a thread of its own; more are answered 503.
        pub waiting_reads: usize = 64, in THREADS;
        /// How often it is tried whether a store that did not write writes again, in milliseconds.
        pub retry_ms: u64 = 1_000, in MS;
        /// Rows that the purge deletes in one write.
        pub purge_rows: usize = 5_000, in COUNT;
        /// How long the writer waits for another process that writes, in milliseconds.
        pub busy_ms: u64 = 5_000, in MS;
        /// Size of the write-ahead log at which it is copied into the database, in bytes.
        pub checkpoint_bytes: u64 = 4 << 20, in 4_096..=TIB;
        /// Size of the write-ahead log beyond which it is said who keeps it from starting again, and to which its
        /// file is cut afterwards, in bytes.
        pub log_keep_bytes: u64 = 32 << 20, in 4_096..=TIB;
        /// How long a reader may keep the log from being copied before it is said who it is, in milliseconds.
        pub long_read_ms: u64 = 10_000, in MS;
        /// Without a write for so long, asking whether the host is ready makes one, in milliseconds.
        pub quiet_ms: u64 = 5_000, in MS;
        /// Largest size of the database file, in bytes; writes beyond it fail as on a full disk. Absent: what it
        /// has at start and nine tenths of what is free then on its file system.
        pub database_bytes: Option<u64> = None, in 1 << 20..=1 << 48;
        /// Page cache of each connection, in KiB.
        pub cache_kib: u32 = 16 << 10, in 1..=1 << 24;
    }
}

section! {
    /// `[directory]`
    pub struct DirectoryConfig {
        /// How long the plugin directory must be quiet before it is read, in milliseconds.
        pub settle_ms: u64 = 100, in MS;
        /// How long a file must be gone before its plugin stops, in milliseconds; an editor that
        /// deletes and writes again is not a removal.
        pub removal_ms: u64 = 2_000, in MS;
        /// How often the directory is read even without a notification, in milliseconds, for file
        /// systems that send none.
        pub rescan_ms: u64 = 10_000, in MS;
        /// Plugin files that are looked at; more are left out, with a warning.
        pub files: usize = 10_000, in COUNT;
        /// How long one plugin file, or the directory itself, is waited for until the others go on without it, in
        /// milliseconds. At start all of them together: the host listens afterwards, and is ready when each was read.
        pub read_ms: u64 = 2_000, in MS;
        /// Reads that may block at once, each on a thread.
        pub blocked_reads: usize = 64, in THREADS;
    }
}

section! {
    /// `[metrics]`
    pub struct MetricsConfig {
        /// Lines of `/metrics` for what has labels; what is beyond is counted with the label `other`.
        pub lines: usize = 20_000, in COUNT;
        /// Those of one plugin.
        pub plugin_lines: usize = 1_000, in COUNT;
    }
}

section! {
    /// `[scheduler]`
    pub struct SchedulerConfig {
        /// Ticks that may wait for something (a lock, a platform, a commit) at once.
        pub waiting_ticks: usize = 64, in COUNT;
        /// Due ticks that are taken up together, and whose advances one write stores.
        pub batch_ticks: usize = 1_024, in COUNT;
    }
}

section! {
    /// `[hooks]`
    pub struct HooksConfig {
        /// Whether the host's own hooks run.
        pub enabled: bool = true;
        /// Hooks that drivers may declare.
        pub declared: usize = 1_000, in COUNT;
        /// Steps that a hook may have beside those of plugins.
        pub steps: usize = 50, in COUNT;
    }
}

section! {
    /// `[workers]`
    pub struct WorkersConfig {
        /// Whether workers handle anything; events wait for them meanwhile, as long as they are kept.
        pub enabled: bool = true;
        /// Workers that handle events at once.
        pub concurrency: usize = 16, in COUNT;
        /// How long an event that may have ended the host is handled alone, so that it is known which one did, in
        /// milliseconds; one that takes longer lets the others go on.
        pub suspect_ms: u64 = 1_000, in MS;
    }
}

section! {
    /// `[oauth]`
    pub struct OAuthConfig {
        /// URLs of drivers that browsers may be sent back to, each with exactly that origin and path, without `*` and query. Empty:
        /// any URL of this machine (loopback), and no other.
        #[serde(deserialize_with = "redirects")]
        pub redirects: Vec<Url> = Vec::new();
        /// Anybody may begin an authorisation, also once an API key exists.
        pub open_authorize: bool = false;
        /// Authorisations that one ticket begins; the first that completes ends it.
        pub flows_per_ticket: u32 = 50, in COUNT;
        /// Authorisations that may be under way; the oldest give way to new ones.
        pub authorisations: u32 = 10_000, in COUNT;
        /// And those that one API key or one address began, whose own oldest give way first.
        pub authorisations_per_sender: u32 = 1_000, in COUNT;
        /// Largest form that a platform has posted to the callback (`response_mode=form_post`), in bytes.
        pub form_bytes: usize = 64 * 1024, in BYTES;
    }
}

section! {
    /// `[retention]`
    pub struct RetentionConfig {
        /// How long failed calls are listed, in days.
        pub call_days: u32 = 7, in DAYS;
        /// How many failed calls are listed. Where there are more, each plugin keeps its newest, and those with
        /// the most give up theirs first.
        pub calls: u32 = 10_000, in COUNT;
        /// Failed calls that may wait to be written, three quarters of them of one plugin; more are dropped and
        /// counted.
        pub queued_calls: usize = 1_000, in COUNT;
        /// Failed calls of one plugin that are listed in a second, on average; more are dropped and counted.
        pub calls_per_second: u32 = 20, in COUNT;
        /// And how many at once.
        pub calls_at_once: u32 = 500, in COUNT;
        /// How long events are kept, in days; longer while a delivery of theirs waits.
        pub event_days: u32 = 30, in DAYS;
        /// How long deliveries that were delivered or cancelled are listed, in days.
        pub delivered_days: u32 = 7, in DAYS;
        /// How long dead letters are kept, and dead deliveries can be sent again, in days.
        pub dead_days: u32 = 30, in DAYS;
    }
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
    /// The variables that settings come from, by JSON Pointer.
    #[serde(skip)]
    pub setting_variables: BTreeMap<String, Variable>,
}

/// `[plugins.<name>] grants`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
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
