//! Answers about endpoints: their fields without secrets, their state, and warnings.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::http::api::Api;
use crate::http::problem::Problem;
use crate::http::routes::endpoints::fields::{opened, slug_of};
use crate::http::routes::events::declared;
use moothall_core::clock::Moment;
use moothall_core::endpoint::{AttemptError, BodyFormat, EndpointOrdering};
use moothall_core::ids::DeliveryId;
use moothall_core::secrets::PLACEHOLDER;
use moothall_deliveries::Gate;
use moothall_engine::plugins::Declared;
use moothall_store::{Backlog, EndpointRow, LastFailure};

/// The most waiting deliveries that are counted for one endpoint.
const COUNTED: usize = 1_000;

/// A URL that subscribes to events.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Endpoint")]
pub struct ShownEndpoint {
    id: String,
    /// Null: the driver has set none yet.
    url: Option<String>,
    description: String,
    /// A community's slug, or `*` for all; null once it is gone.
    community: Option<String>,
    event_types: Vec<String>,
    #[schemars(extend("enum" = BodyFormat::CHOICES))]
    format: BodyFormat,
    use_www_form_encoding: bool,
    /// Their names, with `********` for each value.
    headers: BTreeMap<String, &'static str>,
    #[schemars(extend("enum" = EndpointOrdering::ALL))]
    ordering: EndpointOrdering,
    timeout_ms: i64,
    enabled: bool,
    disabled_reason: Option<String>,
    old_secret_until: Option<Moment>,
    created_at: Moment,
    /// Settings that probably have no effect.
    warnings: Vec<String>,
    state: State,
    circuit: Circuit,
    backlog: usize,
    backlog_is_more: bool,
    oldest_waiting: Option<Moment>,
    last_failure: Option<ShownFailure>,
    /// Only in the answer that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    secret: Option<String>,
}

/// The oldest first.
#[derive(Serialize, JsonSchema)]
pub struct Endpoints {
    pub endpoints: Vec<ShownEndpoint>,
    /// The `after` of the next page.
    pub next: Option<i64>,
}

#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "EndpointState")]
enum State {
    Idle,
    Delivering,
    Failing,
    Unreachable,
    Paused,
    Disabled,
}

/// The state of its circuit.
#[derive(Serialize, JsonSchema)]
struct Circuit {
    state: CircuitState,
    failures: u32,
    /// When it is tried again.
    until: Option<Moment>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum CircuitState {
    Closed,
    Open,
    Probing,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LastFailure")]
struct ShownFailure {
    delivery: DeliveryId,
    time: Moment,
    status: Option<u16>,
    error: AttemptError,
    detail: Option<String>,
}

impl ShownEndpoint {
    pub fn with_secret(self, secret: &str) -> Self {
        Self { secret: Some(secret.to_owned()), ..self }
    }
}

/// An endpoint as an answer shows it: names of headers, never their values, and no secret.
pub fn endpoint_shown(api: &Api, row: &EndpointRow) -> Result<ShownEndpoint, Problem> {
    with(api, row, opened(api, row)?, &declared(api))
}

/// The same in a list, which leaves out an endpoint whose headers cannot be decrypted.
pub fn listed(
    api: &Api,
    row: &EndpointRow,
    declared: &Declared,
) -> Result<Option<ShownEndpoint>, Problem> {
    match opened(api, row) {
        Ok(headers) => with(api, row, headers, declared).map(Some),
        Err(_) => {
            let unreadable = api.context.store.health().unreadable();
            unreadable.report("endpoint", row.id.to_string(), &"its headers cannot be opened");
            Ok(None)
        }
    }
}

fn with(
    api: &Api,
    row: &EndpointRow,
    headers: BTreeMap<String, String>,
    declared: &Declared,
) -> Result<ShownEndpoint, Problem> {
    let event_types: Vec<String> = serde_json::from_str(&row.event_types).unwrap_or_default();
    let doubt = |pattern: &String| {
        declared.doubt(pattern).map(|why| format!("`event_types`: `{pattern}` {why}"))
    };
    let warnings = event_types.iter().filter_map(doubt).collect();
    let waiting = api.context.store.read(|reader| reader.backlog(row.id, COUNTED))?;
    Ok(ShownEndpoint {
        id: row.public_id.clone(),
        url: Some(row.url.clone()).filter(|url| !url.is_empty()),
        description: row.description.clone(),
        community: slug_of(api, row)?,
        event_types,
        format: row.format,
        use_www_form_encoding: row.form,
        headers: headers.into_keys().map(|name| (name, PLACEHOLDER)).collect(),
        ordering: row.ordering,
        timeout_ms: row.timeout_ms,
        enabled: row.enabled,
        disabled_reason: row.disabled_reason.clone(),
        old_secret_until: row.old_secret_until.map(Moment),
        created_at: Moment(row.created_at),
        warnings,
        state: state(api, row, &waiting),
        circuit: circuit(api, row),
        backlog: waiting.count,
        backlog_is_more: waiting.is_more,
        oldest_waiting: waiting.oldest.map(Moment),
        last_failure: waiting.last_failure.map(ShownFailure::of),
        secret: None,
    })
}

fn state(api: &Api, row: &EndpointRow, waiting: &Backlog) -> State {
    if row.disabled_reason.is_some() {
        State::Disabled
    } else if !row.enabled || row.url.is_empty() {
        State::Paused
    } else if api.circuits.of(row.id).is_open() {
        State::Unreachable
    } else if waiting.is_failing {
        State::Failing
    } else if waiting.count > 0 {
        State::Delivering
    } else {
        State::Idle
    }
}

fn circuit(api: &Api, row: &EndpointRow) -> Circuit {
    let circuit = api.circuits.of(row.id);
    let (now, monotonic) = (api.context.clock.now_ms(), api.context.clock.monotonic());
    let until = |until| Moment(now + monotonic.ms_until(until));
    Circuit {
        state: match circuit.gate(monotonic) {
            Gate::Closed => CircuitState::Closed,
            Gate::Open => CircuitState::Open,
            Gate::Probe => CircuitState::Probing,
        },
        failures: circuit.failures(),
        until: circuit.open_until().map(until),
    }
}

impl ShownFailure {
    fn of(last: LastFailure) -> Self {
        let LastFailure { delivery, at, status, error, detail } = last;
        Self { delivery, time: Moment(at), status, error, detail }
    }
}
