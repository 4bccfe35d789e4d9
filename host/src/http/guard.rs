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

/// What a hook's steps left.
pub struct Passed {
    /// A JSON text.
    pub data: String,
    /// Steps that a dry run did not ask, by their ids.
    pub not_asked: Vec<String>,
}

/// Runs a hook that has steps; the data as they left it, a JSON text as `data` is, which is made only if there is one.
pub async fn pass(
    api: &Api,
    point: Builtin,
    community: Option<&Arc<Community>>,
    request_id: &RequestId,
    data: impl FnOnce() -> String,
) -> Result<Option<String>, Problem> {
    let Some(hook) = api.hooks.active(point) else { return Ok(None) };
    let (community, request_id) = (community.cloned(), request_id.clone());
    let run = Run { hook, community, data: data(), request_id, may_send: true };
    ask(api, point, run).await.map(|passed| Some(passed.data))
}

/// Runs a hook around the API: a halt and a failure become the answer. `Hooks::run` has logged the failure.
pub async fn ask(api: &Api, point: Builtin, run: Run) -> Result<Passed, Problem> {
    let request = run.request_id.clone();
    let outcome = api.hooks.run(run).await;
    let hook = point.name();
    match outcome.ended {
        Ended::Continue => Ok(Passed { data: outcome.data, not_asked: outcome.not_asked }),
        Ended::Halt(exception) => Err(answer(api, &exception).unwrap_or_else(|reason| {
            let request = request.as_str();
            tracing::warn!(hook, request, "a hook's answer cannot be given: {reason}");
            Problem::hook_failed(reason, None)
        })),
        Ended::Error(_, call) => {
            let detail = format!("A step of the hook {hook} failed, and it may not");
            Err(Problem::hook_failed(detail, call))
        }
        Ended::Exhausted(_) => {
            Err(Problem::no_room(format!("The host could not ask a step of the hook {hook}")))
        }
    }
}

/// What a halt is answered with, or why that cannot be.
fn answer(api: &Api, exception: &Exception) -> Result<Problem, String> {
    match exception.name.as_str() {
        REDIRECT => redirect(api, exception),
        CUSTOM => custom(api, exception),
        // A setting such as `redirect_on_4xx`, or a step that says where to.
        _ if exception.redirect_to.is_some() => redirect(api, exception),
        _ => Ok(prevented(exception)),
    }
}

fn redirect(api: &Api, exception: &Exception) -> Result<Problem, String> {
    let url = target(api, exception.redirect_to.as_deref().unwrap_or_default())?;
    Ok(Problem::instead(StatusCode::FOUND, vec![("location".to_owned(), url)], Vec::new()))
}

/// The page, if browsers may be sent to it.
fn target(api: &Api, page: &str) -> Result<String, String> {
    let refusal = |reason| format!("A hook redirects to a page that is not allowed: {reason}");
    api.oauth.may_redirect(page).map(|url| url.to_string()).map_err(refusal)
}

fn custom(api: &Api, exception: &Exception) -> Result<Problem, String> {
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
            // A redirect too, whatever the status.
            "refresh" => {
                let refusal =
                    "A hook answers with the header `Refresh`; it redirects with RedirectToPage";
                return Err(refusal.to_owned());
            }
            _ => value.to_owned(),
        };
        headers.push((name.clone(), value));
    }
    let content = text("content").unwrap_or_default().as_bytes().to_vec();
    Ok(Problem::instead(status, headers, content))
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
