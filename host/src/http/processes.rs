//! `/api/internal/process…`

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::actions::{ActionQuery, community, platform_id};
use super::error::Problem;
use super::idempotency::Begun;
use super::{Api, body, door, guard, idempotency};
use crate::calls::{Also, Collected, StartRequest};
use crate::changes::Change;
use crate::destination::CheckedUrl;
use crate::effects::ProcessStatus;
use crate::hooks::Builtin;
use crate::ids::RequestId;
use crate::store::{ProcessFilter, ProcessRow, View};

/// Processes on one page at most.
const PAGE: usize = 100;
/// Longest `callback_url`, in bytes.
const CALLBACK_BYTES: usize = 2 << 10;

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/internal/process", get(list))
        .route("/api/internal/process/{target}", post(start))
        .route("/api/internal/process/{target}/{id}", get(show).delete(close))
}

async fn start(
    State(api): State<Arc<Api>>,
    Path(target): Path<String>,
    told: Change,
    request: Request,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let Query(query) = Query::<ActionQuery>::try_from_uri(&head.uri)
        .map_err(|error| Problem::bad_request(error.body_text()))?;
    let (plugin, process) = parts(&target)?;
    let slug = community(&head.headers)?;
    let request_id = door::request_id_of(&head.extensions, &api.clock);
    let mut asked = StartRequest {
        community: slug,
        platform_id: platform_id(&head.headers, &query),
        plugin,
        process,
        parameters: Value::Null,
        callback_url: None,
        request_id: request_id.clone(),
    };
    // With an Idempotency-Key the body is part of the key.
    if !idempotency::is_asked_for(&head) {
        api.calls.resolve_process(&asked)?;
    }
    let bytes = body::read(&api, body).await?;
    let mut parameters: Map<String, Value> = body::parse(&bytes)?;
    asked.callback_url = parameters.remove("callback_url").map(callback).transpose()?.flatten();
    let first = match idempotency::begin(&api, &head, &bytes)? {
        Begun::Replayed(response) => return Ok(response),
        Begun::Plain => None,
        Begun::First(first) => Some(first),
    };
    match filtered(&api, slug, (plugin, process), parameters, &request_id).await {
        Ok(parameters) => asked.parameters = parameters,
        Err(problem) => {
            if let Some(first) = first {
                first.refused(&api, &problem, &request_id).await;
            }
            return Err(problem);
        }
    }
    let start = api.calls.process(asked).await?;
    let (remembered, of, now) = (first.clone(), target.clone(), api.clock.now_ms());
    let remember = move |row: &ProcessRow, collected: &mut Collected| {
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("location".to_owned(), location(&of, row)),
        ];
        let body = row.shown().to_string().into_bytes();
        let remember = remembered
            .and_then(|one| one.remember(StatusCode::ACCEPTED, headers, body, Some(collected)));
        let told = told.of(row.public_id.clone()).with_status(StatusCode::ACCEPTED.as_u16());
        let (community, view) = (row.community, View::Process(row.public_id.clone()));
        let also: Also = Box::new(move |tx| {
            // It is stored already: what was before is nothing.
            tx.changed(&told, community, &Value::Null, &view, now)?;
            remember.map_or(Ok(()), |remember| remember(tx))
        });
        Some(also)
    };
    match (api.calls.start(start, remember).await, first) {
        (Ok(row), _) => Ok(accepted(&target, &row)),
        (Err(error), first) => {
            let problem = Problem::from(error);
            if let Some(first) = first {
                first.refused(&api, &problem, &request_id).await;
            }
            Err(problem)
        }
    }
}

/// The parameters as the hook's steps leave them.
async fn filtered(
    api: &Api,
    slug: &str,
    (plugin, process): (&str, &str),
    parameters: Map<String, Value>,
    request_id: &RequestId,
) -> Result<Value, Problem> {
    let parameters = Value::Object(parameters);
    let Some(community) = api.calls.communities.get(slug) else { return Ok(parameters) };
    let data = || json!({ "community": slug, "plugin": plugin, "process": process, "parameters": parameters });
    let point = Builtin::ProcessStarting;
    let data = guard::pass(api, point, Some(&community), request_id, data).await?;
    Ok(data.map_or(parameters, |mut data| data["parameters"].take()))
}

