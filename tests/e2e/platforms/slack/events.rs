//! What Slack sends becomes the driver's events, if Slack has signed it, and each once.

use moothall_tests::answer;
use moothall_tests::platforms::slack::people::{event_callback, now, signed};
use moothall_tests::platforms::slack::{BOT, Slack, TEAM};
use serde_json::{Value, json};

use super::SlackScene;

const JSON: &str = "application/json";

fn message(user: &str) -> Value {
    json!({ "type": "message", "user": user, "text": "Hello", "channel": "C0GENERAL", "ts": "1.2" })
}

#[tokio::test]
async fn an_event_is_told_as_it_is_and_by_whom() {
    let scene = SlackScene::new().await;
    for (id, event) in [
        ("Ev1", message("U1")),
        ("Ev2", message(BOT)),
        ("Ev3", json!({ "type": "channel_archive", "channel": "C0GENERAL" })),
        (
            "Ev4",
            json!({ "type": "user_change", "user": { "id": "U1", "name": "ann" }, "cache_ts": 1 }),
        ),
    ] {
        scene.slack.event(&scene.host, id, event).await.expect(200);
        // They are told in the order in which they were stored.
        scene.events(1).await;
    }
    let events = scene.events(4).await;
    let one = |event_type: &str, at: usize| {
        let mut of_type = events.iter().filter(|event| event["event_type"] == event_type);
        of_type.nth(at).cloned().expect("such an event")
    };
    let said = one("message", 0);
    assert_eq!(said["data"], json!({ "text": "Hello", "channel": "C0GENERAL", "ts": "1.2" }));
    let by = |user: Value, is_bot: bool| json!({ "user_id": user, "provider": "slack", "is_metagov_bot": is_bot });
    assert_eq!(said["source"], "slack");
    let initiators = [said["initiator"].clone(), one("message", 1)["initiator"].clone()];
    assert!(
        initiators.contains(&by(json!("U1"), false)) && initiators.contains(&by(json!(BOT), true))
    );
    assert_eq!(one("channel_archive", 0)["initiator"], by(Value::Null, false));
    let changed = one("user_change", 0);
    assert_eq!(changed["initiator"], by(json!("U1"), false));
    assert_eq!(changed["data"]["user"]["name"], "ann", "what changed stays");
}

#[tokio::test]
async fn an_event_that_slack_sends_again_is_told_once() {
    let scene = SlackScene::new().await;
    scene.slack.event(&scene.host, "Ev1", message("U1")).await.expect(200);
    let again = scene.slack.event_again(&scene.host, "Ev1", message("U1")).await;
    assert_eq!((again.status, again.header("x-slack-no-retry")), (200, "1"));
    // The host was down at the first try of this one.
    scene.slack.event_again(&scene.host, "Ev2", message("U2")).await.expect(200);
    scene.slack.event(&scene.host, "Ev3", message("U3")).await.expect(200);
    let users: Vec<Value> =
        scene.events(3).await.iter().map(|event| event["initiator"]["user_id"].clone()).collect();
    assert_eq!(users.len(), 3, "{users:?}");
    assert!(users.contains(&json!("U2")), "{users:?}");
}

#[tokio::test]
async fn slack_checks_the_url_and_says_when_it_sends_less() {
    let scene = SlackScene::bare("").await;
    let challenge = json!({ "token": "t", "challenge": "3eZbrw1aB", "type": "url_verification" });
    let answered = scene.slack.sends(&scene.host, &challenge).await;
    answered.expect(200);
    assert_eq!(answered.text, "3eZbrw1aB");
    let limited = json!({ "type": "app_rate_limited", "team_id": TEAM, "minute_rate_limited": 1 });
    scene.slack.sends(&scene.host, &limited).await.expect(200);
    scene.slack.sends(&scene.host, &json!({ "type": "something_new" })).await.expect(200);
}

#[tokio::test]
async fn what_slack_did_not_sign_now_reaches_nobody() {
    let scene = SlackScene::new().await;
    let body = event_callback(TEAM, "Ev1", message("U1")).to_string();
    for url in ["/api/hooks/slack", "/api/hooks/acme/slack"] {
        for time in [now() - 400, now() + 400] {
            let old = signed(&scene.host, url, &body, JSON, time);
            answer(old).await.problem(401, "bad_signature");
        }
        let changed = signed(&scene.host, url, &body, JSON, now()).body(body.replace("U1", "U2"));
        answer(changed).await.problem(401, "bad_signature");
        let bare = scene.host.request(reqwest::Method::POST, url).body(body.clone());
        answer(bare).await.problem(401, "bad_signature");
    }
    scene.slack.event(&scene.host, "Ev2", message("U3")).await.expect(200);
    assert_eq!(scene.events(1).await[0]["initiator"]["user_id"], "U3");
}

#[tokio::test]
async fn an_event_is_for_its_workspace_alone() {
    let scene = SlackScene::new().await;
    let mut other = Slack::config();
    other["team_id"] = json!("T0OTHER");
    scene.host.community("other", "slack", other).await;
    let stranger = event_callback("T0NOBODY", "Ev1", message("U1"));
    scene.slack.sends(&scene.host, &stranger).await.expect(200);
    // Signed by Slack, and sent to the URL of a community that has another workspace.
    let body = event_callback("T0OTHER", "Ev2", message("U2")).to_string();
    answer(signed(&scene.host, "/api/hooks/acme/slack", &body, JSON, now())).await.expect(200);
    let body = event_callback("T0OTHER", "Ev3", message("U3"));
    scene.slack.sends(&scene.host, &body).await.expect(200);
    scene.slack.event(&scene.host, "Ev4", message("U4")).await.expect(200);
    assert_eq!(scene.events(1).await[0]["initiator"]["user_id"], "U4");
    let page = scene.host.get("/api/internal/events?community=other").await.expect(200);
    assert_eq!(page["events"].as_array().map(Vec::len), Some(1));
}
