//! `[limits]`: limits of a call, of a plugin, and of the host.
//!
//! The limits of a call can differ by plugin (`[plugins.<name>] limits`); the host sizes its sandbox pool once,
//! at start.

use moothall_values::bounds;
use moothall_values::schema::SchemaLimits;
use serde::Serialize;

use super::section::{BYTES, COUNT, MS, TIB, section};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

section! {
    /// `[limits]`
    #[derive(PartialEq)]
    pub struct Limits {
        // --- of a call; `CallLimits` can change them for one plugin
        /// Guest memory, in bytes.
        pub memory_bytes: usize = 64 * MIB, in 65_536..=4 << 30;
        /// Guest CPU time, in milliseconds, exact to one tick.
        pub cpu_ms: u64 = 1_000, in MS;
        /// Time from the guest's start to its end, including waiting, in milliseconds.
        pub wall_ms: u64 = 10_000, in MS;
        /// The result's JSON text, in bytes.
        pub result_bytes: usize = bounds::RESULT_BYTES, in BYTES;
        /// Headers of a plugin's HTTP response.
        pub response_headers: usize = bounds::RESPONSE_HEADERS, in 1..=10_000;
        /// Names and values of all of them, in bytes.
        pub response_header_bytes: usize = bounds::RESPONSE_HEADER_BYTES, in BYTES;
        /// One state value, in bytes of its JSON text.
        pub state_value_bytes: usize = bounds::STATE_VALUE_BYTES, in BYTES;
        /// One state key, in bytes.
        pub state_key_bytes: usize = bounds::STATE_KEY_BYTES, in BYTES;
        /// All keys and values of an instance's state, in bytes.
        pub state_bytes: u64 = 64 * MIB as u64, in BYTES;
        /// State writes and removals.
        pub state_writes: usize = bounds::STATE_WRITES, in COUNT;
        /// Events emitted.
        pub events: usize = bounds::EVENTS, in COUNT;
        /// The data of one event, in bytes of its JSON text; its initiator as well.
        pub event_bytes: usize = bounds::EVENT_BYTES, in BYTES;
        /// Outbound requests.
        pub http_requests: usize = bounds::HTTP_REQUESTS, in COUNT;
        /// TCP sockets that a call, or a resident guest, has open at once.
        pub sockets_per_call: usize = 16, in COUNT;
        /// Secrets that the host places in one outbound request.
        pub http_placements: usize = bounds::HTTP_PLACEMENTS, in COUNT;
        /// Changes of linked accounts.
        pub accounts: usize = bounds::ACCOUNTS, in COUNT;
        /// A process's outcome, or its errors, in bytes of the JSON text.
        pub process_bytes: usize = bounds::PROCESS_BYTES, in BYTES;
        /// Events, processes, accounts and webhooks that a plugin may store in a day (UTC), in bytes. Absent: a
        /// hundredth of `[store] database_bytes`, from 64 MiB to 1 GiB.
        pub stored_bytes_per_day: Option<u64> = None, in BYTES;
        /// Published events and answers remembered for an `Idempotency-Key` that one API key may store in a day
        /// (UTC), in bytes. Absent: a tenth of `[store] database_bytes`, from 64 MiB to 16 GiB.
        pub driver_bytes_per_day: Option<u64> = None, in BYTES;
        /// Log lines, standard output and standard error together, in bytes.
        pub log_bytes: usize = 64 * KIB, in BYTES;
        /// Elements of all tables.
        pub table_elements: usize = 20_000, in COUNT;

        // --- of what runs at once
        /// Calls in flight of one instance.
        pub calls_per_instance: u32 = 64, in COUNT;
        /// Calls in flight of one plugin. Not set: half of the host's.
        pub calls_per_plugin: u32 = 500, in COUNT;
        /// Calls in flight of the host. Not set: less where guests have little memory.
        pub calls: u32 = 1_000, in COUNT;
        /// Resident guests.
        pub residents: u32 = 100, in COUNT;
        /// Memory of all guests together, in bytes. Not set: half of the machine's, and no more than this.
        pub guest_memory_bytes: u64 = 4 << 30, in BYTES;
        /// The part of it that the guests of one plugin may have together, in bytes. Not set: three quarters.
        pub memory_per_plugin_bytes: u64 = 3 << 30, in BYTES;
        /// The part of it that resident guests may have together, in bytes; one plugin's may have three
        /// quarters of that. Not set: half.
        pub resident_memory_bytes: u64 = 2 << 30, in BYTES;
        /// Open TCP sockets of all guests; one plugin may have three quarters of them.
        pub sockets: usize = 256, in COUNT;
        /// Names that guests look up at once through `wasi:sockets`; one plugin may have three quarters of
        /// them.
        pub lookups: usize = 32, in COUNT;
        /// How long a call waits for its instance's lock, in milliseconds.
        pub lock_wait_ms: u64 = 5_000, in MS;
        /// Writes of one instance on which its next calls may run before they are stored; then a call waits until they
        /// are. 0: each call waits until the write before it is stored.
        pub unstored_writes: usize = 1_000, in 0..=1_000_000_000;
        /// The keys and values of these writes, in bytes.
        pub unstored_bytes: usize = 256 * KIB, in BYTES;
        /// Mutations of communities in flight.
        pub mutations: u32 = 256, in COUNT;
        /// How long a mutation of a community waits for the mutation lock, and its lifecycle calls may take
        /// together, in milliseconds.
        pub mutation_wait_ms: u64 = 30_000, in MS;
        /// Core instances of one component. With the next two, it sizes the pool at start: a Rust component has
        /// 3, a Python one 14.
        pub core_instances_per_component: u32 = 16, in 1..=1_000;
        /// Memories of one component: a QuickJS component has 2.
        pub memories_per_component: u32 = 2, in 1..=1_000;
        /// Tables of one component.
        pub tables_per_component: u32 = 8, in 1..=1_000;
        /// Sandboxes kept warm between calls; 0: none.
        pub warm_slots: u32 = 100, in 0..=1_000_000;
        /// Lines of the host's log that one plugin may cause per second, on average; more are dropped and
        /// counted.
        pub log_lines_per_second: u32 = 200, in COUNT;
        /// And how many at once.
        pub log_lines_at_once: u32 = 2_000, in COUNT;
        /// Bytes of the host's log, as they are written, that one plugin may cause per second, on average.
        pub log_bytes_per_second: u32 = 64 << 10, in 1..=1_000_000_000;
        /// And how many at once.
        pub log_bytes_at_once: u32 = 1 << 20, in 1..=1_000_000_000;

        // --- of what a guest hands over in one host call
        /// Bytes that one host call may copy out of the guest.
        pub hostcall_bytes: usize = 4 * MIB, in BYTES;
        /// Handles a call may hold.
        pub handles: usize = 1_000, in COUNT;

        // --- of plugin files
        /// A plugin file, in bytes.
        pub plugin_file_bytes: u64 = 64 * MIB as u64, in BYTES;
        /// The manifest, in bytes.
        pub manifest_bytes: usize = MIB, in BYTES;
        /// CPU time of `describe`, in milliseconds.
        pub describe_cpu_ms: u64 = 500, in MS;
        /// Time of `describe`, in milliseconds.
        pub describe_wall_ms: u64 = 5_000, in MS;
        /// Address space of the compiling process, in bytes.
        pub compile_memory_bytes: u64 = 1 << 30, in 1 << 20..=TIB;
        /// CPU time of all threads of the compiling process, in milliseconds, rounded up to seconds.
        pub compile_cpu_ms: u64 = 240_000, in MS;
        /// Time of the compiling process, in milliseconds.
        pub compile_wall_ms: u64 = 120_000, in MS;
        /// The native code of one plugin, in bytes.
        pub compile_output_bytes: u64 = 512 * MIB as u64, in BYTES;
        /// Native code of files that are gone, and of replaced versions, that is kept on disk for when they
        /// come back, in bytes; beyond it, the longest unused is removed. 0: none is kept.
        pub unused_code_bytes: u64 = 512 * MIB as u64, in 0..=TIB;
        /// Plugin files that are compiled at once; 0 is one for each core, if the machine's memory has
        /// `compile_memory_bytes` for each.
        pub compilations: usize = 0, in 0..=1_024;
        /// Different patterns in all schemas of one manifest.
        pub manifest_patterns: usize = SchemaLimits::DEFAULT.manifest_patterns, in COUNT;
        /// Memory of all patterns of one manifest, in bytes.
        pub manifest_pattern_bytes: usize = SchemaLimits::DEFAULT.manifest_pattern_bytes, in BYTES;
        /// CPU time of compiling the schemas of one manifest, in milliseconds.
        pub manifest_cpu_ms: u64 = SchemaLimits::DEFAULT.manifest_cpu_ms, in MS;

        // --- of checking what comes in and what a guest hands back
        /// The time of checking one input, or everything that one call returns, in milliseconds, calculated
        /// from the schema and the size of the value.
        pub validation_ms: u64 = SchemaLimits::DEFAULT.validation_ms, in MS;
        /// Values that a schema's defaults add to one input.
        pub default_values: usize = SchemaLimits::DEFAULT.default_values, in COUNT;
        /// The names and texts of these defaults, in bytes.
        pub default_bytes: usize = SchemaLimits::DEFAULT.default_bytes, in BYTES;

        // --- of communities
        /// Pending processes of one instance.
        pub processes_per_instance: usize = 1_000, in COUNT;
        /// Instances of one community.
        pub instances_per_community: usize = 1_000, in COUNT;
        /// People of one community, and as many accounts; beyond it plugins can link no more.
        pub people_per_community: u64 = 1_000_000, in 1..=1_000_000_000;
        /// Accounts of one community, in bytes; beyond it plugins can link no more.
        pub account_bytes_per_community: u64 = 256 * MIB as u64, in BYTES;
        /// The stored form of one configuration and its secrets, in bytes.
        pub config_bytes: usize = 256 * KIB, in BYTES;
    }
}

