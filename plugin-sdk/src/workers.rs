//! The events that the host gives to workers.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Result};

/// An event, as a worker gets it.
#[derive(Debug, Clone, Deserialize)]
pub struct Envelope {
    /// `evt_` and a ULID. It is the same at every attempt.
    pub id: String,
    /// `<source>.<event_type>`
    #[serde(rename = "type", default)]
    pub full_type: String,
    /// The community's slug when the event was stored; empty if it belongs to no community.
    #[serde(default)]
    pub community: String,
    /// The name of a plugin, `driver`, or `api`.
    #[serde(default)]
    pub source: String,
    /// Its type within the source.
    pub event_type: String,
    /// RFC 3339.
    #[serde(default)]
    pub time: String,
    /// Events with the same key are in order.
    #[serde(default)]
    pub key: String,
    /// Increases by one for each event with the same key.
    #[serde(default)]
    pub seq: i64,
    /// Its place in the log.
    #[serde(default)]
    pub position: i64,
    /// The event's own data.
    pub data: Value,
    /// Who caused it.
    #[serde(default)]
    pub initiator: Value,
    /// `{kind, instance, request_id}`: what brought it about (`action`, `webhook`, `tick`, …; `published` by
    /// a driver; `api`), the id of the instance that emitted it or null, and the request's id.
    #[serde(default)]
    pub origin: Value,
}

impl Envelope {
    /// The event's data as a type. If it does not fit, an error of the kind `permanent`, because another
    /// attempt would not help.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.data).map_err(|error| {
            Error::permanent(format!("the data of event {} does not fit: {error}", self.id))
        })
    }
}

/// The data of `api.change`: a successful request that changed something, or a change of its own that a driver
/// published.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Change {
    /// The name of the API key that was used, or the author that a driver gave for its own change.
    pub author: Option<String>,
    /// `POST`, `PUT`, `PATCH`, `DELETE`
    pub method: String,
    /// The URL of the request.
    pub url: String,
    /// The URL's path.
    pub path: String,
    /// The part of the URL after `?`.
    pub query_string: Option<String>,
    /// The answer's status.
    pub status: Option<u16>,
    /// The kind of resource that was changed: `community`, `endpoint`, …, or a driver's own kind.
    pub resource: Option<String>,
    /// Which one.
    pub resource_id: Option<String>,
    /// The part of it that was changed.
    pub sub_resource: Option<String>,
    /// Which one.
    pub sub_resource_id: Option<String>,
    /// The resource before the change; null if it is new.
    pub resource_before: Value,
    /// The resource after the change; null if it was deleted.
    pub resource_after: Value,
    /// The request's id.
    pub request_id: Option<String>,
}

/// The data of `sending_event`: the events that one successful call emitted. If their data is more than 256 KiB,
/// they come in several `sending_event`s. Calls of workers cause none.
#[derive(Debug, Clone, Deserialize)]
pub struct Sending {
    /// The events, each with `id`, `type`, `community`, `source`, `event_type`, `time`, `data` and `initiator` as
    /// in an [`Envelope`].
    pub events: Vec<Value>,
    /// `<plugin>.<name>`, with the slug of the action, the name of the process or the function that was called.
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
