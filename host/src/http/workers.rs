//! `/api/internal/workers`: who lags, what failed for good, and what becomes of that.

mod webhooks;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Problem;
use super::{Api, body};
use crate::clock::rfc3339;
use crate::guest::Fault;
use crate::store::{DeadLetter, WorkerEvent, WorkerRow};

/// Workers on one page at most.
const PAGE: usize = 100;
/// Retries and dead letters of each that are shown.
const SHOWN: usize = 20;
/// Dead letters that one request retries or skips.
const AT_ONCE: usize = 5_000;
/// Events after a worker's cursor that its lag is counted in.
const COUNTED: usize = 1_000;
/// Workers that are looked through for one page.
const LOOKED: usize = 10_000;

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/internal/workers", get(list))
        .route("/api/internal/workers/{worker}/{action}", post(webhooks::settle))
        .route("/api/internal/workers/{plugin}/{worker}/{action}", post(settle))
}

#[derive(Debug, Default, Deserialize)]
struct ListQuery {
    community: Option<String>,
    plugin: Option<String>,
    #[serde(default)]
    after: i64,
    limit: Option<usize>,
}

async fn list(
    State(api): State<Arc<Api>>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    // Counting what lags reads many events, for which others must not wait.
    let listed = tokio::task::spawn_blocking(move || listed(&api, &query));
    listed.await.unwrap_or_else(|error| {
        Err(Problem::from(Fault::Host(format!("the workers could not be listed: {error}"))))
    })
}

fn listed(api: &Api, query: &ListQuery) -> Result<Json<Value>, Problem> {
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let rows = api.calls.store.read(|reader| reader.workers(query.after, LOOKED))?;
    let is_one = |row: &&WorkerRow| {
        let instance = api.calls.communities.instance(row.instance);
        instance.is_some_and(|one| {
            query.community.as_ref().is_none_or(|slug| *one.community.slug.as_str() == **slug)
                && query.plugin.as_ref().is_none_or(|plugin| *one.plugin.as_str() == **plugin)
        })
    };
    let found: Vec<_> = rows.iter().filter(is_one).take(limit).collect();
    // A page may be short because so many were looked through for it.
    let looked = rows.last().filter(|_| rows.len() == LOOKED);
    let next = found.get(limit - 1).copied().or(looked).map(|row| row.id);
    let mut shown: Vec<Value> = if query.after == 0 && query.plugin.is_none() {
        vec![webhooks::shown(api)?]
    } else {
        Vec::new()
    };
    for row in found {
        shown.push(worker(api, row)?);
    }
    Ok(Json(json!({ "workers": shown, "next": next })))
}

fn worker(api: &Api, row: &WorkerRow) -> Result<Value, Problem> {
    let instance = api.calls.communities.instance(row.instance);
    let plugin = instance.as_ref().and_then(|one| api.calls.plugin_of(one).ok());
    let manifest =
        plugin.as_ref().and_then(|plugin| plugin.workers.iter().find(|one| *one.name == *row.name));
    let store = &api.calls.store;
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
    Ok(json!({
        "id": row.id,
        "worker": row.name,
        "plugin": instance.as_ref().map(|one| one.plugin.clone()),
        "community": instance.as_ref().filter(|one| !one.is_of_host()).map(|one| one.community.slug.clone()),
        "instance": row.instance,
        "enabled": row.enabled,
        "serving": manifest.is_some(),
        "position": row.cursor,
        "waiting": wanted.len(),
        "lag_ms": since.map_or(0, |since| (api.clock.now_ms() - since).max(0)),
        "failing": retrying,
        "retries": retries.iter().map(retry).collect::<Vec<_>>(),
        "dead": dead,
        "dead_letters": letters.iter().map(letter).collect::<Vec<_>>(),
    }))
}

fn retry(waiting: &WorkerEvent) -> Value {
    json!({
        "event": waiting.event.id,
        "type": waiting.event.full_type(),
        "attempts": waiting.attempts,
        "due_at": waiting.due_at.map(rfc3339),
        "last_error": waiting.last_error,
    })
}

/// Without its event's id and type once that is no longer kept.
fn letter(dead: &DeadLetter) -> Value {
    json!({
        "id": dead.id,
        "event": dead.event.as_ref().map(|(id, _)| id),
        "type": dead.event.as_ref().map(|(_, event_type)| event_type),
        "position": dead.position,
        "attempts": dead.attempts,
        "dead_since": dead.dead_since.map(rfc3339),
        "last_error": dead.last_error,
    })
}

/// Which dead letter; all of them if none is named. Of one community, or of all.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettleBody {
    id: Option<i64>,
    community: Option<String>,
}

async fn settle(
    State(api): State<Arc<Api>>,
    Path((plugin, name, action)): Path<(String, String, String)>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    if !matches!(action.as_str(), "retry" | "skip") {
        return Err(Problem::not_found("A worker's dead letters can be retried or skipped"));
    }
    let body: SettleBody = body::json(&api, body).await?;
    let community = body.community.as_deref().map(|slug| {
        let found = api.calls.communities.get(slug);
        found.map(|one| one.names.id).ok_or_else(|| Problem::unknown_community(slug))
    });
    let (of, community) = ((plugin.clone(), name.clone()), community.transpose()?);
    let workers = api.calls.store.read(|r| r.workers_named(&of.0, &of.1, community))?;
    if workers.is_empty() {
        return Err(Problem::not_found(format!(
            "There is no worker '{name}' of plugin '{plugin}'"
        )));
    }
    let (now, id) = (api.clock.now_ms(), body.id);
    let served = api.calls.plugins.get(&plugin);
    let worker = served.as_ref().and_then(|one| one.workers.iter().find(|one| *one.name == *name));
    let in_order = worker.is_some_and(|worker| worker.is_fifo());
    let settle = move |tx: &crate::store::Tx<'_>| {
        workers.iter().try_fold(0, |count, worker| {
            let left = AT_ONCE.saturating_sub(count);
            let settled = match action.as_str() {
                "retry" => tx.retry_worker_events(*worker, id, (now, in_order), left)?,
                _ => tx.skip_worker_events(*worker, id, left)?,
            };
            Ok(count + settled)
        })
    };
    let count = api.calls.store.write("worker.settle", settle).await?;
    if body.id.is_some() && count == 0 {
        return Err(Problem::not_found(
            "There is no such dead letter, or its event is no longer kept and cannot be retried",
        ));
    }
    Ok(Json(json!({ "count": count })))
}
