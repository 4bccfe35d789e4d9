//! The monitoring points that the host gives to plugins.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::Moment;

/// A measurement of one request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Point {
    /// `requests` for each request; for a failed request also a point `errors`.
    pub series: String,
    /// When the request came in.
    pub time: Moment,
    /// `service`, `account_id`, `route`, `status_code`, `error_code`
    #[serde(default)]
    pub tags: BTreeMap<String, Value>,
    /// `request_id`, `execution_time` in seconds.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
}
