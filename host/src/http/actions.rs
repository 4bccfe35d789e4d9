//! `POST /api/internal/action/{plugin}.{action}`, and `/api/action/…` for public ones.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::{Api, body};
use crate::calls::{ActionRequest, Answer, Mode};
use crate::effects::Effects;
use crate::ids::RequestId;

pub const COMMUNITY: &str = "X-Metagov-Community";
const PLATFORM: HeaderName = HeaderName::from_static("x-metagov-platform-id");

/// The query of an action.
#[derive(Debug, Default, Deserialize)]
pub struct ActionQuery {
    #[serde(default)]
    dry_run: bool,
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
    query: Result<Query<ActionQuery>, axum::extract::rejection::QueryRejection>,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    perform(&api, &target, query, request_id, &headers, body, false).await
}

pub async fn public(
    State(api): State<Arc<Api>>,
    Path(target): Path<String>,
    query: Result<Query<ActionQuery>, axum::extract::rejection::QueryRejection>,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    perform(&api, &target, query, request_id, &headers, body, true).await
}

async fn perform(
    api: &Arc<Api>,
    target: &str,
    query: Result<Query<ActionQuery>, axum::extract::rejection::QueryRejection>,
    request_id: RequestId,
    headers: &HeaderMap,
    body: Body,
    public_only: bool,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let (plugin, action) = target
        .split_once('.')
        .ok_or_else(|| Problem::not_found("An action is called as `<plugin>.<action>`"))?;
    let body: ActionBody = body::json(api, body).await?;
    let call = api.calls.action(ActionRequest {
        community: community(headers)?,
        platform_id: platform_id(headers, &query),
        plugin,
        action,
        parameters: body.parameters.unwrap_or_else(|| Value::Object(Map::new())),
        public_only,
        request_id,
    })?;
    let mode = if query.dry_run { Mode::Collect } else { Mode::Commit };
    Ok(answer(api.calls.run(call, mode).await?))
}

/// The slug in `X-Metagov-Community`.
pub fn community(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(COMMUNITY).ok_or_else(|| Problem::missing_header(COMMUNITY))?;
    value
        .to_str()
        .map_err(|_| Problem::bad_request(format!("The header '{COMMUNITY}' is not text")))
}

fn platform_id<'a>(headers: &'a HeaderMap, query: &'a ActionQuery) -> Option<&'a str> {
    let header = headers.get(PLATFORM).and_then(|value| value.to_str().ok());
    header.or(query.community_platform_id.as_deref())
}

fn answer(answer: Answer) -> Response {
    let response = match answer.effects {
        None => answer.response,
        Some(effects) => Some(dry_run(answer.response.as_deref(), effects)),
    };
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match response {
        Some(text) => ([json], text).into_response(),
        None => ().into_response(),
    }
}

/// What the call answered, and what it would have done.
fn dry_run(response: Option<&str>, effects: Effects) -> String {
    // All of it was checked to be JSON where it came in.
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let state: Map<String, Value> = effects
        .into_state()
        .into_iter()
        .map(|(key, written)| (key, written.as_deref().map_or(Value::Null, value)))
        .collect();
    let effects =
        json!({ "state": state, "events": [], "processes": [], "deliveries": [], "http": [] });
    json!({ "response": response.map_or(Value::Null, value), "effects": effects }).to_string()
}
