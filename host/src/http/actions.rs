//! `POST /api/internal/action/{plugin}.{action}`, and `/api/action/…` for public ones.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::idempotency::{Begun, First};
use super::{Api, body, door, dry_run, guard, idempotency};
use crate::calls::{ActionRequest, Answer, CallError, Finish, Mode, Reach, ValidatedCall};
use crate::guest::Output;
use crate::hooks::Builtin;
use crate::ids::RequestId;

pub const COMMUNITY: &str = "X-Metagov-Community";
const PLATFORM: HeaderName = HeaderName::from_static("x-metagov-platform-id");

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
struct ActionBody {
    parameters: Option<Value>,
}

pub async fn internal(
    State(api): State<Arc<Api>>,
    Path(target): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    perform(&api, &target, request, Reach::Every).await
}

pub async fn public(
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
    let Query(query) = Query::<ActionQuery>::try_from_uri(&head.uri)
        .map_err(|error| Problem::bad_request(error.body_text()))?;
    if query.dry_run && reach == Reach::Public {
        let detail = "A dry run shows a plugin's state; it is answered under /api/internal only";
        return Err(Problem::bad_request(detail));
    }
    let (plugin, action) = target
        .split_once('.')
        .ok_or_else(|| Problem::not_found("An action is called as `<plugin>.<action>`"))?;
    let mut asked = ActionRequest {
        community: community(&head.headers)?,
        platform_id: platform_id(&head.headers, &query),
        plugin,
        action,
        parameters: Value::Null,
        reach,
        request_id: door::request_id_of(&head.extensions, &api.clock),
    };
    let find = |asked: &ActionRequest<'_>| api.calls.resolve(asked).map_err(|e| told(e, reach));
    // Nobody's body is read before it is known what it is for. With an Idempotency-Key it is part of the key:
    // what was answered stays answered, whatever became of the plugin.
    let is_once = reach == Reach::Every && !query.dry_run && idempotency::is_asked_for(&head);
    if !is_once {
        find(&asked)?;
    }
    let bytes = body::read(api, body).await?;
    let parsed: ActionBody = body::parse(&bytes)?;
    let begun = if is_once { idempotency::begin(api, &head, &bytes)? } else { Begun::Plain };
    let first = match begun {
        Begun::Plain => None,
        Begun::Replayed(response) => return Ok(response),
        Begun::First(first) => Some(first),
    };
    // Again: a body takes its time, and what was found may be another by now.
    let found = find(&asked)?;
    asked.parameters = parsed.parameters.unwrap_or_else(|| Value::Object(Map::new()));
    if !query.dry_run && api.hooks.active(Builtin::ActionRequested).is_some() {
        match (filtered(api, &asked).await, &first) {
            (Ok(data), _) => asked.parameters = data,
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
        return answer(api, api.calls.run(call, Mode::Collect).await?);
    }
    match first {
        None => answer(api, api.calls.run(call, Mode::Commit).await?),
        Some(first) => once(api, call, first, &request_id).await,
    }
}

fn told(error: CallError, reach: Reach) -> Problem {
    match reach {
        Reach::Public => Problem::of_public(error),
        Reach::Every => error.into(),
    }
}

/// The parameters as the hook's steps leave them.
async fn filtered(api: &Api, asked: &ActionRequest<'_>) -> Result<Value, Problem> {
    let ActionRequest { community: slug, plugin, action, parameters, request_id, .. } = asked;
    let community = api.calls.communities.get(slug);
    let data = || json!({ "community": slug, "plugin": plugin, "action": action, "parameters": parameters });
    let point = Builtin::ActionRequested;
    let data = guard::pass(api, point, community.as_ref(), request_id, data).await?;
    Ok(data.map_or_else(|| parameters.clone(), |mut data| data["parameters"].take()))
}

/// The response is remembered in the commit of the call.
async fn once(
    api: &Arc<Api>,
    call: ValidatedCall,
    first: First,
    request_id: &RequestId,
) -> Result<Response, Problem> {
    let remembered = first.clone();
    let finish: Finish = Box::new(move |output, collected| {
        let text = match output {
            Output::Text(text) => text.clone(),
            _ => None,
        };
        let json = ("content-type".to_owned(), "application/json".to_owned());
        let headers = text.iter().map(|_| json.clone()).collect();
        let body = text.unwrap_or_default().into_bytes();
        remembered.remember(StatusCode::OK, headers, body, Some(collected))
    });
    match api.calls.run(call, Mode::Finish(finish)).await {
        Ok(done) => answer(api, done),
        Err(error) => {
            let problem = Problem::from(error);
            first.refused(api, &problem, request_id).await;
            Err(problem)
        }
    }
}

/// The slug in `X-Metagov-Community`.
pub fn community(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(COMMUNITY).ok_or_else(|| Problem::missing_header(COMMUNITY))?;
    value
        .to_str()
        .map_err(|_| Problem::bad_request(format!("The header '{COMMUNITY}' is not text")))
}

/// `community_platform_id`, in the header or the query.
pub fn platform_id<'a>(headers: &'a HeaderMap, query: &'a ActionQuery) -> Option<&'a str> {
    let header = headers.get(PLATFORM).and_then(|value| value.to_str().ok());
    header.or(query.community_platform_id.as_deref())
}

fn answer(api: &Api, mut answer: Answer) -> Result<Response, Problem> {
    let (collected, text) = (answer.effects.take(), answer.text());
    let response = match collected {
        None => text,
        Some(collected) => Some(dry_run::told(api, text.as_deref(), collected)?),
    };
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match response {
        Some(text) => Ok(([json], text).into_response()),
        None => Ok(().into_response()),
    }
}
