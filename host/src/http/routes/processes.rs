//! `/api/internal/process…`: starts, shows, lists and closes processes.

pub mod callback;
mod list;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::value::RawValue;

use crate::http::api::Api;
use crate::http::json_text::json_text;
use crate::http::middleware::body_schema::is_wrapped;
use crate::http::middleware::changes::Changing;
use crate::http::middleware::hook_gate::{Gate, parameters_of};
use crate::http::middleware::idempotency::Begun;
use crate::http::middleware::instance::{InstanceQuery, community, platform_id};
use crate::http::middleware::path::Path;
use crate::http::middleware::request_id::request_id_of;
use crate::http::middleware::{body, hook_gate, idempotency};
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::{INSTANCE, Route, delete, failure, get, post, query};
use crate::http::routes::processes::callback::{CALLBACK, callback, require_none_meant};
use crate::http::routes::processes::list::{Processes, list};
use moothall_core::changes::Change;
use moothall_core::ids::RequestId;
use moothall_core::scope::Scope;
use moothall_engine::calls::{CallError, ExtraWrite, StartRequest};
use moothall_engine::hooks::Builtin;
use moothall_engine::idempotency::{FirstWithKey, PreparedAnswer, RunningKey};
use moothall_store::{ProcessRow, View};
use moothall_values::json::{NULL, Object};

pub fn routes() -> Vec<Route> {
    vec![
        get("/api/internal/process", "listProcesses", "Lists processes", list)
            .needs(Scope::Read)
            .query(&[
                query::COMMUNITY,
                query::PROCESS_STATUS,
                query::PLUGIN,
                query::AFTER_NAME,
                query::LIMIT,
            ])
            .answers::<Processes>(200)
            .fails(failure::COMMUNITY)
            .fails(failure::PLUGIN),
        post(
            "/api/internal/process/{target}",
            "startProcess",
            "Starts a process, `<plugin>.<process>`",
            start,
        )
        .needs(Scope::Drive)
        .query(&[query::PLATFORM_ID])
        .headers(INSTANCE)
        .any_body()
        .answers::<ProcessRow>(202)
        .by_others()
        .changes(("process", None))
        .fails(failure::CHOICE)
        .fails(failure::CALL)
        .fails(&[
            (400, Code::InvalidParameters),
            (404, Code::UnknownProcess),
            (409, Code::TooManyProcesses),
        ]),
        get("/api/internal/process/{target}/{id}", "getProcess", "A process", show)
            .needs(Scope::Read)
            .answers::<ProcessRow>(200)
            .fails(failure::NOT_FOUND)
            .fails(&[(404, Code::UnknownPlugin), (404, Code::UnknownProcess)]),
        delete("/api/internal/process/{target}/{id}", "closeProcess", "Closes a process", close)
            .needs(Scope::Drive)
            .answers::<ProcessRow>(200)
            .by_others()
            .changes(("process", Some("id")))
            .fails(failure::CALL)
            .fails(&[
                (400, Code::AlreadyCompleted),
                (404, Code::UnknownPlugin),
                (404, Code::UnknownProcess),
                (501, Code::NoClose),
                (502, Code::NotClosed),
            ]),
    ]
}

async fn start(
    State(api): State<Arc<Api>>,
    Path(target): Path<String>,
    Changing(change_event): Changing,
    request: Request,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let Query(query) =
        Query::<InstanceQuery>::try_from_uri(&head.uri).map_err(|_| Problem::unread_query())?;
    let (plugin, process) = parts(&target)?;
    let slug = community(&head.headers)?;
    let request_id = request_id_of(&head.extensions, &api.context.clock);
    let mut asked = StartRequest {
        community: slug,
        platform_id: platform_id(&head.headers, query.community_platform_id.as_deref())?,
        plugin,
        process,
        parameters: String::new(),
        callback_url: None,
        request_id: request_id.clone(),
    };
    // With an Idempotency-Key the body is part of the key.
    if !idempotency::is_asked_for(&head.headers) {
        api.calls.resolve_process(&asked)?;
    }
    let bytes = body::read(&api, body).await?;
    let (parameters, callback_url) = read(&api, (plugin, process), &bytes).await?;
    asked.callback_url = callback_url;
    let first = match idempotency::begin(&api, &head, &bytes)? {
        Begun::Replayed(response) => return Ok(response),
        Begun::Plain => None,
        Begun::First(first) => Some(first),
    };
    match filtered(&api, slug, (plugin, process), parameters, &request_id).await? {
        Gate::Continue(parameters) => asked.parameters = parameters,
        Gate::Break(answer) => return Ok(answer),
    }
    let start = api.calls.process(asked).await.map_err(flat)?;
    let remember = remembering(&api, first.clone(), change_event, target.clone());
    match (api.calls.start(start, remember).await, first) {
        (Ok(row), _) => Ok(accepted(&target, &row)),
        (Err(error), first) => {
            let problem = Problem::from(error);
            if let Some(first) = first {
                idempotency::refused(first, &api, &problem, &request_id).await;
            }
            Err(problem)
        }
    }
}

