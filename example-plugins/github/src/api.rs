//! GitHub's REST API: for the app, with a token that the plugin signs, and for the installation, with a token that GitHub
//! gives for an hour and that the state keeps meanwhile.

use std::time::Duration;

use moothall_sdk::http::{self, Request, Response};
use moothall_sdk::jwt::{self, Claims};
use moothall_sdk::serde_json::Value;
use moothall_sdk::{Instance, Result, Secret, required};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Github, Settings};

const VERSION: &str = "2022-11-28";
/// The key of the state under which the installation's token is.
const TOKEN: &str = "installation_access_token";
/// How long an app's token is valid. GitHub takes none that is valid for more than ten minutes.
const APP_TOKEN: Duration = Duration::from_secs(9 * 60);
/// How long a request waits in all if GitHub is asked too often.
const PATIENCE: Duration = Duration::from_secs(3);

/// A request without a token, to a route of the API, or to a whole URL as GitHub writes them.
pub fn request(settings: &Settings, method: &str, route: &str) -> Request {
    let base = if route.starts_with('/') { settings.api_url.trim_end_matches('/') } else { "" };
    http::request(method, format!("{base}{route}"))
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", VERSION)
        .patient(PATIENCE)
        .redirects(2)
}

/// The route of a repository's issues.
pub fn issues(owner: &str, repo: &str) -> Result<String> {
    let value = |name: &str| Some(if name == "owner" { owner } else { repo }.to_owned());
    http::route("/repos/{owner}/{repo}/issues", value)
}

/// Sends it with a token; returns also a refusal.
pub fn with_token(request: Request, token: &str) -> Result<Response> {
    request.bearer(&Secret::new_value(token)).send()
}

/// Sends it for the app itself.
pub fn for_app(settings: &Settings, method: &str, route: &str) -> Result<Response> {
    let id = required(&settings.app_id, "app_id")?;
    let key = required(&settings.private_key, "private_key")?;
    let token = jwt::rs256(&Claims::of(id, APP_TOKEN), &key.reveal()?)?;
    with_token(request(settings, method, route), &token)?.error_for_caller()
}

/// Sends it for the installation. A token that GitHub takes no longer is renewed once.
pub fn send(instance: &impl Instance<Github>, request: Request) -> Result<Response> {
    let kept: Option<String> = instance.instance_state().get(TOKEN)?;
    let token = kept.map_or_else(|| renew_token(instance), Ok)?;
    let mut answer = with_token(request.clone(), &token)?;
    if answer.status == 401 {
        answer = with_token(request, &renew_token(instance)?)?;
    }
    answer.error_for_caller()
}

/// The same with a body.
pub fn write(
    instance: &impl Instance<Github>,
    method: &str,
    route: &str,
    body: &Value,
) -> Result<Response> {
    send(instance, request(&instance.settings()?, method, route).json(body))
}

/// All items of a list, page by page.
pub fn all<T: DeserializeOwned>(instance: &impl Instance<Github>, route: &str) -> Result<Vec<T>> {
    let settings = instance.settings()?;
    http::all_pages(format!("{route}?per_page=100"), |route| {
        let answer = send(instance, request(&settings, "GET", &route))?;
        Ok((answer.json()?, answer.next_link()))
    })
}

#[derive(Deserialize)]
struct InstallationToken {
    token: String,
}

/// Asks for a token of the installation, and keeps it.
pub fn renew_token(instance: &impl Instance<Github>) -> Result<String> {
    let route = format!("/app/installations/{}/access_tokens", instance.config()?.installation_id);
    let InstallationToken { token } = for_app(&instance.settings()?, "POST", &route)?.json()?;
    instance.instance_state().set(TOKEN, &token)?;
    Ok(token)
}
