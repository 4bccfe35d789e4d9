//! `/api/internal/process…`

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::http::api::{Api, require_plugin};
use crate::http::json_text::json_text;
use crate::http::middleware::changes::Changing;
use crate::http::middleware::hook_gate::{Gate, parameters_of};
use crate::http::middleware::idempotency::Begun;
use crate::http::middleware::instance::{InstanceQuery, community, platform_id};
use crate::http::middleware::path::Path;
use crate::http::middleware::request_id::request_id_of;
use crate::http::middleware::shape::is_wrapped;
use crate::http::middleware::{body, hook_gate, idempotency};
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::{INSTANCE, Route, delete, failure, get, post, query};
use moothall_core::effects::ProcessStatus;
use moothall_core::ids::RequestId;
use moothall_egress::EgressError;
use moothall_engine::calls::{CallError, ExtraWrite, StartRequest};
use moothall_engine::hooks::Builtin;
use moothall_engine::plugins::{ProcessType, Violation};
use moothall_store::{DRIVER, ProcessFilter, ProcessRow, View};
use moothall_values::destination::is_same_origin;
use moothall_values::json;
use moothall_values::json::{NULL, Object};

/// Processes on one page at most.
const PAGE: usize = 100;
const CALLBACK: &str = "callback_url";
/// Letters in which another name is still taken for it.
const SLIPS: usize = 2;
/// Longest `callback_url`, in bytes.
pub const CALLBACK_BYTES: usize = 2 << 10;

pub fn routes() -> Vec<Route> {
    vec![
        get("/api/internal/process", "listProcesses", "Lists processes", list)
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
        .query(&[query::PLATFORM_ID])
        .headers(INSTANCE)
        .body("*")
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
            .answers::<ProcessRow>(200)
            .fails(failure::NOT_FOUND)
            .fails(&[(404, Code::UnknownPlugin), (404, Code::UnknownProcess)]),
        delete("/api/internal/process/{target}/{id}", "closeProcess", "Closes a process", close)
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
    Changing(told): Changing,
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
    let mut parameters = body::members(&bytes)?;
    let kind = api.context.plugins.get(plugin).and_then(|one| one.processes.get(process).cloned());
    let given = parameters.get("parameters").map(|given| &**given);
    if kind.as_ref().is_some_and(|one| is_wrapped(one.parameters.document(), "parameters", given)) {
        let what = "the parameters of a process";
        return Err(Problem::wrapped(Code::InvalidParameters, what, "parameters"));
    }
    match parameters.remove(CALLBACK) {
        Some(url) => asked.callback_url = callback(&api, url).await?,
        None => require_none_meant(&parameters, kind.as_deref())?,
    }
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
    let (remembered, of, now) = (first.clone(), target.clone(), api.context.clock.now_ms());
    let remember = move |row: &ProcessRow| {
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("location".to_owned(), location(&of, row)),
        ];
        let body = row.shown().into_bytes();
        let remember = remembered.map(|first| {
            let remember = first.clone().remember(StatusCode::ACCEPTED, headers, body);
            remember.unwrap_or_else(|| first.run_on())
        });
        let told = told.of(row.public_id.clone()).with_status(StatusCode::ACCEPTED.as_u16());
        let (community, view) = (row.community, View::Process(row.public_id.clone()));
        let also: ExtraWrite<_> = Box::new(move |tx| {
            // It is stored already: what was before is nothing.
            tx.changed(&told, community, NULL, &view, now)?;
            remember.map(|remember| remember(tx)).transpose()
        });
        also
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

/// The parameters of a process are the body itself, and so are the places in it.
fn flat(error: CallError) -> Problem {
    match error {
        CallError::InvalidParameters(faults) => {
            Problem::invalid(Code::InvalidParameters, "The parameters are not valid", "", faults)
        }
        error => error.into(),
    }
}

/// A misspelt `callback_url` is no parameter, also where the plugin's schema would leave it open.
fn require_none_meant(
    parameters: &BTreeMap<String, Box<RawValue>>,
    kind: Option<&ProcessType>,
) -> Result<(), Problem> {
    let is_of_plugin = |name: &str| {
        let Some(schema) = kind.map(|kind| kind.parameters.document()) else { return false };
        match schema.get("properties") {
            Some(known) => known.get(name).is_some(),
            // Its names stand elsewhere.
            None => schema.get("$ref").is_some() || schema.get("allOf").is_some(),
        }
    };
    let meant = parameters.keys().find(|name| is_callback(name) && !is_of_plugin(name));
    meant.map_or(Ok(()), |name| {
        let message =
            format!("no parameter of that name is known here; did you mean `{CALLBACK}`?");
        let faults = vec![Violation { path: format!("/{name}"), message }];
        Err(Problem::invalid(Code::InvalidParameters, "The parameters are not valid", "", faults))
    })
}

/// In another case, without its underscore or its end, or with a slip of the finger.
fn is_callback(name: &str) -> bool {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '-'], "");
    let (name, wanted) = (plain(name), plain(CALLBACK));
    name == "callback" || name.starts_with('c') && strsim::osa_distance(&name, &wanted) <= SLIPS
}

