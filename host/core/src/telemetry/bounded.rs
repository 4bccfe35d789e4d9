//! How many lines `/metrics` has: a recorder that puts what is beyond a bound under the label `other`.
//!
//! Plugins are many, and each may have many actions: without a bound, one of them could make every look at the metrics as
//! large as it likes. Sums stay right, because what has no series of its own is counted in the one of the others.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder, SharedString, Unit,
};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::buckets;
use crate::config::MetricsConfig;

const PLUGIN: &str = "plugin";
const OTHER: &str = "other";

pub struct Bounded {
    inner: PrometheusRecorder,
    config: MetricsConfig,
    /// Series that have lines of their own.
    known: papaya::HashSet<Key>,
    lines: Mutex<Lines>,
}

/// What is shown of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Itself,
    /// Its plugin only: the plugin has as many lines as one may have.
    PluginOnly,
    /// Nothing: there are as many lines as there may be.
    NoLabel,
}

/// Lines that are given away.
#[derive(Default)]
struct Lines {
    all: usize,
    by_plugin: HashMap<String, usize>,
    /// Whether the log has it that a bound was reached.
    told: bool,
}

impl Bounded {
    pub fn new(inner: PrometheusRecorder, config: MetricsConfig) -> Self {
        Self { inner, config, known: papaya::HashSet::new(), lines: Mutex::default() }
    }

    fn shown(&self, key: &Key, lines: usize) -> Shown {
        // Those without labels are as many as are declared.
        if key.labels().len() == 0 {
            return Shown::Itself;
        }
        let known = self.known.pin();
        if known.contains(key) {
            return Shown::Itself;
        }
        let mut given = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been first.
        if known.contains(key) {
            return Shown::Itself;
        }
        let shown = given.give(key, lines, &self.config);
        if shown == Shown::Itself {
            known.insert(key.clone());
        }
        shown
    }

    /// The key under which a counter or histogram is kept.
    fn key<'a>(&self, key: &'a Key, lines: usize) -> Cow<'a, Key> {
        let keeps = match self.shown(key, lines) {
            Shown::Itself => return Cow::Borrowed(key),
            Shown::PluginOnly => PLUGIN,
            Shown::NoLabel => "",
        };
        let label = |label: &Label| match label.key() == keeps {
            true => label.clone(),
            false => Label::new(label.key().to_owned(), OTHER),
        };
        let labels: Vec<Label> = key.labels().map(label).collect();
        Cow::Owned(Key::from_parts(key.name_shared(), labels))
    }
}

impl Lines {
    fn give(&mut self, key: &Key, lines: usize, config: &MetricsConfig) -> Shown {
        if self.all + lines > config.lines {
            self.tell("lines", config.lines, "every");
            return Shown::NoLabel;
        }
        if let Some(plugin) = key.labels().find(|label| label.key() == PLUGIN) {
            let of_plugin = self.by_plugin.entry(plugin.value().to_owned()).or_default();
            if *of_plugin + lines > config.plugin_lines {
                let plugin = plugin.value().to_owned();
                self.tell("plugin_lines", config.plugin_lines, &plugin);
                return Shown::PluginOnly;
            }
            *of_plugin += lines;
        }
        self.all += lines;
        Shown::Itself
    }

    fn tell(&mut self, setting: &'static str, limit: usize, plugin: &str) {
        if !std::mem::replace(&mut self.told, true) {
            tracing::warn!(
                plugin,
                "/metrics has as many lines as `[metrics] {setting}` allows ({limit}); what is new is counted with the label `other`"
            );
        }
    }
}

impl Recorder for Bounded {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.inner.describe_counter(name, unit, help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.inner.describe_gauge(name, unit, help);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.inner.describe_histogram(name, unit, help);
    }

    fn register_counter(&self, key: &Key, by: &Metadata<'_>) -> Counter {
        self.inner.register_counter(&self.key(key, 1), by)
    }

    /// What several share has no one value: a gauge beyond the bound is not shown.
    fn register_gauge(&self, key: &Key, by: &Metadata<'_>) -> Gauge {
        match self.shown(key, 1) {
            Shown::Itself => self.inner.register_gauge(key, by),
            Shown::PluginOnly | Shown::NoLabel => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, by: &Metadata<'_>) -> Histogram {
        // A line for each bucket, one for what is above, the sum and the count.
        let lines = buckets(key.name()).len() + 3;
        self.inner.register_histogram(&self.key(key, lines), by)
    }
}
