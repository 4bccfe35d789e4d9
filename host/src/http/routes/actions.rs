//! `POST /api/internal/action/{plugin}.{action}`, and `/api/action/…` for public ones.

pub mod dry_run;

use std::pin::pin;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::http::api::Api;
use crate::http::json_text::json_text;
use crate::http::middleware::body_schema::request_body;
use crate::http::middleware::hook_gate::{Gate, parameters_of};
use crate::http::middleware::idempotency::Begun;
use crate::http::middleware::instance::{community, platform_id};
use crate::http::middleware::path::Path;
use crate::http::middleware::request_id::request_id_of;
use crate::http::middleware::{body, hook_gate, idempotency};
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::{INSTANCE, Route, failure, post, query};
use moothall_core::ids::RequestId;
use moothall_core::scope::Scope;
use moothall_engine::calls::{
    ActionRequest, Answer, BeforeCommit, CallError, Mode, Reach, Resolved, ValidatedCall,
};
use moothall_engine::hooks::{Builtin, Hook, Run};
use moothall_engine::idempotency::{FirstWithKey, PreparedAnswer, RunningKey};
use moothall_guest::Output;
use moothall_values::json::Object;

pub fn routes() -> Vec<Route> {
    vec![
        post(
            "/api/internal/action/{target}",
            "performAction",
            "Performs an action, `<plugin>.<action>`",
            internal,
        )
        .needs(Scope::Drive)
        .query(&[query::PLATFORM_ID, query::DRY_RUN, query::ALLOW_HTTP])
        .headers(INSTANCE)
        .body::<ActionBody>()
        .answers_any(200)
        .by_others()
        .changes_nothing()
        .fails(failure::CHOICE)
        .fails(failure::CALL)
        .fails(&[(400, Code::InvalidParameters), (404, Code::UnknownAction)]),
        post(
            "/api/action/{target}",
            "performPublicAction",
            "Performs a public action, `<plugin>.<action>`",
            public,
        )
        .public()
        .never_once("that is for drivers, under /api/internal")
        .query(&[query::PLATFORM_ID])
        .headers(INSTANCE)
        .body::<ActionBody>()
        .answers_any(200)
        .by_others()
        .fails(failure::CALL)
        .fails(&[(400, Code::InvalidParameters), (400, Code::MissingHeader)]),
    ]
}

/// The query of an action.
#[derive(Debug, Default, Deserialize)]
pub struct ActionQuery {
    #[serde(default)]
    dry_run: bool,
    /// A dry run in which the plugin's outbound requests are sent.
    #[serde(default)]
    allow_http: bool,
    community_platform_id: Option<String>,
}

/// The parameters of an action.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ActionCall")]
struct ActionBody {
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Map<String, Value>")]
    parameters: Option<Box<RawValue>>,
}

request_body!(ActionBody, unwrapped);

/// What stands beside no `parameters` is most likely one of them.
fn unwrapped(name: &str, body: &Value) -> Option<String> {
    let is_meant =
        body.get("parameters").is_none() && !name.to_ascii_lowercase().starts_with("param");
    is_meant.then(|| {
        format!("the parameters of an action are wrapped: {{\"parameters\": {{\"{name}\": …}}}}")
    })
}

/// A null that was sent is not the same as an absent value.
fn given<'de, D: Deserializer<'de>>(parameters: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(parameters).map(Some)
}

async fn internal(
    State(api): State<Arc<Api>>,
    Path(target): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    perform(&api, &target, request, Reach::Every).await
}

async fn public(
    State(api): State<Arc<Api>>,
    Path(target): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    perform(&api, &target, request, Reach::Public).await
}

async fn perform(
    api: &Arc<Api>,
    target: &str,
    request: Request,
    reach: Reach,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let query = query_of(&head, reach)?;
    let mut asked = request_of(api, target, &head, &query, reach)?;
    // With an Idempotency-Key the body is part of the key: a stored answer is sent again even if the plugin has
    // changed.
    let is_once =
        reach == Reach::Every && !query.dry_run && idempotency::is_asked_for(&head.headers);
    let (found, bytes) = resolve_and_read(api, &asked, body, is_once).await?;
    let parsed: ActionBody = body::parse_first(&bytes)?;
    let begun = if is_once { idempotency::begin(api, &head, &bytes)? } else { Begun::Plain };
    let first = match begun {
        Begun::Plain => None,
        Begun::Replayed(response) => return Ok(response),
        Begun::First(first) => Some(first),
    };
    let found = found.map_or_else(|| resolve(api, &asked), Ok)?;
    // The text itself, without a copy.
    asked.parameters =
        parsed.parameters.map_or_else(|| "{}".to_owned(), |one| Box::<str>::from(one).into());
    let mut not_asked = Vec::new();
    if let Some(hook) = api.hooks.active(Builtin::ActionRequested) {
        let may_send = !query.dry_run || query.allow_http;
        match Box::pin(filtered(api, &asked, hook, may_send)).await? {
            Gate::Continue(left) => (asked.parameters, not_asked) = left,
            Gate::Break(answer) => return Ok(answer),
        }
    }
    let request_id = asked.request_id.clone();
    let call = api.calls.action(found, asked).await.map_err(|error| failed(error, reach))?;
    match first {
        _ if query.dry_run => Box::pin(dry(api, call, query.allow_http, not_asked)).await,
        None => Ok(answered(api.calls.run(call, Mode::Commit).await?)),
        Some(first) => Box::pin(once(api, call, first, &request_id)).await,
    }
}

