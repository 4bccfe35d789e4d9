//! Platform-wide webhooks: the platform signs them, the plugin routes them to instances of any
//! community.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use moothall_tests::{Answer, TestHost, answer, until};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

async fn host() -> TestHost {
    let toml = format!("[plugins.platform]\nsettings = {{ signing_secret = \"{SECRET}\" }}");
    let host = TestHost::with(&["platform"]).toml(&toml).start().await;
    let one = |team: &str, channel: &str| json!({ "name": "platform", "config": { "team_id": team, "channel": channel } });
    host.put_community("acme", json!([one("T1", "general"), one("T2", "random")]))
        .await
        .expect(201);
    host.put_community("other", json!([one("T3", "general")])).await.expect(201);
    host
}

#[expect(clippy::disallowed_methods, reason = "a platform signs with the time that it is")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn signed(host: &TestHost, body: &Value, time: u64) -> RequestBuilder {
    let body = body.to_string();
    let mut mac =
        <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(format!("v0:{time}:{body}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    let signature: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let request = host.request(Method::POST, "/api/hooks/platform").body(body);
    let request = request.header("X-Slack-Request-Timestamp", time.to_string());
    request.header("X-Slack-Signature", format!("v0={signature}"))
}

async fn send_at(host: &TestHost, body: &Value, time: u64) -> Answer {
    answer(signed(host, body, time)).await
}

async fn send(host: &TestHost, body: Value) -> Answer {
    send_at(host, &body, now()).await
}

/// The teams whose instance has received something, in the order of the events.
async fn reached(host: &TestHost, count: usize) -> Vec<String> {
    let events = until("the receivers have run", async || {
        let page = host.get("/api/internal/events").await.expect(200);
        let events = page["events"].as_array().expect("a list").clone();
        (events.len() >= count).then_some(events)
    })
    .await;
    let teams = events.iter().filter_map(|event| event["data"]["team_id"].as_str());
    let mut teams: Vec<_> = teams.map(str::to_owned).collect();
    teams.sort();
    teams
}

#[tokio::test]
async fn the_plugin_says_whom_a_request_is_for() {
    let host = host().await;
    assert_eq!(send(&host, json!({ "challenge": "abc" })).await.text, "abc");
    assert_eq!(send(&host, json!({ "team_id": "T2" })).await.status, 200);
    assert_eq!(reached(&host, 1).await, ["T2"]);
    assert_eq!(send(&host, json!({ "channel": "general" })).await.status, 200);
    assert_eq!(reached(&host, 3).await, ["T1", "T2", "T3"]);
    assert_eq!(send(&host, json!({ "team_id": "T9" })).await.status, 200);
    assert_eq!(send(&host, json!({ "nothing": true })).await.status, 200);
    // A later webhook has arrived, so these were for nobody.
    assert_eq!(send(&host, json!({ "team_id": "T1" })).await.status, 200);
    assert_eq!(reached(&host, 4).await, ["T1", "T1", "T2", "T3"]);
    let workers = host.get("/api/internal/workers").await.expect(200);
    assert_eq!(workers["workers"][0]["waiting"], 0);
}

#[tokio::test]
async fn a_request_that_the_plugin_does_not_answer_is_answered_by_a_process() {
    let host = host().await;
    let mut desks = Vec::new();
    for (community, team, name) in
        [("acme", "T1", "one"), ("acme", "T1", "two"), ("other", "T3", "three")]
    {
        let request = host.request(Method::POST, "/api/internal/process/platform.desk");
        let request = request.header("X-Metagov-Community", community);
        let request = request.header("X-Metagov-Platform-Id", team).json(&json!({ "name": name }));
        desks.push(answer(request).await.header("location").to_owned());
    }
    let asked = async |body: Value| send(&host, body).await;
    let two = asked(json!({ "team_id": "T1", "ask": "two" })).await;
    assert_eq!((two.status, two.text.as_str()), (200, "two"));
    let three = asked(json!({ "channel": "general", "ask": "three" })).await;
    assert_eq!((three.status, three.text.as_str()), (200, "three"), "of several instances");
    let nobody = asked(json!({ "team_id": "T1", "ask": "nobody" })).await;
    assert_eq!((nobody.status, nobody.text.as_str()), (200, ""));
    // Each was asked once, whoever answered.
    let counted = host.get(&desks[0]).await.expect(200)["outcome"].clone();
    assert_eq!(counted, json!({ "asked": 3 }));
    let workers = host.get("/api/internal/workers").await.expect(200);
    assert_eq!(workers["workers"][0]["waiting"], 0);
}

#[tokio::test]
async fn what_a_platform_waits_for_survives_the_host() {
    let mut host = host().await;
    let mut sent = tokio::task::JoinSet::new();
    let slow = signed(&host, &json!({ "team_id": "T1", "sleep_ms": 1_000 }), now());
    sent.spawn(slow.send());
    until("its instance has it", async || {
        let items = "SELECT count(*) FROM webhook_item";
        let items: i64 = host.database().query_row(items, (), |row| row.get(0)).expect("a table");
        (items == 1).then_some(())
    })
    .await;
    host.kill_9();
    let answer = sent.join_next().await.expect("one request").expect("it did not panic");
    assert!(answer.is_err(), "the platform was told nothing");
    host.restart().await;
    assert_eq!(reached(&host, 1).await, ["T1"]);
    assert_eq!(send(&host, json!({ "team_id": "T2" })).await.status, 200);
    assert_eq!(reached(&host, 2).await, ["T1", "T2"], "once");
}

#[tokio::test]
async fn routes_follow_the_configuration() {
    let host = host().await;
    assert_eq!(send(&host, json!({ "channel": "general" })).await.status, 200);
    reached(&host, 2).await;
    host.delete("/api/internal/community/other").await.expect(204);
    let moved = json!({ "team_id": "T1", "channel": "moved" });
    host.enable("acme", "platform", moved).await.expect(201);
    assert_eq!(send(&host, json!({ "channel": "general" })).await.status, 200);
    assert_eq!(send(&host, json!({ "channel": "moved" })).await.status, 200);
    assert_eq!(reached(&host, 3).await, ["T1", "T1", "T3"]);
}

#[tokio::test]
async fn a_request_that_is_not_signed_or_is_old_reaches_nobody() {
    let host = host().await;
    let body = json!({ "team_id": "T1" });
    send_at(&host, &body, now() - 400).await.problem(401, "bad_signature");
    send_at(&host, &body, now() + 400).await.problem(401, "bad_signature");
    let bare = host.request(Method::POST, "/api/hooks/platform").json(&body);
    answer(bare).await.problem(401, "bad_signature");
    let events = host.get("/api/internal/events").await.expect(200);
    assert_eq!(events["events"], json!([]));
}

#[tokio::test]
async fn a_platform_wide_webhook_has_a_thousand_targets_at_most() {
    let host = host().await;
    send(&host, json!({ "teams": 1_000 })).await.expect(200);
    let many = send(&host, json!({ "teams": 1_001 })).await.problem(502, "plugin_limit");
    assert!(many.contains("1000 targets"), "{many}");
    assert_eq!(reached(&host, 3).await.len(), 3);
}

#[tokio::test]
async fn a_route_key_that_the_manifest_does_not_have_is_a_failed_call() {
    let host = host().await;
    for pointer in ["/chanel", "channel"] {
        let answer = send(&host, json!({ "pointer": pointer })).await;
        let said = answer.problem(502, "plugin_bad_output");
        assert!(!said.is_empty());
        let call = until("the call is listed", async || {
            let path = format!("/api/internal/calls/{}", answer.header("x-request-id"));
            let call = host.get(&path).await;
            (call.status == 200).then(|| call.json())
        })
        .await;
        let detail = call["detail"].to_string();
        assert!(detail.contains(pointer) && detail.contains("`/channel`"), "{detail}");
    }
    assert_eq!(send(&host, json!({ "pointer": "/channel" })).await.status, 200);
    reached(&host, 2).await;
}