fn accepted(target: &str, row: &ProcessRow) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(row.shown())).into_response();
    if let Ok(location) = HeaderValue::from_str(&location(target, row)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn location(target: &str, row: &ProcessRow) -> String {
    format!("/api/internal/process/{target}/{}", row.public_id)
}

fn parts(target: &str) -> Result<(&str, &str), Problem> {
    target
        .split_once('.')
        .ok_or_else(|| Problem::not_found("A process is named as `<plugin>.<process>`"))
}

/// Where the driver is told; null is none.
fn callback(url: Value) -> Result<Option<String>, Problem> {
    match url {
        Value::Null => Ok(None),
        Value::String(url) if url.len() <= CALLBACK_BYTES => {
            // Its address is looked at when it is sent to.
            CheckedUrl::parse(&url).map_err(|fault| {
                Problem::bad_request(format!("`callback_url` cannot be sent to: {fault}"))
            })?;
            Ok(Some(url))
        }
        _ => Err(Problem::bad_request(format!(
            "`callback_url` is a URL of at most {CALLBACK_BYTES} bytes"
        ))),
    }
}

async fn show(
    State(api): State<Arc<Api>>,
    Path((target, id)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(find(&api, &target, &id)?.shown()))
}

async fn close(
    State(api): State<Arc<Api>>,
    Path((target, id)): Path<(String, String)>,
    Extension(request): Extension<RequestId>,
    told: Change,
) -> Result<Json<Value>, Problem> {
    let row = find(&api, &target, &id)?;
    let of = api.calls.communities.get(&row.slug);
    let data = || json!({ "community": row.slug, "plugin": row.plugin, "process": row.shown() });
    guard::pass(&api, Builtin::ProcessClosing, of.as_ref(), &request, data).await?;
    let (before, community, now) = (row.shown(), row.community, api.clock.now_ms());
    let view = View::Process(row.public_id.clone());
    let tell: Also = Box::new(move |tx| tx.changed(&told, community, &before, &view, now));
    let row = api.calls.close(&row, request, tell).await?;
    if row.status == ProcessStatus::Completed {
        Ok(Json(row.shown()))
    } else {
        Err(Problem::not_closed())
    }
}

/// A process under the name of another type is not there.
fn find(api: &Api, target: &str, id: &str) -> Result<ProcessRow, Problem> {
    let none = || Problem::not_found(format!("There is no process {id} of {target}"));
    let (plugin, process) = parts(target)?;
    let row = api.calls.store.read(|reader| reader.process(id))?.ok_or_else(none)?;
    if row.plugin == plugin && row.name == process { Ok(row) } else { Err(none()) }
}

#[derive(Debug, Default, Deserialize)]
struct ListQuery {
    community: Option<String>,
    status: Option<String>,
    plugin: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

async fn list(
    State(api): State<Arc<Api>>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let filter = ProcessFilter {
        community: query.community.as_deref().map(|slug| community_id(&api, slug)).transpose()?,
        status: query.status.as_deref().map(status).transpose()?,
        plugin: query.plugin,
        after: after(&api, query.after.as_deref())?,
        limit,
    };
    let rows = api.calls.store.read(|reader| reader.processes(&filter))?;
    let next = rows.get(limit - 1).map(|row| row.public_id.clone());
    let shown: Vec<_> = rows.iter().map(ProcessRow::shown).collect();
    Ok(Json(json!({ "processes": shown, "next": next })))
}

fn community_id(api: &Api, slug: &str) -> Result<crate::ids::CommunityId, Problem> {
    let community = api.calls.communities.get(slug);
    community.map(|one| one.names.id).ok_or_else(|| Problem::unknown_community(slug))
}

fn status(text: &str) -> Result<ProcessStatus, Problem> {
    ProcessStatus::parse(text)
        .ok_or_else(|| Problem::bad_request("`status` is one of created, pending and completed"))
}

/// Pages go on after a process that is named by its id.
fn after(api: &Api, id: Option<&str>) -> Result<i64, Problem> {
    let Some(id) = id else { return Ok(0) };
    let row = api.calls.store.read(|reader| reader.process(id))?;
    row.map(|row| row.id.0).ok_or_else(|| Problem::bad_request(format!("There is no process {id}")))
}
