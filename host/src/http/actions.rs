//! `POST /api/internal/action/{plugin}.{action}`, and `/api/action/…` for public ones.

use std::pin::pin;
use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::error::Problem;
use super::idempotency::{Begun, First, Scope};
use super::path::Path;
use super::route::{INSTANCE, Route, failure, post, query};
use super::{Api, body, door, dry_run, guard, idempotency, json_text};
use crate::calls::{ActionRequest, Answer, BeforeCommit, CallError, Mode, Reach, ValidatedCall};
use crate::guest::Output;
use crate::hooks::{Builtin, Hook, Run};
use crate::ids::RequestId;
use crate::json::{NULL, Object};

pub const COMMUNITY: HeaderName = HeaderName::from_static("x-metagov-community");
pub const PLATFORM: HeaderName = HeaderName::from_static("x-metagov-platform-id");

pub fn routes() -> Vec<Route> {
    vec![
        post(
            "/api/internal/action/{target}",
            "performAction",
            "Performs an action, `<plugin>.<action>`",
            internal,
        )
        .query(&[query::PLATFORM_ID, query::DRY_RUN, query::ALLOW_HTTP])
        .headers(INSTANCE)
        .body("ActionCall")
        .answers_any(200)
        .by_others()
        .changes_nothing()
        .fails(failure::CHOICE)
        .fails(failure::CALL)
        .fails(&[(400, "invalid_parameters"), (404, "unknown_action")]),
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
        .body("ActionCall")
        .answers_any(200)
        .by_others()
        .fails(failure::CALL)
        .fails(&[(400, "invalid_parameters"), (400, "missing_header")]),
    ]
}

/// The query of an action.
#[derive(Debug, Default, Deserialize)]
pub struct ActionQuery {
    #[serde(default)]
    dry_run: bool,
    /// A dry run that sends what the plugin sends.
    #[serde(default)]
    allow_http: bool,
    community_platform_id: Option<String>,
}

/// `{"parameters": {…}}`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionBody {
    /// Null is what was given, and not what is absent.
    #[serde(default, deserialize_with = "given")]
    parameters: Option<Box<RawValue>>,
}

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
    let (plugin, action) = target
        .split_once('.')
        .ok_or_else(|| Problem::not_found("An action is called as `<plugin>.<action>`"))?;
    let mut asked = ActionRequest {
        community: community(&head.headers)?,
        platform_id: platform_id(&head.headers, &query)?,
        plugin,
        action,
        parameters: String::new(),
        reach,
        request_id: door::request_id_of(&head.extensions, &api.context.clock),
    };
    let find = |asked: &ActionRequest<'_>| api.calls.resolve(asked).map_err(|e| told(e, reach));
    // Nobody's body is read before it is known what it is for. With an Idempotency-Key it is part of the key:
    // what was answered stays answered, whatever became of the plugin.
    let is_once =
        reach == Reach::Every && !query.dry_run && idempotency::is_asked_for(&head.headers);
    let found = if is_once { None } else { Some(find(&asked)?) };
    let mut reading = pin!(body::read(api, body));
    let at_once = reading.as_mut().now_or_never();
    // A body that takes its time: what was found may be another by then.
    let found = found.filter(|_| at_once.is_some());
    let bytes = match at_once {
        Some(bytes) => bytes?,
        None => reading.await?,
    };
    let parsed: ActionBody = body::parse_first("ActionCall", &bytes)?;
    let begun = if is_once { idempotency::begin(api, &head, &bytes)? } else { Begun::Plain };
    let first = match begun {
        Begun::Plain => None,
        Begun::Replayed(response) => return Ok(response),
        Begun::First(first) => Some(first),
    };
    let found = found.map_or_else(|| find(&asked), Ok)?;
    asked.parameters =
        parsed.parameters.map_or_else(|| "{}".to_owned(), |one| one.get().to_owned());
    let mut not_asked = Vec::new();
    if let Some(hook) = api.hooks.active(Builtin::ActionRequested) {
        let may_send = !query.dry_run || query.allow_http;
        match (filtered(api, &asked, hook, may_send).await, &first) {
            (Ok((parameters, steps)), _) => (asked.parameters, not_asked) = (parameters, steps),
            (Err(problem), Some(first)) => {
                first.clone().refused(api, &problem, &asked.request_id).await;
                return Err(problem);
            }
            (Err(problem), None) => return Err(problem),
        }
    }
    let request_id = asked.request_id.clone();
    let call = api.calls.action(found, asked).await.map_err(|error| told(error, reach))?;
    if query.dry_run {
        let call = if query.allow_http { call } else { call.without_sending() };
        let mut answer = api.calls.run(call, Mode::Collect).await?;
        let Some(collected) = answer.effects.take() else { return Ok(answered(answer)) };
        return dry_run::told(api, answer.text().as_deref(), collected, not_asked).map(json_text);
    }
    match first {
        None => Ok(answered(api.calls.run(call, Mode::Commit).await?)),
        Some(first) => once(api, call, first, &request_id).await,
    }
}

