//! `/api/internal/workers`: lists workers with their lag and dead letters; retries or skips dead letters.

mod settled;
mod shown;
mod webhooks;

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::http::api::{Api, require_community, require_plugin, require_plugin_of_path};
use crate::http::middleware::body_schema::request_body;
use crate::http::middleware::idempotency::Asked;
use crate::http::middleware::path::Path;
use crate::http::middleware::{body, idempotency};
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::{Route, failure, get, post, query};
use crate::http::routes::workers::settled::{AT_ONCE, Settled, settled as answer_of};
use moothall_core::ids::WorkerId;
use moothall_core::scope::Scope;
use moothall_guest::Fault;
use moothall_store::{StoreError, Tx, WorkerRow};
use shown::Workers;

/// The most workers on one page.
const PAGE: usize = 100;
/// The most workers that are read for one page.
const SEARCHED: usize = 10_000;

pub fn routes() -> Vec<Route> {
    vec![
        get("/api/internal/workers", "listWorkers", "Workers: lag, failures, dead letters", list)
            .needs(Scope::Read)
            .query(&[query::COMMUNITY, query::PLUGIN, query::AFTER, query::LIMIT])
            .answers::<Workers>(200)
            .fails(failure::COMMUNITY)
            .fails(failure::PLUGIN),
        post(
            "/api/internal/workers/{worker}/{action}",
            "settleDeadWebhooks",
            "Retries or skips dead letters",
            webhooks::settle,
        )
        .needs(Scope::Operate)
        .body::<webhooks::DeadWebhooksBody>()
        .answers::<Settled>(200)
        .changes_nothing()
        .fails(failure::NOT_FOUND)
        .fails(&[(400, Code::UnknownDeadLetter)]),
        post(
            "/api/internal/workers/{plugin}/{worker}/{action}",
            "settleDeadEvents",
            "Retries or skips dead letters of a plugin's worker",
            settle,
        )
        .needs(Scope::Operate)
        .body::<DeadEventsBody>()
        .answers::<Settled>(200)
        .changes_nothing()
        .fails(failure::NOT_FOUND)
        .fails(failure::COMMUNITY)
        .fails(&[(400, Code::UnknownDeadLetter), (404, Code::UnknownPlugin)]),
    ]
}

#[derive(Debug, Default, Deserialize)]
struct WorkersQuery {
    community: Option<String>,
    plugin: Option<String>,
    #[serde(default)]
    after: i64,
    limit: Option<usize>,
}

async fn list(
    State(api): State<Arc<Api>>,
    query: Result<Query<WorkersQuery>, QueryRejection>,
) -> Result<Json<Workers>, Problem> {
    let Query(query) = query.map_err(|_| Problem::unread_query())?;
    // Counting the lag reads many events, for which others must not wait.
    let listed = tokio::task::spawn_blocking(move || listed(&api, &query));
    listed.await.unwrap_or_else(|error| {
        Err(Problem::from(Fault::Host(format!("the workers could not be listed: {error}"))))
    })
}

fn listed(api: &Api, query: &WorkersQuery) -> Result<Json<Workers>, Problem> {
    query.community.as_deref().map_or(Ok(()), |slug| require_community(api, slug))?;
    query.plugin.as_deref().map_or(Ok(()), |plugin| require_plugin(api, plugin))?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let rows = api.context.store.read(|reader| reader.workers(WorkerId(query.after), SEARCHED))?;
    let is_one = |row: &&WorkerRow| {
        let instance = api.context.communities.instance(row.instance);
        instance.is_some_and(|one| {
            query.community.as_ref().is_none_or(|slug| *one.community.slug.as_str() == **slug)
                && query.plugin.as_ref().is_none_or(|plugin| *one.plugin.as_str() == **plugin)
        })
    };
    let found: Vec<_> = rows.iter().filter(is_one).take(limit).collect();
    // A page may be short because the most rows were read for it.
    let searched = rows.last().filter(|_| rows.len() == SEARCHED);
    let next = found.get(limit - 1).copied().or(searched).map(|row| row.id.0);
    let mut workers = Vec::new();
    if query.after == 0 && query.plugin.is_none() {
        workers.push(shown::of_webhooks(api)?);
    }
    for row in found {
        workers.push(shown::of_plugin(api, row)?);
    }
    Ok(Json(Workers { workers, next }))
}

/// Which dead letter; without one, all of them. Of one community, or of all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DeadEvents")]
struct DeadEventsBody {
    #[schemars(range(min = 1, max = i64::MAX))]
    id: Option<i64>,
    community: Option<String>,
}

request_body!(DeadEventsBody);

async fn settle(
    State(api): State<Arc<Api>>,
    Path((plugin, name, action)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    if !matches!(action.as_str(), "retry" | "skip") {
        return Err(Problem::not_found("A worker's dead letters can be retried or skipped"));
    }
    let (bytes, answering) = match idempotency::asked(&api, request).await? {
        Asked::Again(response) => return Ok(response),
        Asked::New(bytes, answering) => (bytes, answering),
    };
    let body: DeadEventsBody = body::parse(&bytes)?;
    let community = body.community.as_deref().map(|slug| {
        let found = api.context.communities.get(slug);
        found.map(|one| one.names.id).ok_or_else(|| Problem::unknown_community(slug))
    });
    let (of, community) = ((plugin.clone(), name.clone()), community.transpose()?);
    let workers = api.context.store.read(|r| r.workers_named(&of.0, &of.1, community))?;
    if workers.is_empty() {
        require_plugin_of_path(&api, &plugin)?;
        return Err(Problem::not_found(format!(
            "There is no worker '{name}' of plugin '{plugin}'"
        )));
    }
    let (now, id) = (api.context.clock.now_ms(), body.id);
    let served = api.context.plugins.get(&plugin);
    let worker = served.as_ref().and_then(|one| one.workers.iter().find(|one| *one.name == *name));
    let in_order = worker.is_some_and(|worker| worker.is_fifo());
    let make = move |tx: &Tx<'_>| {
        let count = workers.iter().try_fold(0, |count, worker| {
            let left = AT_ONCE.saturating_sub(count);
            let settled = match action.as_str() {
                "retry" => tx.retry_worker_events(*worker, id, (now, in_order), left)?,
                _ => tx.skip_worker_events(*worker, id, left)?,
            };
            Ok::<_, StoreError>(count + settled)
        })?;
        Ok(answer_of(id, count))
    };
    let settled = answering.write(&api, "worker.settle", make).await?;
    settled.map_err(|()| {
        Problem::unknown_dead_letter(
            "There is no such dead letter, or its event is no longer kept and cannot be retried",
        )
    })
}
