//! Every setting, its default and its unit.
//!
//! `load` reads them at start and again at SIGHUP; the rest of the host gets what it needs as values. Only this
//! module reads the environment.

mod calls;
mod clock;
mod delivery;
mod effective;
mod egress;
mod fit;
mod http;
mod limits;
mod listen;
mod load;
mod log;
mod plugins;
mod ranges;
mod reference;
mod section;
mod setting_type;
mod urls;
mod variables;
mod webhooks;
mod wrong;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use crate::state_cache::StateCache;
use section::{BYTES, COUNT, DAYS, MS, THREADS, TIB, section};
use urls::redirects;

pub use calls::{CallsConfig, Record};
pub use clock::ClockConfig;
pub use delivery::{DeliveryConfig, DriverConfig};
pub use effective::{Effective, SettingFrom, effective};
pub use egress::EgressConfig;
pub use http::HttpConfig;
pub use limits::{CallLimits, Limits};
pub use listen::Listen;
pub use load::{Argument, ConfigError, Sources, clock_file, load, log_filter, secret_key_variable};
pub use log::LogConfig;
pub use moothall_values::manifest::Scope;
pub use moothall_values::nearest::nearest;
pub use plugins::{GrantConfig, PluginConfig};
pub use reference::reference;
pub use variables::{Variable, settings_in_environment};
pub use webhooks::WebhooksConfig;

section! {
    /// The whole of `moothall.toml`.
    pub struct Config {
        /// The data directory: database, plugins, compiled code, key.
        pub data: PathBuf = "moothall-data".into();
        /// The plugin directory. Absent: `plugins` in the data directory.
        pub plugin_directory: Option<PathBuf> = None;
        /// Where the HTTP API listens: `HOST:PORT` (port 0 picks a free one), or `unix:/PATH`.
        pub listen: Listen = Listen::default();
        /// The file names, without `.wasm`, of plugins that may serve. Absent: every file in the directory.
        pub active_plugins: Option<Vec<String>> = None;
        /// Grants each plugin what its manifest asks for, except secrets, TCP and private addresses. For development.
        pub grant_requested: bool = false;
        /// Limits on clients, and where the host listens for them.
        pub http: HttpConfig = HttpConfig::default();
        /// Limits of a call, of a plugin, and of the host.
        pub limits: Limits = Limits::default();
        /// Which calls are recorded, and how much of that is kept.
        pub calls: CallsConfig = CallsConfig::default();
        /// The database, and the thread that writes it.
        pub store: StoreConfig = StoreConfig::default();
        /// How far the host trusts the system's clock after it was set.
        pub clock: ClockConfig = ClockConfig::default();
        /// How the plugin directory is read.
        pub directory: DirectoryConfig = DirectoryConfig::default();
        /// How long things are kept, and how many.
        pub retention: RetentionConfig = RetentionConfig::default();
        /// Ticks of producers, processes and schedules.
        pub scheduler: SchedulerConfig = SchedulerConfig::default();
        /// Plugins' consumers of events.
        pub workers: WorkersConfig = WorkersConfig::default();
        /// Hooks and their steps.
        pub hooks: HooksConfig = HooksConfig::default();
        /// Webhooks of platforms.
        pub webhooks: WebhooksConfig = WebhooksConfig::default();
        /// Events on their way to endpoints.
        pub delivery: DeliveryConfig = DeliveryConfig::default();
        /// The driver that the operator names.
        pub driver: DriverConfig = DriverConfig::default();
        /// Outbound HTTP, and which addresses it may reach besides public ones.
        pub egress: EgressConfig = EgressConfig::default();
        /// The log on standard error.
        pub log: LogConfig = LogConfig::default();
        /// What `/metrics` shows.
        pub metrics: MetricsConfig = MetricsConfig::default();
        /// Authorisation on plugins' platforms.
        pub oauth: OAuthConfig = OAuthConfig::default();
        /// What each plugin may do, by its name.
        pub plugins: BTreeMap<String, PluginConfig> = BTreeMap::new();
    }
    besides {
        /// Variables that look like settings but come from Kubernetes: ignored, with a warning at start.
        pub service_links: Vec<String> = Vec::new();
    }
}

impl Config {
    pub fn plugin_directory(&self) -> PathBuf {
        self.plugin_directory.clone().unwrap_or_else(|| self.data.join("plugins"))
    }

