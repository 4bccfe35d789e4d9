//! The host's own numbers, which plugins of host scope can read.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::bindings::host::metrics as host;
use crate::{Result, read};

/// One of the host's metrics.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Metric {
    /// Its name in `/metrics`.
    pub name: String,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// The host's own metrics, for plugins of host scope. `forbidden`: the plugin does not have host scope.
///
/// ```
/// use moothall_sdk::metrics;
/// use moothall_sdk::prelude::*;
/// # use moothall_sdk::testing::Host;
///
/// struct Gauge;
///
/// #[plugin(name = "gauge", scope = "host")]
/// impl Gauge {
///     #[action(slug = "calls")]
///     fn calls(&self) -> Result<f64> {
///         let calls = metrics()?.into_iter().filter(|metric| metric.name == "calls");
///         Ok(calls.map(|metric| metric.value).sum())
///     }
/// }
///
/// # let numbers = json!([{ "name": "calls", "labels": { "plugin": "a" }, "value": 3.0 }]);
/// # assert_eq!(Host::new(Gauge).metrics(numbers).action("calls", json!({})), Ok(json!(3.0)));
/// ```
pub fn metrics() -> Result<Vec<Metric>> {
    read::of_host(host::snapshot()?)
}
