//! Limits the lines of `/metrics`: a recorder that counts series beyond the limit under the label `other`.
//!
//! There may be many plugins with many actions each: without a limit, one of them could make `/metrics`
//! arbitrarily large. Sums stay right, because a series beyond the limit is added to `other`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder, SharedString, Unit,
};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::buckets::buckets;
use crate::config::MetricsConfig;

const PLUGIN: &str = "plugin";
const OTHER: &str = "other";

pub struct Bounded {
    inner: PrometheusRecorder,
    config: MetricsConfig,
    /// The series that have their own lines.
    known: papaya::HashSet<Key>,
    lines: Mutex<Lines>,
}

/// How a series is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Itself,
    /// With its plugin's name only, because the plugin has used up its lines.
    PluginOnly,
    /// Without labels, because all lines are used up.
    NoLabel,
}

/// The lines in use.
#[derive(Default)]
struct Lines {
    all: usize,
    by_plugin: HashMap<String, usize>,
    /// Whether it was logged that a limit was reached.
    has_warned: bool,
}

impl Bounded {
    pub fn new(inner: PrometheusRecorder, config: MetricsConfig) -> Self {
        Self { inner, config, known: papaya::HashSet::new(), lines: Mutex::default() }
    }

    fn shown(&self, key: &Key, lines: usize) -> Shown {
        // Series without labels are limited by the declarations.
        if key.labels().len() == 0 {
            return Shown::Itself;
        }
        let known = self.known.pin();
        if known.contains(key) {
            return Shown::Itself;
        }
        let mut given = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been first.
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
            self.warn("lines", config.lines, "every");
            return Shown::NoLabel;
        }
        if let Some(plugin) = key.labels().find(|label| label.key() == PLUGIN) {
            let of_plugin = self.by_plugin.entry(plugin.value().to_owned()).or_default();
            if *of_plugin + lines > config.plugin_lines {
                let plugin = plugin.value().to_owned();
                self.warn("plugin_lines", config.plugin_lines, &plugin);
                return Shown::PluginOnly;
            }
            *of_plugin += lines;
        }
        self.all += lines;
        Shown::Itself
    }

    fn warn(&mut self, setting: &'static str, limit: usize, plugin: &str) {
        if !std::mem::replace(&mut self.has_warned, true) {
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

    /// Several gauges have no common value, so a gauge beyond the limit is not shown.
    fn register_gauge(&self, key: &Key, by: &Metadata<'_>) -> Gauge {
        match self.shown(key, 1) {
            Shown::Itself => self.inner.register_gauge(key, by),
            Shown::PluginOnly | Shown::NoLabel => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, by: &Metadata<'_>) -> Histogram {
        // A line for each bucket, one for larger values, the sum and the count.
        let lines = buckets(key.name()).len() + 3;
        self.inner.register_histogram(&self.key(key, lines), by)
    }
}