    pub fn database(&self) -> PathBuf {
        self.data.join("moothall.db")
    }

    /// The limits for the size of the sandbox pool: the largest of any plugin.
    pub fn pool_limits(&self) -> Limits {
        let mut largest = self.limits.clone();
        for limits in self.plugins.values().map(|plugin| self.limits.with(&plugin.limits)) {
            largest.memory_bytes = largest.memory_bytes.max(limits.memory_bytes);
            largest.table_elements = largest.table_elements.max(limits.table_elements);
        }
        largest
    }

    /// The operator's configuration of one plugin; by default it grants nothing.
    pub fn plugin(&self, name: &str) -> PluginConfig {
        self.plugins.get(name).cloned().unwrap_or_default()
    }
}

section! {
    /// `[store]`
    pub struct StoreConfig {
        /// The most writes that may wait for the writer; one more is refused with 503.
        pub queued_writes: usize = 4096, in COUNT;
        /// The most writes in one transaction.
        pub batch_writes: usize = 512, in COUNT;
        /// Bytes after which a transaction takes no more writes.
        pub batch_bytes: usize = 16 << 20, in BYTES;
        /// The time after which a transaction begins no further write and commits, in milliseconds: a write
        /// waits no longer than this for those that share its transaction.
        pub batch_ms: u64 = 20, in MS;
        /// After this time, a write or a read is answered 503, and the host is not ready, in milliseconds.
        pub stalled_ms: u64 = 10_000, in MS;
        /// If a thread that serves HTTP is in one read for this long, another thread takes its new connections,
        /// in milliseconds.
        pub slow_read_ms: u64 = 250, in MS;
        /// The most reads of such connections that may wait, each on a thread of its own; more are answered
        /// 503.
        pub waiting_reads: usize = 64, in THREADS;
        /// How often the host tries a store again that did not write, in milliseconds.
        pub retry_ms: u64 = 1_000, in MS;
        /// The most rows that the purge deletes in one write.
        pub purge_rows: usize = 5_000, in COUNT;
        /// How long the writer waits for another process that writes, in milliseconds.
        pub busy_ms: u64 = 5_000, in MS;
        /// The size of the write-ahead log at which it is copied into the database, in bytes.
        pub checkpoint_bytes: u64 = 4 << 20, in 4_096..=TIB;
        /// The size of the write-ahead log at which the host logs who keeps it from starting again, and to
        /// which it shortens the file afterwards, in bytes.
        pub log_keep_bytes: u64 = 32 << 20, in 4_096..=TIB;
        /// How long a reader may keep the write-ahead log from being copied before the host logs who it is, in
        /// milliseconds.
        pub long_read_ms: u64 = 10_000, in MS;
        /// Whether the host copies a database of an older schema, as `moothall.db.schema-<number>`, before it brings it to
        /// its own.
        pub copy_before_upgrade: bool = true;
        /// If there was no write for this long, a request to `/readyz` makes one, in milliseconds.
        pub quiet_ms: u64 = 5_000, in MS;
        /// The largest size of the database file, in bytes; writes beyond it fail as on a full disk. Absent:
        /// its size at start plus nine tenths of the free space on its file system.
        pub database_bytes: Option<u64> = None, in 1 << 20..=1 << 48;
        /// Page cache of each connection, in KiB.
        pub cache_kib: u32 = 16 << 10, in 1..=1 << 24;
        /// Values of state that calls have read lately and that stay in memory, in bytes, of all instances
        /// together. 0: none. Not set: a 32nd of the machine's memory, and no more than this.
        pub state_cache_bytes: usize = 64 << 20, in 0..=TIB;
        /// And of one instance.
        pub state_cache_instance_bytes: usize = 1 << 20, in BYTES;
    }
}

impl StoreConfig {
    /// A cache of these sizes.
    pub fn state_cache(&self) -> Arc<StateCache> {
        StateCache::new(self.state_cache_bytes, self.state_cache_instance_bytes)
    }
}

