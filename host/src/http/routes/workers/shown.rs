//! Answers about workers.

use schemars::JsonSchema;
use serde::Serialize;

use crate::http::api::Api;
use crate::http::problem::Problem;
use moothall_core::clock::Moment;
use moothall_core::ids::{CommunitySlug, InstanceId, PluginName, Position, WorkerId};
use moothall_store::{DeadLetter, WebhookItem, WorkerEvent, WorkerRow};

/// The most retries and dead letters of each worker in an answer.
const SHOWN: usize = 20;
/// The most events after a worker's cursor that are counted as its lag.
const COUNTED: usize = 1_000;
/// The most dead letters of webhooks in an answer.
const SHOWN_WEBHOOKS: usize = 100;

#[derive(Serialize, JsonSchema)]
pub struct Workers {
    pub workers: Vec<Worker>,
    /// The `after` of the next page.
    pub next: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Worker {
    OfWebhooks(WebhooksWorker),
    OfPlugin(PluginWorker),
}

/// The worker `webhooks`: requests that wait for their receivers.
#[derive(Serialize, JsonSchema)]
pub struct WebhooksWorker {
    #[schemars(extend("const" = "webhooks"))]
    worker: &'static str,
    waiting: i64,
    failing: i64,
    lag_ms: i64,
    dead: i64,
    dead_letters: Vec<DeadWebhook>,
}

#[derive(Serialize, JsonSchema)]
struct DeadWebhook {
    id: i64,
    community: Option<CommunitySlug>,
    plugin: Option<PluginName>,
    instance: InstanceId,
    attempts: u32,
    dead_since: Moment,
    last_error: Option<String>,
}

/// A worker of a plugin's instance.
#[derive(Serialize, JsonSchema)]
pub struct PluginWorker {
    id: WorkerId,
    worker: String,
    plugin: Option<PluginName>,
    /// Null: of the whole host.
    community: Option<CommunitySlug>,
    instance: InstanceId,
    enabled: bool,
    /// Whether the version that serves has it.
    serving: bool,
    position: Position,
    waiting: usize,
    lag_ms: i64,
    failing: i64,
    retries: Vec<Retry>,
    dead: i64,
    dead_letters: Vec<DeadEvent>,
}

#[derive(Serialize, JsonSchema)]
struct Retry {
    event: String,
    r#type: String,
    attempts: u32,
    due_at: Option<Moment>,
    last_error: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct DeadEvent {
    id: i64,
    /// Null once it is no longer kept.
    event: Option<String>,
    r#type: Option<String>,
    position: Position,
    attempts: u32,
    dead_since: Option<Moment>,
    last_error: Option<String>,
}

pub fn of_webhooks(api: &Api) -> Result<Worker, Problem> {
    let store = &api.context.store;
    let (lag, dead) =
        store.read(|r| Ok((r.webhook_lag()?, r.dead_webhooks(0, SHOWN_WEBHOOKS)?)))?;
    let now = api.context.clock.now_ms();
    Ok(Worker::OfWebhooks(WebhooksWorker {
        worker: "webhooks",
        waiting: lag.waiting,
        failing: lag.failing,
        lag_ms: lag.oldest_at.map_or(0, |oldest| (now - oldest).max(0)),
        dead: lag.dead,
        dead_letters: dead.iter().map(|item| dead_webhook(api, item)).collect(),
    }))
}

fn dead_webhook(api: &Api, item: &WebhookItem) -> DeadWebhook {
    let instance = api.context.communities.instance(item.instance);
    DeadWebhook {
        id: item.id,
        community: instance.as_ref().map(|one| one.community.slug.clone()),
        plugin: instance.as_ref().map(|one| one.plugin.clone()),
        instance: item.instance,
        attempts: item.attempts,
        dead_since: Moment(item.due_at),
        last_error: item.last_error.clone(),
    }
}

pub fn of_plugin(api: &Api, row: &WorkerRow) -> Result<Worker, Problem> {
    let instance = api.context.communities.instance(row.instance);
    let plugin = instance.as_ref().and_then(|one| api.calls.plugin_of(one).ok());
    let manifest =
        plugin.as_ref().and_then(|plugin| plugin.workers.iter().find(|one| *one.name == *row.name));
    let store = &api.context.store;
    let retries = store.read(|reader| reader.waiting_events(row.id, SHOWN))?;
    let (log, (retrying, dead), letters) = store.read(|reader| {
        let (log, _) = reader.log(row.community, row.cursor, COUNTED)?;
        Ok((log, reader.worker_counts(row.id)?, reader.dead_letters(row.id, 0, SHOWN)?))
    })?;
    let wanted: Vec<_> = log
        .iter()
        .filter(|(event, _)| row.enabled && manifest.is_some_and(|one| one.wants(event)))
        .collect();
    let since = wanted.first().map(|(event, _)| event.time);
    let of = instance.as_ref().filter(|one| !one.is_of_host());
    Ok(Worker::OfPlugin(PluginWorker {
        id: row.id,
        worker: row.name.clone(),
        plugin: instance.as_ref().map(|one| one.plugin.clone()),
        community: of.map(|one| one.community.slug.clone()),
        instance: row.instance,
        enabled: row.enabled,
        serving: manifest.is_some(),
        position: row.cursor,
        waiting: wanted.len(),
        lag_ms: since.map_or(0, |since| (api.context.clock.now_ms() - since).max(0)),
        failing: retrying,
        retries: retries.into_iter().map(retry).collect(),
        dead,
        dead_letters: letters.into_iter().map(dead_event).collect(),
    }))
}

fn retry(waiting: WorkerEvent) -> Retry {
    Retry {
        r#type: waiting.event.full_type(),
        event: waiting.event.id,
        attempts: waiting.attempts,
        due_at: waiting.due_at.map(Moment),
        last_error: waiting.last_error,
    }
}

/// Without its event's id and type once the event is no longer kept.
fn dead_event(dead: DeadLetter) -> DeadEvent {
    let (event, event_type) = dead.event.unzip();
    DeadEvent {
        id: dead.id,
        event,
        r#type: event_type,
        position: dead.position,
        attempts: dead.attempts,
        dead_since: dead.dead_since.map(Moment),
        last_error: dead.last_error,
    }
}
