//! The plugin `slack` with an app of a Slack: its actions here, what Slack sends in `events`, votes in `votes`,
//! installations and logins in `consent`.

mod consent;
mod events;
mod votes;

use moothall_tests::platforms::slack::{ADMIN, BOT_TOKEN, CHANNEL, MEMBER, Slack};
use moothall_tests::platforms::traffic::Mishap;
use moothall_tests::{Answer, TestHost, until};
use serde_json::{Value, json};

/// A community with the plugin, and its Slack.
struct SlackScene {
    host: TestHost,
    slack: Slack,
}

impl SlackScene {
    async fn new() -> Self {
        Self::with(Slack::config()).await
    }

    async fn with(config: Value) -> Self {
        let scene = Self::bare("").await;
        scene.host.community("acme", "slack", config).await;
        scene
    }

    /// Nobody has enabled the plugin yet. `more` are settings, after a comma.
    async fn bare(more: &str) -> Self {
        let slack = Slack::start().await;
        let host = TestHost::with(&["slack"]).toml(&slack.toml(more)).start().await;
        Self { host, slack }
    }

    async fn perform(&self, action: &str, parameters: Value) -> Answer {
        self.host.action("acme", &format!("slack.{action}"), parameters).await
    }

    async fn start(&self, process: &str, parameters: Value) -> Answer {
        self.host.start_process("acme", &format!("slack.{process}"), parameters).await
    }

    /// The events of the community, once there are so many.
    async fn events(&self, count: usize) -> Vec<Value> {
        until(&format!("there are {count} events"), async || {
            let page = self.host.get("/api/internal/events?community=acme").await.expect(200);
            let events = page["events"].as_array().expect("a list").clone();
            (events.len() >= count).then_some(events)
        })
        .await
    }
}

#[tokio::test]
async fn a_message_goes_to_a_channel_or_to_people() {
    let scene = SlackScene::new().await;
    let parameters =
        json!({ "channel": "#general", "text": "Hello", "blocks": [{ "type": "divider" }] });
    let posted = scene.perform("post-message", parameters).await.expect(200);
    assert_eq!((&posted["channel"], posted.get("ok")), (&json!(CHANNEL), None), "{posted}");
    let ts = posted["ts"].as_str().expect("a time");
    let message = scene.slack.message(CHANNEL, ts).expect("a message");
    assert_eq!(message["blocks"], json!([{ "type": "divider" }]));
    let parameters = json!({ "users": [ADMIN, MEMBER], "text": "Psst", "thread_ts": ts });
    let posted = scene.perform("post-message", parameters).await.expect(200);
    let conversation = posted["channel"].as_str().expect("a conversation");
    assert!(conversation.starts_with("G0"), "{posted}");
    assert_eq!(posted["message"]["thread_ts"], ts, "everything that Slack knows is passed on");
    let nowhere = scene.perform("post-message", json!({ "text": "?" })).await;
    assert_eq!(nowhere.problem(400, "invalid"), "users or channel are required");
}

#[tokio::test]
async fn any_method_can_be_called_and_the_bot_joins_where_it_has_to() {
    let scene = SlackScene::new().await;
    let message = json!({ "method_name": "chat.postMessage", "channel": CHANNEL, "text": "Hello" });
    let ts = scene.perform("method", message).await.expect(200)["ts"].clone();
    let reaction = json!({ "method_name": "reactions.add", "channel": CHANNEL, "timestamp": ts, "name": "tada" });
    for _ in 0..2 {
        assert_eq!(scene.perform("method", reaction.clone()).await.expect(200), json!({}));
    }
    assert_eq!(scene.slack.calls("reactions.add").len(), 3, "the first time it was not in there");
    assert_eq!(scene.slack.calls("conversations.join").len(), 1);
    let own = json!({ "method_name": "users.info", "user": ADMIN, "token": "xoxp-wrong" });
    assert_eq!(scene.perform("method", own).await.problem(401, "unauthorized"), "invalid_auth");
    let elsewhere = json!({ "method_name": "../admin/x?", "token": BOT_TOKEN });
    scene.perform("method", elsewhere).await.problem(400, "invalid");
    scene.perform("method", json!({})).await.problem(400, "invalid_parameters");
}

#[tokio::test]
async fn slack_s_refusals_are_told_from_its_failures() {
    let scene = SlackScene::new().await;
    let post = async |channel: &str, text: &str| {
        scene.perform("post-message", json!({ "channel": channel, "text": text })).await
    };
    assert_eq!(post("C0NONE", "Hello").await.problem(404, "not_found"), "channel_not_found");
    assert_eq!(post(CHANNEL, "").await.problem(400, "invalid"), "no_text");
    let limited = |seconds: &str| Mishap::With(429, "retry-after", seconds.to_owned());
    scene.slack.traffic.befalls("chat.postMessage", limited("30"));
    post(CHANNEL, "Hello").await.problem(503, "unavailable");
    scene.slack.traffic.befalls("chat.postMessage", limited("1"));
    post(CHANNEL, "Hello").await.expect(200);
    scene.slack.traffic.befalls("chat.postMessage", Mishap::Status(500, "oops"));
    post(CHANNEL, "Hello").await.problem(503, "unavailable");
    scene.slack.traffic.befalls("chat.postMessage", Mishap::Status(200, "<html>"));
    post(CHANNEL, "Hello").await.problem(500, "internal");
    post(CHANNEL, "Hello").await.expect(200);
}

#[tokio::test]
async fn a_community_without_a_token_is_told_to_install_the_app() {
    let scene = SlackScene::with(json!({ "team_id": "T0ACME" })).await;
    let refused =
        scene.perform("post-message", json!({ "channel": CHANNEL, "text": "Hello" })).await;
    let said = refused.problem(401, "unauthorized");
    assert!(said.contains("bot_token"), "{said}");
}