/// The parameters that the body is, and the `callback_url` among them.
async fn read(
    api: &Api,
    (plugin, process): (&str, &str),
    bytes: &Bytes,
) -> Result<(BTreeMap<String, Box<RawValue>>, Option<String>), Problem> {
    let mut parameters = body::members(bytes)?;
    let kind = api.context.plugins.get(plugin).and_then(|one| one.processes.get(process).cloned());
    let given = parameters.get("parameters").map(|given| &**given);
    if kind.as_ref().is_some_and(|one| is_wrapped(one.parameters.document(), "parameters", given)) {
        let what = "the parameters of a process";
        return Err(Problem::wrapped(Code::InvalidParameters, what, "parameters"));
    }
    let url = match parameters.remove(CALLBACK) {
        Some(url) => callback(api, url).await?,
        None => {
            require_none_meant(&parameters, kind.as_deref())?;
            None
        }
    };
    Ok((parameters, url))
}

/// What is written beside a process that starts: its change event, and its answer if that is remembered.
fn remembering(
    api: &Api,
    first: Option<FirstWithKey>,
    change_event: Change,
    target: String,
) -> impl FnOnce(&ProcessRow) -> ExtraWrite<Option<Arc<RunningKey>>> + Send + 'static {
    let now = api.context.clock.now_ms();
    move |row| {
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("location".to_owned(), location(&target, row)),
        ];
        let body = row.shown().into_bytes();
        let remember = first.map(|first| {
            let status = StatusCode::ACCEPTED.as_u16();
            let remember = first.clone().remember(PreparedAnswer { status, headers, body });
            remember.unwrap_or_else(|| first.run_on())
        });
        let change_event =
            change_event.of(row.public_id.clone()).with_status(StatusCode::ACCEPTED.as_u16());
        let (community, view) = (row.community, View::Process(row.public_id.clone()));
        Box::new(move |tx| {
            // It is stored already, and before it there was nothing.
            tx.changed(&change_event, community, NULL, &view, now)?;
            remember.map(|remember| remember(tx)).transpose()
        })
    }
}

/// The parameters as the hook's steps leave them.
async fn filtered(
    api: &Api,
    slug: &str,
    (plugin, process): (&str, &str),
    parameters: BTreeMap<String, Box<RawValue>>,
    request_id: &RequestId,
) -> Result<Gate<String>, Problem> {
    let each = |object: Object, (name, value): (String, Box<RawValue>)| {
        object.carrying(&name, value.get())
    };
    let parameters = parameters.into_iter().fold(Object::new(), each).end();
    let Some(community) = api.context.communities.get(slug) else {
        return Ok(Gate::Continue(parameters));
    };
    let data = || {
        let data = Object::new().with("community", slug).with("plugin", plugin);
        data.with("process", process).carrying("parameters", &parameters).end()
    };
    let point = Builtin::ProcessStarting;
    match hook_gate::pass(api, point, Some(&community), request_id, data).await? {
        Gate::Continue(None) => Ok(Gate::Continue(parameters)),
        Gate::Continue(Some(data)) => parameters_of(&data).map(Gate::Continue),
        Gate::Break(answer) => Ok(Gate::Break(answer)),
    }
}

fn accepted(target: &str, row: &ProcessRow) -> Response {
    let mut response = (StatusCode::ACCEPTED, json_text(row.shown())).into_response();
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

/// The parameters of a process are the body itself, so pointers begin at the body.
fn flat(error: CallError) -> Problem {
    match error {
        CallError::InvalidParameters(faults) => {
            Problem::invalid(Code::InvalidParameters, "The parameters are not valid", "", faults)
        }
        error => error.into(),
    }
}

async fn show(
    State(api): State<Arc<Api>>,
    Path((target, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    Ok(json_text(find(&api, &target, &id)?.shown()))
}

async fn close(
    State(api): State<Arc<Api>>,
    Path((target, id)): Path<(String, String)>,
    Extension(request): Extension<RequestId>,
    Changing(change_event): Changing,
) -> Result<Response, Problem> {
    let row = find(&api, &target, &id)?;
    let of = api.context.communities.get(&row.slug);
    let data = || {
        let data = Object::new().with("community", row.slug.as_str());
        data.with("plugin", row.plugin.as_str()).carrying("process", &row.shown()).end()
    };
    let passed = hook_gate::pass(&api, Builtin::ProcessClosing, of.as_ref(), &request, data);
    if let Gate::Break(answer) = passed.await? {
        return Ok(answer);
    }
    let (before, community, now) = (row.shown(), row.community, api.context.clock.now_ms());
    let view = View::Process(row.public_id.clone());
    let extra_write: ExtraWrite =
        Box::new(move |tx| tx.changed(&change_event, community, &before, &view, now));
    let row = api.calls.close(&row, request, extra_write).await?;
    Ok(json_text(row.shown()))
}

/// A process is found only under the name of its type.
fn find(api: &Api, target: &str, id: &str) -> Result<ProcessRow, Problem> {
    let (plugin, process) = parts(target)?;
    let row = api.context.store.read(|reader| reader.process(id))?;
    match row.filter(|row| row.plugin == plugin && row.name == process) {
        Some(row) => Ok(row),
        None => Err(missing(api, (plugin, process), id)),
    }
}

/// Which part of a process's path does not exist.
fn missing(api: &Api, (plugin, process): (&str, &str), id: &str) -> Problem {
    match api.calls.serving(plugin) {
        Err(unknown @ CallError::UnknownPlugin { .. }) => unknown.into(),
        Ok(serving) if !serving.processes.contains_key(process) => {
            CallError::unknown_process(&serving, process).into()
        }
        _ => Problem::not_found(format!("There is no process {id} of {plugin}.{process}")),
    }
}