fn query_of(head: &Parts, reach: Reach) -> Result<ActionQuery, Problem> {
    if head.uri.query().is_none() {
        return Ok(ActionQuery::default());
    }
    let Query(query) =
        Query::<ActionQuery>::try_from_uri(&head.uri).map_err(|_| Problem::unread_query())?;
    if query.dry_run && reach == Reach::Public {
        let detail = "A dry run shows a plugin's state; it is answered under /api/internal only";
        return Err(Problem::bad_request(detail));
    }
    if query.allow_http && !query.dry_run {
        return Err(Problem::bad_query(
            "`allow_http` is of a dry run; give `dry_run=true` as well, or leave it out. Nothing was done",
        ));
    }
    Ok(query)
}

/// The action by the request's head, without its parameters.
fn request_of<'a>(
    api: &Api,
    target: &'a str,
    head: &'a Parts,
    query: &'a ActionQuery,
    reach: Reach,
) -> Result<ActionRequest<'a>, Problem> {
    let (plugin, action) = target
        .split_once('.')
        .ok_or_else(|| Problem::not_found("An action is called as `<plugin>.<action>`"))?;
    Ok(ActionRequest {
        community: community(&head.headers)?,
        platform_id: platform_id(&head.headers, query.community_platform_id.as_deref())?,
        plugin,
        action,
        parameters: String::new(),
        reach,
        request_id: request_id_of(&head.extensions, &api.context.clock),
    })
}

fn resolve(api: &Api, asked: &ActionRequest<'_>) -> Result<Resolved, Problem> {
    api.calls.resolve(asked).map_err(|error| failed(error, asked.reach))
}

/// Reads the body after the action was resolved, unless `is_once`. Returns the resolved action only if the
/// whole body had arrived already: while a slow body arrives, the action may change.
async fn resolve_and_read(
    api: &Api,
    asked: &ActionRequest<'_>,
    body: Body,
    is_once: bool,
) -> Result<(Option<Resolved>, Bytes), Problem> {
    let found = if is_once { None } else { Some(resolve(api, asked)?) };
    let mut reading = pin!(body::read(api, body));
    match reading.as_mut().now_or_never() {
        Some(bytes) => Ok((found, bytes?)),
        None => Ok((None, reading.await?)),
    }
}

/// Runs the call without storing anything; the answer shows what it would have done.
async fn dry(
    api: &Arc<Api>,
    call: ValidatedCall,
    allow_http: bool,
    not_asked: Vec<String>,
) -> Result<Response, Problem> {
    let call = if allow_http { call } else { call.without_sending() };
    let mut answer = api.calls.run(call, Mode::Collect).await?;
    let Some(collected) = answer.effects.take() else { return Ok(answered(answer)) };
    dry_run::shown(api, answer.text().as_deref(), collected, not_asked).map(json_text)
}

fn failed(error: CallError, reach: Reach) -> Problem {
    match reach {
        Reach::Public => Problem::of_public(error),
        Reach::Every => error.into(),
    }
}

/// The parameters as the hook's steps leave them, and which steps a dry run did not ask.
async fn filtered(
    api: &Api,
    asked: &ActionRequest<'_>,
    hook: Arc<Hook>,
    may_send: bool,
) -> Result<Gate<(String, Vec<String>)>, Problem> {
    let ActionRequest { community: slug, plugin, action, parameters, request_id, .. } = asked;
    let data = Object::new().with("community", *slug).with("plugin", *plugin);
    let data = data.with("action", *action).carrying("parameters", parameters).end();
    let (community, request_id) = (api.context.communities.get(slug), request_id.clone());
    let run = Run { hook, community, data, request_id, may_send };
    match hook_gate::ask(api, Builtin::ActionRequested, run).await? {
        Gate::Continue(passed) => {
            Ok(Gate::Continue((parameters_of(&passed.data)?, passed.not_asked)))
        }
        Gate::Break(answer) => Ok(Gate::Break(answer)),
    }
}

/// The response is remembered in the commit of the call.
async fn once(
    api: &Arc<Api>,
    call: ValidatedCall,
    first: FirstWithKey,
    request_id: &RequestId,
) -> Result<Response, Problem> {
    let remembered = first.clone();
    let finish: BeforeCommit<Arc<RunningKey>> = Box::new(move |output, collected| {
        let text = match output {
            Output::Text(text) => text.clone(),
            _ => None,
        };
        let json = ("content-type".to_owned(), "application/json".to_owned());
        let headers = text.iter().map(|_| json.clone()).collect();
        let body = text.unwrap_or_default().into_bytes();
        let answer = PreparedAnswer { status: StatusCode::OK.as_u16(), headers, body };
        let remember = remembered.clone().remember(answer);
        remember.or_else(|| (!collected.is_empty()).then(|| remembered.run_on()))
    });
    match api.calls.run_making(call, Mode::BeforeCommit(finish)).await {
        Ok(done) => Ok(answered(done)),
        Err(error) => {
            let problem = Problem::from(error);
            idempotency::refused(first, api, &problem, request_id).await;
            Err(problem)
        }
    }
}

/// The result, or an empty body.
fn answered<T>(answer: Answer<T>) -> Response {
    answer.text().map_or_else(|| ().into_response(), json_text)
}
