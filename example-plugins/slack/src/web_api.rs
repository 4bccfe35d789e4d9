//! Slack's Web API: methods that take a form with a token, and answer either `ok` or what is wrong.

use std::time::Duration;

use moothall_sdk::http::{self, Response};
use moothall_sdk::serde_json::{Map, Value, json};
use moothall_sdk::{Error, ErrorKind, Instance, Result};

use crate::Slack;

pub type Parameters = Map<String, Value>;

/// The longest wait, in all, for a method that is called too often.
const PATIENCE: Duration = Duration::from_secs(3);

/// Calls a method; joins the channel and calls again if the bot has to be in it.
pub fn call_in_channel(
    slack: &impl Instance<Slack>,
    method: &str,
    parameters: Parameters,
) -> Result<Value> {
    let channel = parameters.get("channel").cloned();
    match (call(slack, method, parameters.clone()), channel) {
        (Err(error), Some(channel)) if error.message() == "not_in_channel" => {
            call(slack, "conversations.join", Map::from_iter([("channel".to_owned(), channel)]))?;
            call(slack, method, parameters)
        }
        (answer, _) => answer,
    }
}

/// Calls a method with the bot's token, unless another one is among the parameters. The answer is without its `ok`.
pub fn call(
    slack: &impl Instance<Slack>,
    method: &str,
    mut parameters: Parameters,
) -> Result<Value> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '.' || letter == '_';
    if method.is_empty() || !method.chars().all(is_name) {
        return Err(Error::invalid(format!(
            "`{method}` is no method of Slack; write one like `pins.add`"
        )));
    }
    let token = parameters.remove("token");
    let url = format!("{}/{method}", slack.settings()?.api_url.trim_end_matches('/'));
    let request = http::post(url).form(&fields(&parameters));
    let request = match token.as_ref().and_then(Value::as_str) {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request.bearer(&slack.config()?.bot_token.ok_or_else(no_token)?),
    };
    read(request.patient(PATIENCE).send()?)
}

fn no_token() -> Error {
    Error::unauthorized("the configuration has no 'bot_token'; install the app in the workspace")
}

/// A list of plain values is one with commas, as Slack wants `users`; blocks and the like are JSON.
fn fields(parameters: &Parameters) -> Vec<(&str, String)> {
    let given = parameters.iter().filter(|(_, value)| !value.is_null());
    given.map(|(name, value)| (name.as_str(), field(value))).collect()
}

fn field(value: &Value) -> String {
    let is_plain = |one: &Value| !one.is_array() && !one.is_object();
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) if all.iter().all(is_plain) => {
            all.iter().map(field).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

/// The content of an answer, or Slack's reason to refuse: its word is the message.
pub fn read(response: Response) -> Result<Value> {
    let mut answer: Parameters = response.error_for_status()?.json()?;
    if answer.remove("ok") == Some(Value::Bool(true)) {
        return Ok(answer.into());
    }
    let word = answer.get("error").and_then(Value::as_str).unwrap_or("unknown_error").to_owned();
    Err(Error::new(kind_of(&word), word).with_details(json!({ "slack": answer })))
}

fn kind_of(word: &str) -> ErrorKind {
    match word {
        "not_authed" | "invalid_auth" | "account_inactive" | "token_revoked" | "token_expired" => {
            ErrorKind::Unauthorized
        }
        "missing_scope"
        | "not_in_channel"
        | "no_permission"
        | "access_denied"
        | "not_allowed_token_type"
        | "restricted_action" => ErrorKind::Forbidden,
        "ratelimited"
        | "rate_limited"
        | "internal_error"
        | "fatal_error"
        | "request_timeout"
        | "service_unavailable" => ErrorKind::Unavailable,
        word if word.ends_with("_not_found") => ErrorKind::NotFound,
        _ => ErrorKind::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use moothall_sdk::serde_json::{from_value, json};

    use super::fields;

    #[test]
    fn a_form_has_what_slack_reads_there() {
        let parameters = json!({
            "blocks": [{ "type": "divider" }], "channel": "C1", "thread": null, "users": ["U1", "U2"], "x": true
        });
        let parameters = from_value(parameters).expect("an object");
        let form = fields(&parameters);
        let of = |name| form.iter().find(|(one, _)| *one == name).map(|(_, text)| text.as_str());
        assert_eq!(of("blocks"), Some(r#"[{"type":"divider"}]"#));
        assert_eq!(
            (of("channel"), of("users"), of("x")),
            (Some("C1"), Some("U1,U2"), Some("true"))
        );
        assert_eq!(of("thread"), None);
    }
}
