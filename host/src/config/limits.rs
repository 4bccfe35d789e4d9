//! `[limits]`: what bounds a call, a plugin, and the host.
//!
//! The limits of a call can differ by plugin (`[plugins.<name>] limits`); those of the host size
//! the sandbox pool once, at start.

use serde::{Deserialize, Serialize};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    // --- of a call; `CallLimits` can change them for one plugin
    /// Guest memory, in bytes.
    pub memory_bytes: usize,
    /// Guest CPU time, in milliseconds, to one tick.
    pub cpu_ms: u64,
    /// Time from the guest's start to its end, waiting included, in milliseconds.
    pub wall_ms: u64,
    /// The result's JSON text, in bytes.
    pub result_bytes: usize,
    /// Headers of a plugin's HTTP response.
    pub response_headers: usize,
    /// Names and values of all of them, in bytes.
    pub response_header_bytes: usize,
    /// One state value, in bytes of its JSON text.
    pub state_value_bytes: usize,
    /// One state key, in bytes.
    pub state_key_bytes: usize,
    /// All keys and values of an instance's state, in bytes.
    pub state_bytes: u64,
    /// State writes and removals.
    pub state_writes: usize,
    /// Events emitted.
    pub events: usize,
    /// The data of one event, in bytes of its JSON text; its initiator as well.
    pub event_bytes: usize,
    /// Outbound requests.
    pub http_requests: usize,
    /// TCP sockets that a call, or a guest that lives on, has open at once.
    pub sockets_per_call: usize,
    /// Secrets that the host places in one outbound request.
    pub http_placements: usize,
    /// Changes of linked accounts.
    pub accounts: usize,
    /// A process's outcome, or its errors, in bytes of the JSON text.
    pub process_bytes: usize,
    /// Events, processes, accounts and webhooks that a plugin may have stored in a day (UTC), in bytes. Absent:
    /// a hundredth of `[store] database_bytes`, from 64 MiB to 1 GiB.
    pub stored_bytes_per_day: Option<u64>,
    /// Log lines, standard output and standard error together, in bytes.
    pub log_bytes: usize,
    /// Elements of all tables.
    pub table_elements: usize,

    // --- of what runs at once
    /// Calls in flight of one instance.
    pub calls_per_instance: u32,
    /// Calls in flight of one plugin. Not set: half of the host's.
    pub calls_per_plugin: u32,
    /// Calls in flight of the host. Not set: less where guests have little memory.
    pub calls: u32,
    /// Guests of resident plugins that live on between calls.
    pub residents: u32,
    /// Memory of all guests together, in bytes. Not set: half of the machine's, and no more than this.
    pub guest_memory_bytes: u64,
    /// Of it, what the guests of one plugin may have together, in bytes. Not set: three quarters.
    pub memory_per_plugin_bytes: u64,
    /// Of it, what guests that live on between calls may have together, in bytes; one plugin's have three
    /// quarters of that at most. Not set: half.
    pub resident_memory_bytes: u64,
    /// TCP sockets that all guests have open; one plugin's have three quarters of them at most.
    pub sockets: usize,
    /// Names that guests look up at once through `wasi:sockets`; one plugin's at most three quarters of them.
    pub lookups: usize,
    /// How long a call waits for its instance's lock, in milliseconds.
    pub lock_wait_ms: u64,
    /// Mutations of communities in flight.
    pub mutations: u32,
    /// How long a mutation of a community waits for its turn, and its lifecycle calls may take
    /// together, in milliseconds.
    pub mutation_wait_ms: u64,
    /// Sandboxes kept warm between calls.
    pub warm_slots: u32,
    /// Lines of the host's log that one plugin may cause in a second, on average; more are dropped and counted.
    pub log_lines_per_second: u32,
    /// And how many at once.
    pub log_lines_at_once: u32,

    // --- of what a guest hands over in one host call
    /// Bytes that one host call may copy out of the guest.
    pub hostcall_bytes: usize,
    /// Handles a call may hold.
    pub handles: usize,

    // --- of plugin files
    /// A plugin file, in bytes.
    pub plugin_file_bytes: u64,
    /// The manifest that `describe` answers, in bytes.
    pub manifest_bytes: usize,
    /// CPU time of `describe`, in milliseconds.
    pub describe_cpu_ms: u64,
    /// Time of `describe`, in milliseconds.
    pub describe_wall_ms: u64,
    /// Address space of the compiling process, in bytes.
    pub compile_memory_bytes: u64,
    /// CPU time of all threads of the compiling process, in milliseconds, rounded up to seconds.
    pub compile_cpu_ms: u64,
    /// Time of the compiling process, in milliseconds.
    pub compile_wall_ms: u64,
    /// The native code of one plugin, in bytes.
    pub compile_output_bytes: u64,
    /// Plugin files that are compiled at once; 0 is one for each core, as far as the machine's memory holds
    /// `compile_memory_bytes` for each.
    pub compilations: usize,
    /// Different patterns in all schemas of one manifest.
    pub manifest_patterns: usize,
    /// Memory of all patterns of one manifest, in bytes.
    pub manifest_pattern_bytes: usize,
    /// CPU time of compiling the schemas of one manifest, in milliseconds.
    pub manifest_cpu_ms: u64,

    // --- of checking what comes in and what a guest hands back
    /// What checking one input, or all that one call hands back, may take by its schemas, in milliseconds as they
    /// are calculated from the schema and the size of the value.
    pub validation_ms: u64,
    /// Values that the defaults of a schema add to one input.
    pub default_values: usize,
    /// Names and texts that they add, in bytes.
    pub default_bytes: usize,

    // --- of communities
    /// Processes of one instance that are not completed.
    pub processes_per_instance: usize,
    /// Instances of one community.
    pub instances_per_community: usize,
    /// People of one community, and as many accounts, beyond which plugins link no more.
    pub people_per_community: u64,
    /// Accounts of one community, in bytes, beyond which plugins link no more.
    pub account_bytes_per_community: u64,
    /// The stored form of one configuration and its secrets, in bytes.
    pub config_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 * MIB,
            cpu_ms: 1_000,
            wall_ms: 10_000,
            result_bytes: MIB,
            response_headers: 80,
            response_header_bytes: 64 * KIB,
            state_value_bytes: 256 * KIB,
            state_key_bytes: 512,
            state_bytes: 64 * MIB as u64,
            state_writes: 1_000,
            events: 100,
            event_bytes: 256 * KIB,
            http_requests: 32,
            sockets_per_call: 16,
            http_placements: 16,
            accounts: 100,
            process_bytes: 256 * KIB,
            stored_bytes_per_day: None,
            log_bytes: 64 * KIB,
            table_elements: 20_000,
            calls_per_instance: 64,
            calls_per_plugin: 500,
            calls: 1_000,
            residents: 100,
            guest_memory_bytes: 4 << 30,
            memory_per_plugin_bytes: 3 << 30,
            resident_memory_bytes: 2 << 30,
            sockets: 256,
            lookups: 32,
            lock_wait_ms: 5_000,
            mutations: 256,
            mutation_wait_ms: 30_000,
            warm_slots: 100,
            log_lines_per_second: 200,
            log_lines_at_once: 2_000,
            hostcall_bytes: 4 * MIB,
            handles: 1_000,
            plugin_file_bytes: 64 * MIB as u64,
            manifest_bytes: MIB,
            describe_cpu_ms: 500,
            describe_wall_ms: 5_000,
            compile_memory_bytes: 1 << 30,
            compile_cpu_ms: 240_000,
            compile_wall_ms: 120_000,
            compile_output_bytes: 512 * MIB as u64,
            compilations: 0,
            manifest_patterns: 1_000,
            manifest_pattern_bytes: 64 * MIB,
            manifest_cpu_ms: 10_000,
            validation_ms: 50,
            default_values: 20_000,
            default_bytes: MIB,
            processes_per_instance: 1_000,
            instances_per_community: 1_000,
            people_per_community: 1_000_000,
            account_bytes_per_community: 256 * MIB as u64,
            config_bytes: 256 * KIB,
        }
    }
}

/// `[plugins.<name>] limits`: what is given replaces the value of `[limits]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_value_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_writes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_requests: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_bytes_per_day: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_elements: Option<usize>,
}

/// What a plugin may have stored in a day, at least and at most, where nothing else is said.
const DAY_BYTES: std::ops::RangeInclusive<u64> = (64 << 20)..=(1 << 30);

impl Limits {
    /// What a plugin may have stored in a day.
    pub fn day_bytes(&self) -> u64 {
        self.stored_bytes_per_day.unwrap_or(*DAY_BYTES.end())
    }

    /// In proportion to the largest size of the database, unless it is said.
    pub fn set_day_bytes(&mut self, database_bytes: u64) {
        let share = (database_bytes / 100).clamp(*DAY_BYTES.start(), *DAY_BYTES.end());
        self.stored_bytes_per_day.get_or_insert(share);
    }

    /// These limits with what one plugin's configuration changes.
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

    /// The tight limits under which a new file describes itself: it may do nothing but answer.
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
