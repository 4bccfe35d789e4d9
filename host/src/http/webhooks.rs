//! `/api/hooks`: any method, raw bytes, the plugin's own response.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde::Deserialize;
use serde_json::json;

use super::error::Problem;
use super::{Api, access, body, door, guard};
use crate::hooks::Builtin;
use crate::ids::RequestId;
use crate::web;
use crate::webhooks::Address;

/// Headers of a plugin's response that are the host's to set, or would act on the host's own origin.
const NOT_PASSED_ON: [&str; 11] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// What a browser lets a plugin's page do.
const SANDBOX: HeaderValue =
    HeaderValue::from_static("sandbox allow-forms allow-scripts allow-popups");

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/hooks/{plugin}", any(of_platform))
        .route("/api/hooks/{community}/{plugin}", any(of_instance))
        .route("/api/hooks/{community}/{plugin}/{webhook_slug}", any(of_instance_with_slug))
}

#[derive(Debug, Default, Deserialize)]
struct HookQuery {
    community_platform_id: Option<String>,
}

async fn of_platform(
    State(api): State<Arc<Api>>,
    Path(plugin): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let found = api.webhooks.find_global(&plugin)?;
    let (request, id) = read(&api, request).await?;
    let accepted = api.webhooks.accept_global(found, &request)?;
    received(&api, None, &plugin, &request, &id).await?;
    let response = api.webhooks.receive_global(accepted, request, id).await?;
    Ok(answer(response))
}

async fn of_instance(
    State(api): State<Arc<Api>>,
    Path((community, plugin)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    receive(&api, &community, &plugin, None, request).await
}

async fn of_instance_with_slug(
    State(api): State<Arc<Api>>,
    Path((community, plugin, slug)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    receive(&api, &community, &plugin, Some(&slug), request).await
}

async fn receive(
    api: &Arc<Api>,
    community: &str,
    plugin: &str,
    slug: Option<&str>,
    request: Request,
) -> Result<Response, Problem> {
    let query = Query::<HookQuery>::try_from_uri(request.uri());
    // A platform's query is its own: what cannot be read as ours chooses nothing.
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let platform_id = query.community_platform_id.as_deref();
    let found = api.webhooks.find(&Address { community, plugin, platform_id, slug })?;
    let (request, id) = read(api, request).await?;
    let accepted = api.webhooks.accept(found, &request)?;
    received(api, Some(community), plugin, &request, &id).await?;
    let response = api.webhooks.receive(accepted, request, id).await?;
    Ok(answer(response))
}

/// The hook before any receiver, and after the signature: what is rejected nobody sees.
async fn received(
    api: &Api,
    slug: Option<&str>,
    plugin: &str,
    request: &web::Request,
    id: &RequestId,
) -> Result<(), Problem> {
    let community = slug.and_then(|slug| api.calls.communities.get(slug));
    let data = || {
        json!({
            "community": slug,
            "plugin": plugin,
            "method": request.method,
            "query": request.query,
            "headers": shown(&request.headers),
            "body": String::from_utf8_lossy(&request.body),
        })
    };
    guard::pass(api, Builtin::WebhookReceived, community.as_ref(), id, data).await.map(drop)
}

/// Without what lets its sender in: steps are not who it is for.
fn shown(headers: &[(String, String)]) -> Vec<&(String, String)> {
    let is_secret = |name: &str| {
        matches!(name, "authorization" | "cookie" | "proxy-authorization")
            || name.ends_with("-token")
    };
    headers.iter().filter(|(name, _)| !is_secret(&name.to_ascii_lowercase())).collect()
}

pub async fn read(api: &Api, request: Request) -> Result<(Arc<web::Request>, RequestId), Problem> {
    let (head, body) = request.into_parts();
    let bytes = body::read(api, body).await?;
    // A driver's key is no plugin's to see, wherever the driver sends it.
    let is_key = |name: &HeaderName, value: &HeaderValue| {
        name == header::AUTHORIZATION && access::is_key(value)
    };
    let headers =
        head.headers.iter().filter(|(name, value)| !is_key(name, value)).map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
    let request = web::Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: bytes.to_vec(),
    };
    Ok((Arc::new(request), door::request_id_of(&head.extensions, &api.clock)))
}

/// The plugin's own response; 200 and nothing if it has none.
pub fn answer(response: Option<web::Response>) -> Response {
    let Some(given) = response else { return StatusCode::OK.into_response() };
    let status = StatusCode::from_u16(given.status).unwrap_or(StatusCode::OK);
    let mut response = (status, given.body).into_response();
    response.headers_mut().clear();
    for (name, value) in given.headers {
        let (name, value) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>());
        if let (Ok(name), Ok(value)) = (name, value)
            && !NOT_PASSED_ON.contains(&name.as_str())
        {
            response.headers_mut().append(name, value);
        }
    }
    // A page of a plugin's is of no origin: it can ask the host for nothing in its reader's name.
    response.headers_mut().append(header::CONTENT_SECURITY_POLICY, SANDBOX);
    response.extensions_mut().insert(door::Verbatim);
    response
}
