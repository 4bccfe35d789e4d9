//! `/api/hooks`: passes webhooks of any method to their receivers, as raw bytes.

mod handshake;

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::api::Api;
use crate::http::middleware::body_budget::BodyReservation;
use crate::http::middleware::foreign_response::{LeftOut, rendered};
use crate::http::middleware::hook_gate::Gate;
use crate::http::middleware::instance::InstanceQuery;
use crate::http::middleware::path::Path;
use crate::http::middleware::request_id::request_id_of;
use crate::http::middleware::{access, body, hook_gate};
use crate::http::problem::Problem;
use crate::http::problem::code::Code;
use crate::http::route::failure;
use crate::http::route::failure::Failure;
use crate::http::route::{Route, any, query};
use moothall_background::webhooks::{Address, Room};
use moothall_core::ids::RequestId;
use moothall_core::web;
use moothall_engine::hooks::Builtin;

/// How a webhook can fail before its receiver is called.
const WEBHOOK: &[Failure] = &[
    (401, Code::BadSignature),
    (403, Code::HandshakeRefused),
    (503, Code::WebhookSecretMissing),
    (503, Code::WebhookSecretUnusable),
];

pub fn routes() -> Vec<Route> {
    vec![
        any(
            Method::POST,
            "/api/hooks/{plugin}",
            "receivePlatformWebhook",
            "A webhook of a whole platform; any method, handshakes without a signature",
            of_platform,
        )
        .public()
        .of_others()
        .any_body()
        .by_others()
        // If neither the receiver nor a process responds.
        .answers_nothing(200)
        .fails(failure::CALL)
        .fails(WEBHOOK),
        any(
            Method::POST,
            "/api/hooks/{community}/{plugin}",
            "receiveWebhook",
            "A webhook of an instance; any method. What the manifest declares as handshakes needs no signature",
            of_instance,
        )
        .public()
        .query(&[query::PLATFORM_ID])
        .of_others()
        .any_body()
        .by_others()
        // If neither the receiver nor a process responds.
        .answers_nothing(200)
        .fails(failure::CALL)
        .fails(WEBHOOK),
        any(
            Method::POST,
            "/api/hooks/{community}/{plugin}/{webhook_slug}",
            "receiveWebhookWithSlug",
            "A webhook of an instance whose config has a `webhook_slug`; any method",
            of_instance_with_slug,
        )
        .public()
        .query(&[query::PLATFORM_ID])
        .of_others()
        .any_body()
        .by_others()
        // If neither the receiver nor a process responds.
        .answers_nothing(200)
        .fails(failure::CALL)
        .fails(WEBHOOK),
    ]
}

async fn of_platform(
    State(api): State<Arc<Api>>,
    Path(plugin): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let found = api.webhooks.find_global(&plugin)?;
    let reservation = request.extensions().get().cloned();
    let (request, id) = read(&api, request).await?;
    if let Some(greeted) = api.webhooks.handshake_global(&found, &request, &id).await? {
        return Ok(answer(&api, &plugin, &id, Some(handshake::response(greeted))));
    }
    let (accepted, request) =
        decoding(&api, reservation, |room| api.webhooks.accept_global(found, request, room))?;
    if let Gate::Break(answer) = received(&api, None, &plugin, &request, &id).await? {
        return Ok(answer);
    }
    let response = api.webhooks.receive_global(accepted, request, id.clone()).await?;
    Ok(answer(&api, &plugin, &id, response))
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
    let query = Query::<InstanceQuery>::try_from_uri(request.uri());
    // The query is the platform's: if the host cannot read it, it chooses nothing.
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let platform_id = query.community_platform_id.as_deref();
    let found = api.webhooks.find(&Address { community, plugin, platform_id, slug })?;
    let reservation = request.extensions().get().cloned();
    let (request, id) = read(api, request).await?;
    if let Some(greeted) = api.webhooks.handshake(&found, &request, &id).await? {
        return Ok(answer(api, plugin, &id, Some(handshake::response(greeted))));
    }
    let (accepted, request) =
        decoding(api, reservation, |room| api.webhooks.accept(found, request, room))?;
    if let Gate::Break(answer) = received(api, Some(community), plugin, &request, &id).await? {
        return Ok(answer);
    }
    let response = api.webhooks.receive(accepted, request, id.clone()).await?;
    Ok(answer(api, plugin, &id, response))
}

/// Within the limit of a body, compressed or not.
fn decoding<T>(
    api: &Api,
    reservation: Option<Arc<BodyReservation>>,
    accept: impl FnOnce(&Room<'_>) -> T,
) -> T {
    let take =
        |bytes| reservation.as_ref().is_some_and(|reservation| reservation.grow(bytes).is_ok());
    accept(&Room { body_bytes: api.config.body_bytes, take: &take })
}

/// Runs the hook after the signature was verified and before any receiver: no plugin sees a halted request.
async fn received(
    api: &Api,
    slug: Option<&str>,
    plugin: &str,
    request: &web::Request,
    id: &RequestId,
) -> Result<Gate<()>, Problem> {
    let community = slug.and_then(|slug| api.context.communities.get(slug));
    let data = || {
        json!({
            "community": slug,
            "plugin": plugin,
            "method": request.method,
            "query": request.query,
            "headers": shown(&request.headers),
            "body": String::from_utf8_lossy(&request.body),
        })
        .to_string()
    };
    let passed = hook_gate::pass(api, Builtin::WebhookReceived, community.as_ref(), id, data);
    Ok(passed.await?.map_continue(drop))
}

/// Without the sender's credentials, which are not for steps.
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
    // A plugin must not see a driver's key, wherever the driver sends it.
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
    Ok((Arc::new(request), request_id_of(&head.extensions, &api.context.clock)))
}

/// The plugin's own response; 200 without a body if it has none.
pub fn answer(
    api: &Api,
    plugin: &str,
    request: &RequestId,
    response: Option<web::Response>,
) -> Response {
    let Some(given) = response else { return StatusCode::OK.into_response() };
    let (response, left_out) = rendered(given);
    if !left_out.is_empty() {
        tell_left_out(api, plugin, request, &left_out);
    }
    response
}

/// Logged as one line of the plugin, for an author who misses a header.
fn tell_left_out(api: &Api, plugin: &str, request: &RequestId, left_out: &LeftOut) {
    let serving = api.context.plugins.get(plugin);
    if serving.is_some_and(|serving| serving.context.quota.log.take()) {
        let request = request.as_str();
        tracing::warn!(plugin, request, "headers of its response were left out: {left_out}");
    }
}
