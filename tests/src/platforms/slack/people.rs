//! People: what happens in the workspace, and what they click, is sent to the app, signed.
//! <https://docs.slack.dev/apis/events-api>, <https://docs.slack.dev/interactivity/handling-user-interaction>

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{SIGNING_SECRET, Shared, Slack, TEAM, Whisper, blocks, lock};
use crate::{Answer, Driver, answer};

/// Where Slack sends everything to.
const URL: &str = "/api/hooks/slack";

impl Slack {
    /// Sends something of the Events API, once.
    pub async fn sends(&self, host: &Driver, body: &Value) -> Answer {
        answer(signed(host, URL, &body.to_string(), "application/json", now())).await
    }

    /// Sends an event of the workspace.
    pub async fn event(&self, host: &Driver, id: &str, event: Value) -> Answer {
        self.sends(host, &event_callback(TEAM, id, event)).await
    }

    /// Sends it again, because the app took too long.
    pub async fn event_again(&self, host: &Driver, id: &str, event: Value) -> Answer {
        let body = event_callback(TEAM, id, event).to_string();
        let request = signed(host, URL, &body, "application/json", now());
        let request = request.header("X-Slack-Retry-Num", "1");
        answer(request.header("X-Slack-Retry-Reason", "http_timeout")).await
    }

    /// Somebody presses the button of this number of a message, or chooses that entry of the menu.
    pub async fn clicks(
        &self,
        host: &Driver,
        user: &str,
        message: (&str, &str),
        at: (usize, usize),
    ) -> Answer {
        answer(signed(host, URL, &self.click(user, message, at), FORM, now())).await
    }

    /// The form that a click sends.
    pub fn click(
        &self,
        user: &str,
        (channel, ts): (&str, &str),
        (at, entry): (usize, usize),
    ) -> String {
        let message = self.message(channel, ts).expect("the message is there");
        let blocks = message["blocks"].as_array().expect("it has blocks").clone();
        let accessories = blocks.iter().filter_map(|block| block.get("accessory"));
        let pressed = accessories.clone().nth(at).expect("there is such a button").clone();
        let mut action = json!({ "type": pressed["type"], "action_id": pressed["action_id"], "block_id": "b1", "action_ts": "1" });
        if pressed["type"] == "button" {
            action["value"] = pressed["value"].clone();
        } else {
            action["selected_option"] = pressed["options"][entry].clone();
        }
        let mut kept = self.kept();
        let click = kept.new_number().to_string();
        let response_url = format!("{}/actions/{click}", kept.url);
        kept.clicked.insert(click, (user.to_owned(), (channel.to_owned(), ts.to_owned())));
        let payload = json!({
            "type": "block_actions",
            "team": { "id": TEAM, "domain": "acme" },
            "user": { "id": user, "team_id": TEAM },
            "channel": { "id": channel, "name": "general" },
            "container": { "type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false },
            "message": { "type": "message", "ts": ts, "blocks": blocks },
            "response_url": response_url,
            "actions": [action]
        });
        form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish()
    }
}

pub const FORM: &str = "application/x-www-form-urlencoded";

/// A request of the Events API.
pub fn event_callback(team: &str, id: &str, event: Value) -> Value {
    json!({
        "token": "deprecated", "team_id": team, "api_app_id": "A0", "type": "event_callback", "event": event,
        "event_id": id, "event_time": now(), "is_ext_shared_channel": false,
        "authorizations": [{ "team_id": team, "user_id": "U0BOT", "is_bot": true }]
    })
}

/// A request with the signature of this moment.
/// <https://docs.slack.dev/authentication/verifying-requests-from-slack>
pub fn signed(host: &Driver, url: &str, body: &str, kind: &str, time: u64) -> RequestBuilder {
    let mut mac =
        <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(SIGNING_SECRET.as_bytes()).expect("a key");
    mac.update(format!("v0:{time}:{body}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    let signature: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let request = host.request(Method::POST, url).body(body.to_owned());
    let request = request.header("Content-Type", kind);
    let request = request.header("X-Slack-Request-Timestamp", time.to_string());
    request.header("X-Slack-Signature", format!("v0={signature}"))
}

#[expect(clippy::disallowed_methods, reason = "a platform signs with the time that it is")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// What is sent to a `response_url` replaces the message, or is for the person alone who clicked.
pub(super) async fn respond(
    State(shared): State<Shared>,
    Path(click): Path<String>,
    Json(body): Json<Value>,
) -> (StatusCode, &'static str) {
    let mut kept = lock(&shared);
    let Some((user, message)) = kept.clicked.get(&click).cloned() else {
        return (StatusCode::NOT_FOUND, "expired_url");
    };
    if body["response_type"] == "ephemeral" && body["replace_original"] == false {
        let Some(text) = body["text"].as_str() else { return (StatusCode::BAD_REQUEST, "no_text") };
        let (channel, text) = (message.0, text.to_owned());
        kept.whispered.push(Whisper { channel, user, text });
        return (StatusCode::OK, "ok");
    }
    if let Some(word) = blocks::refusal(&body["blocks"].to_string()) {
        return (StatusCode::BAD_REQUEST, word);
    }
    if body["replace_original"] != true {
        return (StatusCode::OK, "ok");
    }
    match kept.messages.get_mut(&message) {
        Some(present) => {
            present["blocks"] = body["blocks"].clone();
            (StatusCode::OK, "ok")
        }
        None => (StatusCode::NOT_FOUND, "message_not_found"),
    }
}