fn told(error: CallError, reach: Reach) -> Problem {
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
) -> Result<(String, Vec<String>), Problem> {
    let ActionRequest { community: slug, plugin, action, parameters, request_id, .. } = asked;
    let data = Object::new().with("community", *slug).with("plugin", *plugin);
    let data = data.with("action", *action).carrying("parameters", parameters).end();
    let (community, request_id) = (api.context.communities.get(slug), request_id.clone());
    let run = Run { hook, community, data, request_id, may_send };
    let passed = guard::ask(api, Builtin::ActionRequested, run).await?;
    Ok((parameters_of(&passed.data)?, passed.not_asked))
}

/// The part of a hook's data that is asked for.
#[derive(Deserialize)]
struct Left {
    parameters: Option<Box<RawValue>>,
}

/// What the steps of a hook left of its data's parameters.
pub fn parameters_of(data: &str) -> Result<String, Problem> {
    let left: Left = serde_json::from_str(data)
        .map_err(|error| Problem::internal(format!("a hook's data cannot be read: {error}")))?;
    Ok(left.parameters.map_or_else(|| NULL.to_owned(), |one| one.get().to_owned()))
}

/// The response is remembered in the commit of the call.
async fn once(
    api: &Arc<Api>,
    call: ValidatedCall,
    first: First,
    request_id: &RequestId,
) -> Result<Response, Problem> {
    let remembered = first.clone();
    let finish: BeforeCommit<Arc<Scope>> = Box::new(move |output, collected| {
        let text = match output {
            Output::Text(text) => text.clone(),
            _ => None,
        };
        let json = ("content-type".to_owned(), "application/json".to_owned());
        let headers = text.iter().map(|_| json.clone()).collect();
        let body = text.unwrap_or_default().into_bytes();
        let remember = remembered.clone().remember(StatusCode::OK, headers, body);
        remember.or_else(|| (!collected.is_empty()).then(|| remembered.run_on()))
    });
    match api.calls.run_making(call, Mode::BeforeCommit(finish)).await {
        Ok(done) => Ok(answered(done)),
        Err(error) => {
            let problem = Problem::from(error);
            first.refused(api, &problem, request_id).await;
            Err(problem)
        }
    }
}

/// The slug in `X-Metagov-Community`.
pub fn community(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || Problem::missing_header("X-Metagov-Community");
    text_of(headers, &COMMUNITY)?.ok_or_else(missing)
}

/// `community_platform_id`, in the header or the query.
pub fn platform_id<'a>(
    headers: &'a HeaderMap,
    query: &'a ActionQuery,
) -> Result<Option<&'a str>, Problem> {
    let header = platform_header(headers)?;
    Ok(header.or(query.community_platform_id.as_deref()))
}

/// `community_platform_id` in `X-Metagov-Platform-Id`.
pub fn platform_header(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    text_of(headers, &PLATFORM)
}

fn text_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let refusal = |_| {
        Problem::bad_request(format!("The header '{name}' has other letters than those of ASCII"))
    };
    headers.get(name).map(|value| value.to_str().map_err(refusal)).transpose()
}

/// The result, or an empty body.
fn answered<T>(answer: Answer<T>) -> Response {
    answer.text().map_or_else(|| ().into_response(), json_text)
}
