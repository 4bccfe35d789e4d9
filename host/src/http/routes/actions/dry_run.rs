//! The answer of a dry run: the call's response, and what the call would have done. Nothing of it is stored.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::http::api::Api;
use crate::http::problem::Problem;
use moothall_engine::calls::Collected;
use moothall_store::NewEvent;

/// What an action would answer and do.
#[derive(Serialize, JsonSchema)]
pub struct DryRun {
    #[schemars(with = "Value")]
    response: Option<Box<RawValue>>,
    effects: DryEffects,
}

#[derive(Serialize, JsonSchema)]
struct DryEffects {
    /// The value that would be stored under each key; null: removed.
    #[schemars(with = "Map<String, Value>")]
    state: BTreeMap<String, Option<Box<RawValue>>>,
    events: Vec<DryEvent>,
    /// An action changes no process.
    #[schemars(with = "Vec<Value>")]
    processes: [(); 0],
    deliveries: Vec<DryDelivery>,
    http: Vec<DryRequest>,
    /// Ids of the steps of the hook before the action that were not asked, because that needs a request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_asked: Vec<String>,
}

/// An event that would have been emitted.
#[derive(Serialize, JsonSchema)]
struct DryEvent {
    source: String,
    event_type: String,
    #[schemars(with = "Value")]
    data: Box<RawValue>,
    #[schemars(with = "Value")]
    initiator: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    dedupe_key: Option<String>,
}

/// The endpoints to which it would have been sent.
#[derive(Serialize, JsonSchema)]
struct DryDelivery {
    endpoint: String,
    event_type: String,
}

/// An outbound request that was sent: its URL without the query, which may contain a secret.
#[derive(Serialize, JsonSchema)]
struct DryRequest {
    method: String,
    url: String,
    status: u16,
}

pub fn shown(
    api: &Api,
    response: Option<&str>,
    collected: Collected,
    not_asked: Vec<String>,
) -> Result<String, Problem> {
    let deliveries = deliveries(api, &collected.writes.events)?;
    let text = written(response, collected, deliveries, not_asked);
    text.map_err(|error| Problem::internal(format!("a dry run could not be shown: {error}")))
}

fn deliveries(api: &Api, events: &[NewEvent]) -> Result<Vec<DryDelivery>, Problem> {
    let mut deliveries = Vec::new();
    for event in events {
        let endpoints = api.context.store.read(|reader| reader.subscribers(event))?;
        let event_type = &event.event_type;
        deliveries.extend(
            endpoints
                .into_iter()
                .map(|endpoint| DryDelivery { endpoint, event_type: event_type.clone() }),
        );
    }
    Ok(deliveries)
}

/// All values are JSON that was checked on receipt.
fn written(
    response: Option<&str>,
    collected: Collected,
    deliveries: Vec<DryDelivery>,
    not_asked: Vec<String>,
) -> serde_json::Result<String> {
    let raw = |text: String| RawValue::from_string(text);
    let value = |value: std::sync::Arc<str>| raw(value.to_string());
    let state = collected.writes.state.into_iter();
    let state = state.map(|one| Ok((one.key.to_string(), one.value.map(value).transpose()?)));
    let http = collected.http.into_iter();
    let http = http.map(|(method, url, status)| DryRequest { method, url, status });
    let effects = DryEffects {
        state: state.collect::<serde_json::Result<_>>()?,
        events: collected
            .writes
            .events
            .into_iter()
            .map(event)
            .collect::<serde_json::Result<_>>()?,
        processes: [],
        deliveries,
        http: http.collect(),
        not_asked,
    };
    let response = response.map(|text| raw(text.to_owned())).transpose()?;
    serde_json::to_string(&DryRun { response, effects })
}

fn event(event: NewEvent) -> serde_json::Result<DryEvent> {
    Ok(DryEvent {
        source: event.source,
        event_type: event.event_type,
        data: RawValue::from_string(event.data)?,
        initiator: event.initiator.map(RawValue::from_string).transpose()?,
        dedupe_key: event.dedupe.map(|(_, key)| key),
    })
}