/// Where the driver is told; null is none.
async fn callback(api: &Api, url: Box<RawValue>) -> Result<Option<String>, Problem> {
    match serde_json::from_str(url.get()) {
        Ok(None) => Ok(None),
        Ok(Some::<String>(url)) if url.len() <= CALLBACK_BYTES => {
            match api.egress.check_reachable(&url, &api.local.of_put()).await {
                Err(EgressError::Refused(_)) if is_of_driver(api, &url)? => {}
                reachable => reachable.map_err(|fault| {
                    Problem::bad_request(format!("`callback_url` cannot be sent to: {fault}"))
                })?,
            }
            Ok(Some(url))
        }
        _ => Err(Problem::bad_request(format!(
            "`callback_url` is a URL of at most {CALLBACK_BYTES} bytes"
        ))),
    }
}

/// Whether the operator himself named that place as the driver's.
fn is_of_driver(api: &Api, url: &str) -> Result<bool, Problem> {
    let driver = api.context.store.read(|reader| reader.endpoint(DRIVER))?;
    let driver = driver.filter(|driver| driver.url_by == "environment");
    Ok(driver.is_some_and(|driver| is_same_origin(url, &driver.url)))
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
    Changing(told): Changing,
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
    let tell: ExtraWrite = Box::new(move |tx| tx.changed(&told, community, &before, &view, now));
    let row = api.calls.close(&row, request, tell).await?;
    Ok(json_text(row.shown()))
}

/// A process under the name of another type is not there.
fn find(api: &Api, target: &str, id: &str) -> Result<ProcessRow, Problem> {
    let (plugin, process) = parts(target)?;
    let row = api.context.store.read(|reader| reader.process(id))?;
    match row.filter(|row| row.plugin == plugin && row.name == process) {
        Some(row) => Ok(row),
        None => Err(missing(api, (plugin, process), id)),
    }
}

/// What of a process's path is not there.
fn missing(api: &Api, (plugin, process): (&str, &str), id: &str) -> Problem {
    match api.calls.serving(plugin) {
        Err(unknown @ CallError::UnknownPlugin { .. }) => unknown.into(),
        Ok(serving) if !serving.processes.contains_key(process) => {
            CallError::unknown_process(&serving, process).into()
        }
        _ => Problem::not_found(format!("There is no process {id} of {plugin}.{process}")),
    }
}

/// A page of them, as `list` writes it.
enum Processes {}

impl JsonSchema for Processes {
    fn schema_name() -> Cow<'static, str> {
        "Processes".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["processes", "next"],
            "properties": {
                "processes": { "type": "array", "items": schemas.subschema_for::<ProcessRow>() },
                "next": { "description": "The `after` of the next page.", "type": ["string", "null"] },
            },
        })
    }
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
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| Problem::unread_query())?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let plugin = query.plugin.clone();
    let filter = ProcessFilter {
        community: query.community.as_deref().map(|slug| community_id(&api, slug)).transpose()?,
        status: query.status.as_deref().map(status).transpose()?,
        plugin: query.plugin,
        after: after(&api, query.after.as_deref())?,
        limit,
    };
    let rows = api.context.store.read(|reader| reader.processes(&filter))?;
    if rows.is_empty() {
        // Processes outlive their plugin: one of which there are some was there.
        plugin.as_deref().map_or(Ok(()), |plugin| require_plugin(&api, plugin))?;
    }
    let next = rows.get(limit - 1).map(|row| row.public_id.clone());
    let shown = json::list(rows.iter().map(ProcessRow::shown));
    Ok(json_text(Object::new().carrying("processes", &shown).with("next", next).end()))
}

fn community_id(api: &Api, slug: &str) -> Result<moothall_core::ids::CommunityId, Problem> {
    let community = api.context.communities.get(slug);
    community.map(|one| one.names.id).ok_or_else(|| Problem::unknown_community(slug))
}

fn status(text: &str) -> Result<ProcessStatus, Problem> {
    ProcessStatus::parse(text)
        .ok_or_else(|| Problem::bad_request("`status` is one of created, pending and completed"))
}

/// Pages go on after a process that is named by its id.
fn after(api: &Api, id: Option<&str>) -> Result<i64, Problem> {
    let Some(id) = id else { return Ok(0) };
    let row = api.context.store.read(|reader| reader.process(id))?;
    row.map(|row| row.id.0).ok_or_else(|| Problem::bad_request(format!("There is no process {id}")))
}
