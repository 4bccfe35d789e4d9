//! The host's own numbers, which plugins of host scope can read.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Result;
use crate::bindings::host::metrics as host;

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
pub fn metrics() -> Result<Vec<Metric>> {
    Ok(serde_json::from_str(&host::snapshot()?)?)
}