section! {
    /// `[directory]`
    pub struct DirectoryConfig {
        /// How long the plugin directory must be unchanged before it is read, in milliseconds.
        pub settle_ms: u64 = 100, in MS;
        /// How long a file must be gone before its plugin stops, in milliseconds: an editor may delete a file
        /// and write it again.
        pub removal_ms: u64 = 2_000, in MS;
        /// How often the directory is read without a notification, in milliseconds, for file systems that send
        /// none.
        pub rescan_ms: u64 = 10_000, in MS;
        /// The most plugin files; more are left out, with a warning.
        pub files: usize = 10_000, in COUNT;
        /// How long the host waits for one plugin file, or for the directory, before it goes on without it, in
        /// milliseconds. At start it waits this long for all files together; it listens afterwards, and is
        /// ready when it has read each.
        pub read_ms: u64 = 2_000, in MS;
        /// The most reads that may be blocked, each on a thread.
        pub blocked_reads: usize = 64, in THREADS;
    }
}

section! {
    /// `[metrics]`
    pub struct MetricsConfig {
        /// The most lines of `/metrics` with labels; further series are counted under the label `other`.
        pub lines: usize = 20_000, in COUNT;
        /// The most of these lines for one plugin.
        pub plugin_lines: usize = 1_000, in COUNT;
    }
}

section! {
    /// `[scheduler]`
    pub struct SchedulerConfig {
        /// The most ticks that may wait for something (a lock, a platform, a commit).
        pub waiting_ticks: usize = 64, in COUNT;
        /// The most due ticks that run together, so that one write stores their advances.
        pub batch_ticks: usize = 1_024, in COUNT;
    }
}

section! {
    /// `[hooks]`
    pub struct HooksConfig {
        /// Whether the host's own hooks run.
        pub enabled: bool = true;
        /// The most hooks that drivers may declare.
        pub declared: usize = 1_000, in COUNT;
        /// The most steps of a hook, besides plugins' filters.
        pub steps: usize = 50, in COUNT;
    }
}

section! {
    /// `[workers]`
    pub struct WorkersConfig {
        /// Whether workers handle events; otherwise events wait for them, as long as they are kept.
        pub enabled: bool = true;
        /// The most workers that handle events at once.
        pub concurrency: usize = 16, in COUNT;
        /// How long an event that may have crashed the host is handled alone, to find out which one did, in
        /// milliseconds. If it takes longer, others are handled beside it.
        pub suspect_ms: u64 = 1_000, in MS;
    }
}

section! {
    /// `[oauth]`
    pub struct OAuthConfig {
        /// URLs of drivers to which browsers may be sent back, compared by origin and path, without `*` and
        /// query. Empty: any URL of this machine (loopback), and no other.
        #[serde(deserialize_with = "redirects")]
        pub redirects: Vec<Url> = Vec::new();
        /// Whether anybody may begin an authorisation, also once an API key exists.
        pub open_authorize: bool = false;
        /// The most authorisations that one ticket begins; the first that completes uses it up.
        pub flows_per_ticket: u32 = 50, in COUNT;
        /// The most authorisations in progress; beyond it the oldest end.
        pub authorisations: u32 = 10_000, in COUNT;
        /// The most of them that one API key or one address began; beyond it its own oldest end.
        pub authorisations_per_sender: u32 = 1_000, in COUNT;
        /// The largest form that a platform may post to the callback (`response_mode=form_post`), in bytes.
        pub form_bytes: usize = 64 * 1024, in BYTES;
    }
}

section! {
    /// `[retention]`
    pub struct RetentionConfig {
        /// How long failed calls are listed, in days.
        pub call_days: u32 = 7, in DAYS;
        /// The most failed calls that are listed. Beyond it, the oldest of the plugin with the most are removed
        /// first.
        pub calls: u32 = 10_000, in COUNT;
        /// The most failed calls that may wait to be written, three quarters of them of one plugin; more are
        /// dropped and counted.
        pub queued_calls: usize = 1_000, in COUNT;
        /// The most failed calls of one plugin that are listed per second, on average; more are dropped and
        /// counted.
        pub calls_per_second: u32 = 20, in COUNT;
        /// The most of them at once.
        pub calls_at_once: u32 = 500, in COUNT;
        /// How long events are kept, in days; longer while one of their deliveries waits.
        pub event_days: u32 = 30, in DAYS;
        /// How long delivered and cancelled deliveries are listed, in days.
        pub delivered_days: u32 = 7, in DAYS;
        /// How long dead letters are kept, and dead deliveries can be sent again, in days.
        pub dead_days: u32 = 30, in DAYS;
    }
}
