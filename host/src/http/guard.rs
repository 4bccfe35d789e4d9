//! The host's own hooks around its API: what a step halts becomes an answer, what it changes goes on.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::Value;

use super::Api;
use super::error::Problem;
use crate::communities::Community;
use crate::hooks::{Builtin, Ended, Exception, Run};
use crate::ids::RequestId;

const REDIRECT: &str = "RedirectToPage";
const CUSTOM: &str = "RenderCustomResponse";

/// Runs a hook that has steps; the data as they left it. `data` is made only if there is one.
pub async fn pass(
    api: &Api,
    point: Builtin,
    community: Option<&Arc<Community>>,
    request_id: &RequestId,
    data: impl FnOnce() -> Value,
) -> Result<Option<Value>, Problem> {
    let Some(hook) = api.hooks.active(point) else { return Ok(None) };
    let (request, community) = (request_id.clone(), community.cloned());
    let request_id = request_id.clone();
    let outcome = api.hooks.run(Run { hook, community, data: data(), request_id }).await;
    match outcome.ended {
        Ended::Continue => Ok(Some(outcome.data)),
        Ended::Halt(exception) => Err(answer(api, &exception)),
        Ended::Error(reason) => {
            let (hook, request) = (point.name(), request.as_str());
            tracing::warn!(hook, request, "a request was refused: {reason}");
            Err(Problem::hook_failed(format!("A step of the hook {hook} failed, and it may not")))
        }
        Ended::Exhausted(reason) => {
            let (hook, request) = (point.name(), request.as_str());
            tracing::error!(hook, request, "a request was refused: {reason}");
            Err(Problem::no_room(format!("The host could not ask a step of the hook {hook}")))
        }
    }
}

fn answer(api: &Api, exception: &Exception) -> Problem {
    match exception.name.as_str() {
        REDIRECT => redirect(api, exception),
        CUSTOM => custom(api, exception),
        // A setting such as `redirect_on_4xx`, or a step that says where to.
        _ if exception.redirect_to.is_some() => redirect(api, exception),
        _ => prevented(exception),
    }
}

fn redirect(api: &Api, exception: &Exception) -> Problem {
    match target(api, exception.redirect_to.as_deref().unwrap_or_default()) {
        Ok(url) => {
            let location = vec![("location".to_owned(), url)];
            Problem::instead(StatusCode::FOUND, location, Vec::new())
        }
        Err(problem) => problem,
    }
}

/// The page, if browsers may be sent to it.
fn target(api: &Api, page: &str) -> Result<String, Problem> {
    let refusal = |reason: String| {
        Problem::hook_failed(format!("A hook redirects to a page that is not allowed: {reason}"))
    };
    api.oauth.may_redirect(page).map(String::from).map_err(refusal)
}

fn custom(api: &Api, exception: &Exception) -> Problem {
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
            "location" if status.is_redirection() => target(api, value),
            // A redirect too, whatever the status.
            "refresh" => Err(Problem::hook_failed(
                "A hook answers with the header `Refresh`; it redirects with RedirectToPage",
            )),
            _ => Ok(value.to_owned()),
        };
        match value {
            Ok(value) => headers.push((name.clone(), value)),
            Err(problem) => return problem,
        }
    }
    Problem::instead(status, headers, text("content").unwrap_or_default().as_bytes().to_vec())
}

/// Its status if that refuses anything, else 403.
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
