//! Slack sends events, and tells of clicks. It waits three seconds for an answer and then sends an event
//! again, so everything is answered before the workspace's instances get it.

use moothall_sdk::serde_json::{Map, Value, json};
use moothall_sdk::{Error, Instance, Result, Routed, WebhookRequest, WebhookResponse, http, log};

use crate::Slack;

/// A click of somebody's, as Slack says it.
pub struct Click(Value);

impl Click {
    /// The click of which a webhook tells, with its user, if it was on this message.
    pub fn on(request: &WebhookRequest, channel: &str, ts: &str) -> Result<Option<(Self, String)>> {
        let Some(Self(click)) = Self::of(request)? else { return Ok(None) };
        let is_there = text(&click, "/channel/id").is_none_or(|id| id == channel)
            && text(&click, "/message/ts") == Some(ts);
        let user = text(&click, "/user/id").filter(|_| is_there).map(str::to_owned);
        Ok(user.map(|user| (Self(click), user)))
    }

    fn of(request: &WebhookRequest) -> Result<Option<Self>> {
        let payload = request.form_payload::<Value>()?;
        Ok(payload.filter(|payload| payload["type"] == "block_actions").map(Self))
    }

    /// The ids of what was pressed or chosen from, with its value.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let actions = self.0["actions"].as_array().into_iter().flatten();
        actions.filter_map(|act| {
            let value = text(act, "/value").or_else(|| text(act, "/selected_option/value"));
            text(act, "/action_id").zip(value)
        })
    }

    /// Answers with a message, wherever the bot is.
    pub fn respond(&self, message: &Value) {
        let Some(url) = text(&self.0, "/response_url") else { return };
        let taken = http::post(url).json(message).send().and_then(|one| one.error_for_status());
        if let Err(error) = taken {
            log::warn(format_args!("Slack did not take the answer to a click: {error}"));
        }
    }
}

/// The workspace for which a request is, and the answer to it.
pub fn route(request: &WebhookRequest) -> Result<Routed> {
    if is_form(request) {
        let click = Click::of(request)?;
        let team = click.as_ref().and_then(|Click(click)| text(click, "/team/id"));
        return Ok(to_team(team, request));
    }
    let told: Value = request.json()?;
    match told["type"].as_str() {
        Some("url_verification") => {
            let challenge = told["challenge"].as_str().unwrap_or_default();
            Ok(Routed::nowhere().respond(WebhookResponse::ok().text(challenge)))
        }
        Some("event_callback") => Ok(to_team(text(&told, "/team_id"), request)),
        kind => {
            if kind == Some("app_rate_limited") {
                log::warn("Slack sends fewer events for a while: the app gets too many");
            }
            Ok(to_team(None, request))
        }
    }
}

fn to_team(team: Option<&str>, request: &WebhookRequest) -> Routed {
    let taken = WebhookResponse::ok();
    // This try is stored, whatever became of the one that took too long, so that Slack need not go on.
    let took_too_long = request.header("X-Slack-Retry-Reason") == Some("http_timeout");
    let taken = if took_too_long { taken.header("X-Slack-No-Retry", "1") } else { taken };
    team.map_or_else(Routed::nowhere, Routed::to_platform).respond(taken)
}

/// Tells the driver of an event, once however often Slack sends it. Clicks are for the votes.
pub fn receive(slack: &impl Instance<Slack>, request: &WebhookRequest) -> Result<()> {
    if is_form(request) {
        return Ok(());
    }
    let (mut told, config): (Value, _) = (request.json()?, slack.config()?);
    if told["type"] != "event_callback" || text(&told, "/team_id") != config.team_id.as_deref() {
        return Ok(());
    }
    let Value::Object(mut event) = told["event"].take() else {
        return Err(Error::invalid("an event of Slack has a type and more"));
    };
    let Some(Value::String(event_type)) = event.remove("type") else {
        return Err(Error::invalid("an event of Slack has a 'type'"));
    };
    let user = initiator(&mut event);
    let is_bot = user.is_some() && user == config.bot_user_id;
    let initiator = json!({ "user_id": user, "provider": "slack", "is_metagov_bot": is_bot });
    let mut new = slack.events().raw(&event_type, &event)?.initiator(initiator);
    if let Some(id) = text(&told, "/event_id") {
        new = new.dedupe_key(id);
    }
    new.emit().map(drop)
}

/// Takes the person out of the event. Where `user` is all that changed about somebody, it stays.
fn initiator(event: &mut Map<String, Value>) -> Option<String> {
    let user = match event.get("user")? {
        Value::Object(profile) => return Some(profile.get("id")?.as_str()?.to_owned()),
        user => user.as_str().map(str::to_owned),
    };
    event.remove("user");
    user
}

fn is_form(request: &WebhookRequest) -> bool {
    request.form_payload::<Value>().is_ok_and(|payload| payload.is_some())
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}
