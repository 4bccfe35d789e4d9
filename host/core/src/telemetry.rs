//! Logs and metrics: their outputs. `serve` sets them up once.

mod bounded;
mod buckets;
mod log;
pub mod metric;
mod reference;

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::{Map, Value, json};

pub use log::{Log, LogFormat, Lost};
pub use reference::reference;

use bounded::Bounded;
use buckets::{SECONDS, WRITES};

use crate::config::MetricsConfig;

/// How often samples are added to their histograms, so that they do not accumulate.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// The metrics for guests.
#[derive(Clone)]
pub struct Numbers(pub PrometheusHandle);

impl Numbers {
    /// A JSON array of `{name, labels, value}`.
    pub fn snapshot(&self) -> String {
        let text = self.0.render();
        Value::Array(text.lines().filter_map(number).collect()).to_string()
    }
}

/// One line of the exposition format: `name{label="value",…} number`.
fn number(line: &str) -> Option<Value> {
    let (series, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let mut rest = labels.strip_suffix('}')?;
    let mut found = Map::new();
    while let Some((label, after)) = rest.split_once("=\"") {
        let (text, after) = quoted(after)?;
        found.insert(label.trim_start_matches(',').to_owned(), text.into());
        rest = after;
    }
    Some(json!({ "name": name, "labels": found, "value": value.parse::<f64>().ok()? }))
}

/// A quoted value, and the text after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

/// Installs the recorder; the returned value renders the metrics.
pub fn count(config: &MetricsConfig) -> anyhow::Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_writes".into()), WRITES)?
        .build_recorder();
    let handle = recorder.handle();
    metric::describe_all(&recorder);
    metrics::set_global_recorder(Bounded::new(recorder, config.clone()))
        .map_err(|_| anyhow::anyhow!("something else counts in this process already"))?;
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_number() {
        let line = r#"a_total{plugin="x",name="say \"hi\", {you}"} 3"#;
        let expected = json!({
            "name": "a_total", "labels": { "plugin": "x", "name": "say \"hi\", {you}" }, "value": 3.0
        });
        assert_eq!(number(line), Some(expected));
        assert_eq!(number("b 1.5"), Some(json!({ "name": "b", "labels": {}, "value": 1.5 })));
        assert_eq!(number("# TYPE b counter"), None);
        assert_eq!(number(""), None);
    }
}
