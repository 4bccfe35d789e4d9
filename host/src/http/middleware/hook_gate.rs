//! Runs the host's own hooks before requests: a step may change a request's data, answer it, or refuse it.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::api::Api;
use crate::http::middleware::foreign_response::rendered;
use crate::http::problem::Problem;
use moothall_core::ids::RequestId;
use moothall_core::web;
use moothall_engine::communities::Community;
use moothall_engine::hooks::{Builtin, Ended, Exception, Run};
use moothall_values::json::NULL;

const REDIRECT: &str = "RedirectToPage";
const CUSTOM: &str = "RenderCustomResponse";

/// The request goes on with this, or ends with a step's answer.
pub type Gate<T> = ControlFlow<Response, T>;

/// The data as a hook's steps left it.
pub struct Passed {
    /// A JSON text.
    pub data: String,
    /// Steps that a dry run did not ask, by their ids.
    pub not_asked: Vec<String>,
}

/// Runs a hook that has steps; returns the data as they left it, a JSON text like `data`, which is made only if
/// there is a step.
pub async fn pass(
    api: &Api,
    point: Builtin,
    community: Option<&Arc<Community>>,
    request_id: &RequestId,
    data: impl FnOnce() -> String,
) -> Result<Gate<Option<String>>, Problem> {
    let Some(hook) = api.hooks.active(point) else { return Ok(Gate::Continue(None)) };
    let (community, request_id) = (community.cloned(), request_id.clone());
    let run = Run { hook, community, data: data(), request_id, may_send: true };
    Ok(ask(api, point, run).await?.map_continue(|passed| Some(passed.data)))
}

/// Runs a hook around the API: a halt or a failure ends the request. `Hooks::run` has logged the failure.
pub async fn ask(api: &Api, point: Builtin, run: Run) -> Result<Gate<Passed>, Problem> {
    let request = run.request_id.clone();
    let outcome = api.hooks.run(run).await;
    let hook = point.name();
    match outcome.ended {
        Ended::Continue => {
            Ok(Gate::Continue(Passed { data: outcome.data, not_asked: outcome.not_asked }))
        }
        Ended::Halt(exception) => match answer(api, &exception) {
            Ok(Some(response)) => Ok(Gate::Break(sent(response))),
            Ok(None) => Err(prevented(&exception)),
            Err(reason) => {
                let request = request.as_str();
                tracing::warn!(hook, request, "a hook's answer cannot be given: {reason}");
                Err(Problem::hook_failed(reason, None))
            }
        },
        Ended::Error(_, call) => {
            let detail = format!("A step of the hook {hook} failed, and it may not");
            Err(Problem::hook_failed(detail, call))
        }
        Ended::Exhausted(_) => {
            Err(Problem::no_room(format!("The host could not ask a step of the hook {hook}")))
        }
    }
}

/// The answer of a halt, if it has one; or why it cannot be sent.
fn answer(api: &Api, exception: &Exception) -> Result<Option<web::Response>, String> {
    match exception.name.as_str() {
        REDIRECT => redirect(api, exception).map(Some),
        CUSTOM => custom(api, exception).map(Some),
        // A setting such as `redirect_on_4xx`, or a step that names a URL.
        _ if exception.redirect_to.is_some() => redirect(api, exception).map(Some),
        _ => Ok(None),
    }
}

fn sent(response: web::Response) -> Response {
    let (response, left_out) = rendered(response);
    if !left_out.is_empty() {
        tracing::warn!("headers of a hook's response were left out: {left_out}");
    }
    response
}

fn redirect(api: &Api, exception: &Exception) -> Result<web::Response, String> {
    let url = target(api, exception.redirect_to.as_deref().unwrap_or_default())?;
    let headers = vec![("location".to_owned(), url)];
    Ok(web::Response { status: StatusCode::FOUND.as_u16(), headers, body: Vec::new() })
}

/// The page, if browsers may be sent to it.
fn target(api: &Api, page: &str) -> Result<String, String> {
    let refusal = |reason| format!("A hook redirects to a page that is not allowed: {reason}");
    api.oauth.may_redirect(page).map(|url| url.to_string()).map_err(refusal)
}

fn custom(api: &Api, exception: &Exception) -> Result<web::Response, String> {
    let text = |key: &str| exception.more.get(key).and_then(Value::as_str);
    let status = exception.more.get("status").and_then(Value::as_u64);
    let status = status.and_then(|status| u16::try_from(status).ok()).or(exception.status_code);
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.filter(|status| status.as_u16() >= 200).unwrap_or(StatusCode::OK);
    let content_type = text("content_type").unwrap_or("text/html; charset=utf-8").to_owned();
    let mut headers = vec![("content-type".to_owned(), content_type)];
    let more = exception.more.get("headers").and_then(Value::as_object);
    for (name, value) in more.into_iter().flatten() {
        let Some(value) = value.as_str() else { continue };
        let value = match name.to_ascii_lowercase().as_str() {
            "content-type" => continue,
            "location" if status.is_redirection() => target(api, value)?,
            // This is a redirect too, whatever the status.
            "refresh" => {
                let refusal =
                    "A hook answers with the header `Refresh`; it redirects with RedirectToPage";
                return Err(refusal.to_owned());
            }
            _ => value.to_owned(),
        };
        headers.push((name.clone(), value));
    }
    let body = text("content").unwrap_or_default().as_bytes().to_vec();
    Ok(web::Response { status: status.as_u16(), headers, body })
}

/// The halt's status if it is a refusal, else 403.
fn prevented(exception: &Exception) -> Problem {
    let status = exception.status_code.and_then(|code| StatusCode::from_u16(code).ok());
    let refuses = |status: &StatusCode| status.is_client_error() || status.is_server_error();
    let status = status.filter(refuses).unwrap_or(StatusCode::FORBIDDEN);
    let message = match exception.message.as_str() {
        "" => format!("A step of a hook prevents this ({})", exception.name),
        message => message.to_owned(),
    };
    Problem::prevented(status, message, exception)
}

/// One part of a hook's data.
#[derive(Deserialize)]
struct Left {
    parameters: Option<Box<RawValue>>,
}

/// The parameters as the hook's steps left them.
pub fn parameters_of(data: &str) -> Result<String, Problem> {
    let left: Left = serde_json::from_str(data)
        .map_err(|error| Problem::internal(format!("a hook's data cannot be read: {error}")))?;
    Ok(left.parameters.map_or_else(|| NULL.to_owned(), |one| one.get().to_owned()))
}