section! {
    /// `[plugins.<name>] limits`: each value replaces the one of `[limits]`.
    #[derive(PartialEq, Serialize)]
    pub struct CallLimits {
        #[serde(skip_serializing_if = "Option::is_none")]
        pub memory_bytes: Option<usize> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub cpu_ms: Option<u64> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub wall_ms: Option<u64> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub result_bytes: Option<usize> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub state_value_bytes: Option<usize> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub state_bytes: Option<u64> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub state_writes: Option<usize> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub events: Option<usize> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub http_requests: Option<usize> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub accounts: Option<usize> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub stored_bytes_per_day: Option<u64> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub log_bytes: Option<usize> = None;
        #[serde(skip_serializing_if = "Option::is_none")]
        pub table_elements: Option<usize> = None;
    }
}

/// The least and the largest default of what a plugin may store in a day.
const DAY_BYTES: std::ops::RangeInclusive<u64> = (64 << 20)..=(1 << 30);

/// The least and the largest default of what a driver may store in a day.
const DRIVER_DAY_BYTES: std::ops::RangeInclusive<u64> = (64 << 20)..=(16 << 30);

impl Limits {
    /// The limits of schemas.
    pub fn of_schemas(&self) -> SchemaLimits {
        SchemaLimits {
            manifest_patterns: self.manifest_patterns,
            manifest_pattern_bytes: self.manifest_pattern_bytes,
            manifest_cpu_ms: self.manifest_cpu_ms,
            validation_ms: self.validation_ms,
            default_values: self.default_values,
            default_bytes: self.default_bytes,
        }
    }

