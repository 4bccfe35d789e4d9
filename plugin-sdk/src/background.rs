//! What is handed to plugins without a driver's request: events, monitoring points, requests to their own
//! routes, the host's numbers.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::host::metrics as host;
use crate::{Error, Result, WebhookRequest};

/// An event as a worker gets it.
#[derive(Debug, Clone, Deserialize)]
pub struct Envelope {
    /// `evt_` and a ULID: the same however often it is handled.
    pub id: String,
    /// `<source>.<event_type>`
    #[serde(rename = "type", default)]
    pub full_type: String,
    /// The community's slug at that time; empty: of no community.
    #[serde(default)]
    pub community: String,
    /// A plugin, `driver`, or `api`.
    #[serde(default)]
    pub source: String,
    /// Its type within the source.
    pub event_type: String,
    /// RFC 3339.
    #[serde(default)]
    pub time: String,
    /// What orders it within its community.
    #[serde(default)]
    pub key: String,
    /// Rises by one within the key.
    #[serde(default)]
    pub seq: i64,
    /// Its place in the log.
    #[serde(default)]
    pub position: i64,
    /// What happened.
    pub data: Value,
    /// Who brought it about.
    #[serde(default)]
    pub initiator: Value,
    /// `{kind, instance, request_id}`
    #[serde(default)]
    pub origin: Value,
}

impl Envelope {
    /// The event's data. An error of the kind `permanent`: it does not fit, and never will.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.data).map_err(|error| {
            Error::permanent(format!("the data of event {} does not fit: {error}", self.id))
        })
    }
}

/// The data of `api.change`: a successful request that changed something.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Change {
    /// The name of the API key.
    pub author: Option<String>,
    /// `POST`, `PUT`, `PATCH`, `DELETE`
    pub method: String,
    /// As it was requested.
    pub url: String,
    /// The URL's path.
    pub path: String,
    /// What stood after `?`.
    pub query_string: Option<String>,
    /// The answer's status.
    pub status: Option<u16>,
    /// What was changed: `community`, `story`, …
    pub resource: Option<String>,
    /// Which one.
    pub resource_id: Option<String>,
    /// What of it.
    pub sub_resource: Option<String>,
    /// Which one.
    pub sub_resource_id: Option<String>,
    /// As it was; null if it is new.
    pub resource_before: Value,
    /// As it is; null if it is gone.
    pub resource_after: Value,
    /// The request's id.
    pub request_id: Option<String>,
}

/// The data of `sending_event`: what one successful call emitted.
#[derive(Debug, Clone, Deserialize)]
pub struct Sending {
    /// The events, each as in an [`Envelope`], without its place in the log.
    pub events: Vec<Value>,
    /// `<plugin>.<slug>`
    pub handler_id: String,
    /// The community's slug.
    pub account_id: String,
    /// The request's id.
    pub request_id: String,
    /// When the call began, RFC 3339.
    pub event_create_time: String,
    /// When it was committed, RFC 3339.
    pub event_end_time: String,
}

/// What the host measured of one request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Point {
    /// `requests` for each request, `errors` for each that failed as well.
    pub series: String,
    /// When the request came in, RFC 3339.
    pub time: String,
    /// `service`, `account_id`, `route`, `status_code`, `error_code`
    #[serde(default)]
    pub tags: BTreeMap<String, Value>,
    /// `request_id`, `execution_time` in seconds.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
}

/// A request to one of the plugin's own routes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteRequest {
    /// What was sent.
    pub request: WebhookRequest,
    /// What stands for the path's `{names}`, decoded.
    pub captures: Vec<(String, String)>,
}

impl RouteRequest {
    /// What stands for `{name}` in the route's path.
    pub fn capture(&self, name: &str) -> Option<&str> {
        self.captures.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl Deref for RouteRequest {
    type Target = WebhookRequest;

    fn deref(&self) -> &WebhookRequest {
        &self.request
    }
}

/// One of the host's numbers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Metric {
    /// As `/metrics` has it.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// What was counted or measured.
    pub value: f64,
}

/// The host's own numbers, for plugins of host scope. `forbidden`: the plugin is not one.
pub fn metrics() -> Result<Vec<Metric>> {
    Ok(serde_json::from_str(&host::snapshot()?)?)
}
