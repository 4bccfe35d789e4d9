//! Webhooks of the app: signed, for the community of their installation, and each told once.

use moothall_tests::answer;
use moothall_tests::platforms::github::{ORGANISATION, USER, signature};
use reqwest::Method;
use serde_json::{Value, json};

use super::{GitHubScene, HOOK};

fn starred(installation: u64) -> Value {
    json!({
        "action": "created",
        "starred_at": "2030-01-01T00:00:00Z",
        "repository": { "id": 77, "full_name": "acme/tea" },
        "sender": { "login": "ann", "id": 1, "type": "User" },
        "installation": { "id": installation },
    })
}

#[tokio::test]
async fn a_webhook_is_an_event_of_the_installation_s_community() {
    let scene = GitHubScene::new().await;
    scene.host.community("home", "github", json!({ "installation_id": USER.to_string() })).await;
    let body = starred(ORGANISATION);
    scene.github.deliver(&scene.host, HOOK, "star", &body).await.expect(200);
    scene.github.deliver_form(&scene.host, HOOK, "star", &starred(USER)).await.expect(200);
    let events = scene.wait_for_events("acme", 1).await;
    assert_eq!((&events[0]["event_type"], &events[0]["data"]), (&json!("created star"), &body));
    let initiator = json!({ "user_id": 1, "user_name": "ann", "provider": "github" });
    assert_eq!((&events[0]["initiator"], &events[0]["source"]), (&initiator, &json!("github")));
    let events = scene.wait_for_events("home", 1).await;
    assert_eq!(events[0]["data"], starred(USER), "it came as a form");
    scene.github.deliver(&scene.host, "/api/hooks/acme/github", "star", &body).await.expect(200);
    assert_eq!(scene.wait_for_events("acme", 2).await.len(), 2, "a webhook of one repository");
}

#[tokio::test]
async fn a_webhook_for_nobody_is_taken_and_one_that_is_sent_again_is_one_event() {
    let scene = GitHubScene::new().await;
    let hook = json!({ "zen": "Design for failure.", "hook_id": 7, "hook": { "type": "App" } });
    scene.github.deliver(&scene.host, HOOK, "ping", &hook).await.expect(200);
    scene.github.deliver(&scene.host, HOOK, "star", &starred(7)).await.expect(200);
    let body = starred(ORGANISATION).to_string();
    for _ in 0..2 {
        let request = scene.host.request(Method::POST, HOOK).header("X-GitHub-Event", "star");
        let request = request.header("X-GitHub-Delivery", "7d0d1cf0-0000-11f0-0000-000000000000");
        let request = request.header("X-Hub-Signature-256", signature(&body));
        answer(request.body(body.clone())).await.expect(200);
    }
    let push = json!({ "ref": "refs/heads/main", "installation": { "id": ORGANISATION } });
    scene.github.deliver(&scene.host, HOOK, "push", &push).await.expect(200);
    let events = scene.wait_for_events("acme", 2).await;
    let types: Vec<&Value> = events.iter().map(|event| &event["event_type"]).collect();
    assert_eq!(types, ["created star", "push"]);
    assert_eq!(events[1]["initiator"], Value::Null);
}

#[tokio::test]
async fn a_webhook_that_github_did_not_sign_reaches_nobody() {
    let scene = GitHubScene::new().await;
    let body = starred(ORGANISATION).to_string();
    for path in [HOOK, "/api/hooks/acme/github"] {
        let request = || scene.host.request(Method::POST, path).header("X-GitHub-Event", "star");
        answer(request().body(body.clone())).await.problem(401, "bad_signature");
        let forged = request().header("X-Hub-Signature-256", signature("another body"));
        answer(forged.body(body.clone())).await.problem(401, "bad_signature");
    }
    assert_eq!(scene.events("acme").await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_action_that_can_be_in_no_type_of_event_is_in_the_data_alone() {
    let scene = GitHubScene::new().await;
    let body = json!({ "action": "déploy!", "client_payload": {}, "installation": { "id": ORGANISATION } });
    scene.github.deliver(&scene.host, HOOK, "repository_dispatch", &body).await.expect(200);
    let events = scene.wait_for_events("acme", 1).await;
    assert_eq!(events[0]["event_type"], "repository_dispatch");
    assert_eq!(events[0]["data"]["action"], "déploy!");
}
