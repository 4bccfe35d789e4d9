//! Every metric of the host, declared once: name, unit, and the sentence that `/metrics` shows as its help.
//!
//! A series appears with the first thing that it counts: its handle is looked up when something happens (and
//! kept where that is often), never in advance. Other modules may not use the macros of `metrics`, so that
//! every metric has its help.

use std::marker::PhantomData;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, Unit};

/// The metadata that `metrics` requires; nothing is filtered by it.
const COUNTED_BY: Metadata<'static> = Metadata::new("moothall", Level::INFO, None);

/// A metric of kind `K`, as declared below.
pub struct Metric<K> {
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    /// The names of the labels that its series may have.
    labels: &'static [&'static str],
    kind: PhantomData<fn() -> K>,
}

/// A metric as it is declared, for the reference of metrics.
pub(super) struct Declared {
    pub kind: &'static str,
    pub name: &'static str,
    pub unit: &'static str,
    pub help: &'static str,
    pub labels: &'static [&'static str],
}

/// The labels of a series: plugins, outcomes; never a text that a client may choose freely.
type Labels<'a> = &'a [(&'static str, &'a str)];

/// `NAME: Kind("name_of_it", "unit", ["label"]);`, with its help as the comment above it.
macro_rules! metrics {
    ($($(#[doc = $help:literal])+
    $metric:ident: $kind:ident($name:literal, $unit:literal $(, [$($label:literal),+])?);)+) => {
        $(
            $(#[doc = $help])+
            pub static $metric: Metric<$kind> = Metric {
                name: $name,
                unit: $unit,
                help: concat!($($help),+),
                labels: &[$($($label),+)?],
                kind: PhantomData,
            };
        )+

        pub(super) fn all() -> Vec<Declared> {
            vec![$(Declared {
                kind: stringify!($kind),
                name: $metric.name,
                unit: $metric.unit,
                help: $metric.help,
                labels: $metric.labels,
            }),+]
        }

        /// Describes every metric to the recorder.
        pub(super) fn describe_all(recorder: &dyn Recorder) {
            $($metric.describe(recorder);)+
        }
    };
}

metrics! {
    /// Calls of plugins that ended: ok, refused by the plugin's own error, failed.
    CALLS: Counter("moothall_calls_total", "calls", ["plugin", "origin", "name", "outcome"]);
    /// Time of calls that ended, from the guest's start to the commit.
    CALL_SECONDS: Histogram("moothall_call_seconds", "seconds", ["plugin", "origin", "name"]);
    /// Calls in flight.
    CALLS_IN_FLIGHT: Gauge("moothall_calls_in_flight", "calls");
    /// Failed calls that are not listed, because their plugin had too many or the store failed.
    FAILED_CALLS_DROPPED: Counter("moothall_failed_calls_dropped_total", "calls", ["plugin"]);
    /// Calls whose recordings were dropped, because their plugin had too many or the store failed.
    RECORDINGS_DROPPED: Counter("moothall_recordings_dropped_total", "calls", ["plugin"]);
    /// Communities.
    COMMUNITIES: Gauge("moothall_communities", "communities");
    /// Plugins that serve.
    PLUGINS: Gauge("moothall_plugins", "plugins");
    /// Plugin files that wait to be compiled or are being compiled.
    PLUGINS_COMPILING: Gauge("moothall_plugins_compiling", "files");
    /// Memory of all guests together.
    GUEST_MEMORY: Gauge("moothall_guest_memory_bytes", "bytes");
    /// Refused growths of guests' memory, by the limit: of all guests, of the plugin's, or of resident ones.
    GUEST_MEMORY_REFUSED: Counter("moothall_guest_memory_refused_total", "growths", ["plugin", "limit"]);
    /// Events, processes, accounts and webhooks that a plugin could not store, because it had used up its bytes
    /// of the day.
    DAY_BUDGET_REFUSED: Counter("moothall_day_budget_refused_total", "refusals", ["plugin"]);
    /// Lines of the log that were dropped, because the plugin caused more than it may.
    LOG_LINES_DROPPED: Counter("moothall_log_lines_dropped_total", "lines", ["plugin"]);
    /// Lines of the log that were lost, because they were not read quickly enough.
    LOG_LINES_LOST: Counter("moothall_log_lines_lost_total", "lines");
    /// HTTP responses by status.
    HTTP_REQUESTS: Counter("moothall_http_requests_total", "responses", ["status"]);
    /// Connections that the host closed: their client read nothing, or its address had too many.
    HTTP_CONNECTIONS_CUT: Counter("moothall_http_connections_cut_total", "connections", ["reason"]);
    /// Large request bodies refused because too many were in flight.
    HTTP_BODIES_REFUSED: Counter("moothall_http_bodies_refused_total", "bodies");
    /// Webhooks refused because of their signature.
    WEBHOOKS_REJECTED: Counter("moothall_webhooks_rejected_total", "requests", ["plugin"]);
    /// Attempts of deliveries, and deliveries that ended without an attempt, by outcome.
    DELIVERIES: Counter("moothall_deliveries_total", "deliveries", ["outcome"]);
    /// Parts of webhooks that wait: one for the receiver, and one for each process that it may concern.
    WEBHOOKS_WAITING: Gauge("moothall_webhook_items_waiting", "items");
    /// Parts of webhooks that failed for good. They can be tried again.
    WEBHOOKS_DEAD: Gauge("moothall_webhook_items_dead", "items");
    /// Age of the oldest webhook of which something waits.
    WEBHOOK_OLDEST: Gauge("moothall_webhook_oldest_seconds", "seconds");
    /// How late the tick is that has been due for longest.
    SCHEDULE_OVERDUE: Gauge("moothall_schedule_overdue_seconds", "seconds");
    /// Deliveries that wait.
    DELIVERIES_WAITING: Gauge("moothall_deliveries_waiting", "deliveries");
    /// Age of the oldest delivery that waits.
    DELIVERY_OLDEST: Gauge("moothall_delivery_oldest_seconds", "seconds");
    /// Endpoints whose circuit is open: they get one delivery at a time, because nobody answered.
    CIRCUITS_OPEN: Gauge("moothall_delivery_circuits_open", "endpoints");
    /// How far a worker is behind the event log.
    WORKER_LAG: Gauge("moothall_worker_lag_seconds", "seconds", ["plugin", "worker"]);
    /// Monitoring points that were dropped because their plugin was too slow.
    MONITORING_DROPPED: Counter("moothall_monitoring_dropped_total", "points", ["plugin"]);
    /// Values of state that calls have read, by where they were: in memory or in the store.
    STATE_READS: Counter("moothall_state_reads_total", "values", ["from"]);
    /// Values of state in memory.
    STATE_CACHE: Gauge("moothall_state_cache_bytes", "bytes");
    /// Transactions that the writer committed.
    STORE_COMMITS: Counter("moothall_store_commits_total", "commits");
    /// Writes that one transaction committed.
    STORE_BATCH_WRITES: Histogram("moothall_store_batch_writes", "writes");
    /// Writes that wait for the writer.
    STORE_QUEUED_WRITES: Gauge("moothall_store_queued_writes", "writes");
    /// Age of the oldest write that the writer has not finished.
    STORE_OLDEST_WRITE: Gauge("moothall_store_oldest_write_seconds", "seconds");
    /// Stored rows that could not be read and were left out, each counted once.
    STORE_UNREADABLE_ROWS: Counter("moothall_store_unreadable_rows_total", "rows", ["table"]);
    /// Size of the write-ahead log.
    STORE_LOG: Gauge("moothall_store_log_bytes", "bytes");
    /// Size of the database, without free pages.
    STORE_BYTES: Gauge("moothall_store_bytes", "bytes");
    /// How much of a limit is in use: 1 is all of it, and what comes beyond it is refused or waits.
    LIMIT_USED: Gauge("moothall_limit_used_ratio", "parts of one", ["limit"]);
    /// Always 1; its labels say which version this is, and of which schema its database.
    BUILD: Gauge("moothall_build_info", "builds", ["version", "schema"]);
    /// Resident memory of the process.
    PROCESS_MEMORY: Gauge("process_resident_memory_bytes", "bytes");
    /// Files and sockets that the process has open.
    PROCESS_FILES: Gauge("process_open_fds", "descriptors");
    /// As many files and sockets may it open.
    PROCESS_MOST_FILES: Gauge("process_max_fds", "descriptors");
    /// When the process started, since 1970.
    PROCESS_STARTED: Gauge("process_start_time_seconds", "seconds");
    /// Time since the write-ahead log was last copied nearly whole into the database.
    STORE_CHECKPOINT_AGE: Gauge("moothall_store_checkpoint_age_seconds", "seconds");
}

impl<K> Metric<K> {
    fn key(&self, labels: Labels<'_>) -> Key {
        let is_declared = |(name, _): &(&str, &str)| self.labels.contains(name);
        debug_assert!(
            labels.iter().all(is_declared),
            "{} has a label that is not declared",
            self.name
        );
        let labels: Vec<Label> =
            labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
        Key::from_parts(self.name, labels)
    }

    fn text(&self) -> (KeyName, Option<Unit>, String) {
        let help = format!("{} Unit: {}.", self.help.trim(), self.unit);
        (KeyName::from_const_str(self.name), None, help)
    }
}

impl Metric<Counter> {
    /// The counter with these labels, which appears from now on.
    pub fn of(&self, labels: Labels<'_>) -> Counter {
        metrics::with_recorder(|one| one.register_counter(&self.key(labels), &COUNTED_BY))
    }

    fn describe(&self, recorder: &dyn Recorder) {
        let (name, unit, help) = self.text();
        recorder.describe_counter(name, unit, help.into());
    }
}

impl Metric<Gauge> {
    /// The gauge with these labels, which appears from now on.
    pub fn of(&self, labels: Labels<'_>) -> Gauge {
        metrics::with_recorder(|one| one.register_gauge(&self.key(labels), &COUNTED_BY))
    }

    pub fn set(&self, labels: Labels<'_>, value: f64) {
        self.of(labels).set(value);
    }

    fn describe(&self, recorder: &dyn Recorder) {
        let (name, unit, help) = self.text();
        recorder.describe_gauge(name, unit, help.into());
    }
}

impl Metric<Histogram> {
    /// The histogram with these labels, which appears with its first sample.
    pub fn of(&self, labels: Labels<'_>) -> Histogram {
        metrics::with_recorder(|one| one.register_histogram(&self.key(labels), &COUNTED_BY))
    }

    fn describe(&self, recorder: &dyn Recorder) {
        let (name, unit, help) = self.text();
        recorder.describe_histogram(name, unit, help.into());
    }
}