    /// What a plugin may store in a day.
    pub fn day_bytes(&self) -> u64 {
        self.stored_bytes_per_day.unwrap_or(*DAY_BYTES.end())
    }

    /// What a driver may store in a day.
    pub fn driver_day_bytes(&self) -> u64 {
        self.driver_bytes_per_day.unwrap_or(*DRIVER_DAY_BYTES.end())
    }

    /// By default in proportion to the largest size of the database.
    pub fn set_day_bytes(&mut self, database_bytes: u64) {
        let of_driver = database_bytes / 10;
        let of_driver = of_driver.clamp(*DRIVER_DAY_BYTES.start(), *DRIVER_DAY_BYTES.end());
        self.driver_bytes_per_day.get_or_insert(of_driver);
        let share = (database_bytes / 100).clamp(*DAY_BYTES.start(), *DAY_BYTES.end());
        self.stored_bytes_per_day.get_or_insert(share);
    }

    /// These limits with the changes of one plugin's configuration.
    pub fn with(&self, change: &CallLimits) -> Self {
        let mut limits = self.clone();
        limits.memory_bytes = change.memory_bytes.unwrap_or(limits.memory_bytes);
        limits.cpu_ms = change.cpu_ms.unwrap_or(limits.cpu_ms);
        limits.wall_ms = change.wall_ms.unwrap_or(limits.wall_ms);
        limits.result_bytes = change.result_bytes.unwrap_or(limits.result_bytes);
        limits.state_value_bytes = change.state_value_bytes.unwrap_or(limits.state_value_bytes);
        limits.state_bytes = change.state_bytes.unwrap_or(limits.state_bytes);
        limits.state_writes = change.state_writes.unwrap_or(limits.state_writes);
        limits.events = change.events.unwrap_or(limits.events);
        limits.http_requests = change.http_requests.unwrap_or(limits.http_requests);
        limits.accounts = change.accounts.unwrap_or(limits.accounts);
        limits.stored_bytes_per_day = change.stored_bytes_per_day.or(limits.stored_bytes_per_day);
        limits.log_bytes = change.log_bytes.unwrap_or(limits.log_bytes);
        limits.table_elements = change.table_elements.unwrap_or(limits.table_elements);
        limits
    }

    /// The strict limits of `describe`, which may do nothing but return the manifest.
    pub fn of_describe(&self) -> Self {
        Self {
            cpu_ms: self.describe_cpu_ms,
            wall_ms: self.describe_wall_ms,
            result_bytes: self.manifest_bytes,
            log_bytes: 4 * KIB,
            ..self.clone()
        }
    }
}
