//! Discord's HTTP API, with the bot's token.

use std::time::Duration;

use moothall_sdk::http::{self, Request, Response};
use moothall_sdk::serde_json::{Map, Value, json};
use moothall_sdk::{Error, ErrorKind, Result, required};

use crate::Settings;

/// The version of the API, where a route names none.
const VERSION: &str = "v10";
/// Discord wants a program to say which bot it is in this form. The address is that of the gateway whose plugin this is.
const USER_AGENT: &str =
    concat!("DiscordBot (https://metagov.org, ", env!("CARGO_PKG_VERSION"), ")");
/// The longest wait, in all, for a route that is asked too often.
const PATIENCE: Duration = Duration::from_secs(3);

/// Sends the parameters as JSON, or those of a GET in its query. The answer is null where Discord says nothing.
pub fn call(
    settings: &Settings,
    method: &str,
    route: &str,
    parameters: Map<String, Value>,
) -> Result<Value> {
    read(prepared(settings, method, route, parameters)?)
}

/// The same request before it is sent.
pub fn prepared(
    settings: &Settings,
    method: &str,
    route: &str,
    parameters: Map<String, Value>,
) -> Result<Request> {
    let url = url(settings, route)?;
    let token = required(&settings.bot_token, "bot_token")?;
    let request = request(method, url).secret_header("authorization", "Bot ", token);
    Ok(match method {
        _ if parameters.is_empty() => request,
        "GET" => request.query(&texts(&parameters)),
        _ => request.json(&parameters),
    })
}

/// A list is its parameter several times.
fn texts(parameters: &Map<String, Value>) -> Vec<(&str, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let all = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let pairs = |(name, value)| all(value).iter().map(|one| (name, text(one))).collect::<Vec<_>>();
    parameters.iter().map(|(name, value)| (name.as_str(), value)).flat_map(pairs).collect()
}

/// A request that says which bot it is.
pub fn request(method: &str, url: String) -> Request {
    http::request(method, url).header("user-agent", USER_AGENT).patient(PATIENCE)
}

/// Discord's answer, or its reason to refuse.
pub fn read(request: Request) -> Result<Value> {
    let response = request.send()?;
    match response.status {
        200..300 if response.body.is_empty() => Ok(Value::Null),
        400..429 => Err(refused(&response)),
        _ => response.error_for_status()?.json(),
    }
}

/// In Discord's words, which are in the details whole.
fn refused(response: &Response) -> Error {
    let said: Value = response.json().unwrap_or_default();
    let kind = match response.status {
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        _ => ErrorKind::Invalid,
    };
    let text = response.text();
    let message = said["message"].as_str().unwrap_or(&text);
    let message = if message.is_empty() { "Discord refuses and does not say why" } else { message };
    let details = json!({ "platform_status": response.status, "discord": said });
    Error::new(kind, message).with_details(details)
}

/// The URL of a route.
pub fn url(settings: &Settings, route: &str) -> Result<String> {
    let route = route.trim_start_matches('/');
    if route.split(['/', '?']).any(|part| part == "..") || route.contains('#') {
        return Err(Error::invalid(format!(
            "`{route}` is no route of Discord; write one like `/guilds/123`"
        )));
    }
    let first = route.split('/').next().unwrap_or_default().strip_prefix('v').unwrap_or_default();
    let is_versioned = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    let version = if is_versioned { String::new() } else { format!("/{VERSION}") };
    Ok(format!("{}{version}/{route}", settings.api_url.trim_end_matches('/')))
}
