//! Several instances of one plugin in a community, distinguished by `community_platform_id`; and
//! the placeholder for a secret.

use moothall_tests::TestHost;
use reqwest::Method;
use serde_json::{Value, json};

const REVEAL: &str = r#"[plugins.probe]
grants = { reveal = ["/token"] }"#;

/// The key of `probe` is `server_url`.
fn at(server: &str, token: &str) -> Value {
    json!({ "name": "probe", "config": { "server_url": server, "token": token } })
}

async fn with_two() -> TestHost {
    let host = TestHost::with(&["probe"]).toml(REVEAL).start().await;
    let plugins = json!([at("https://one", "t1"), at("https://two", "t2")]);
    let community = host.put_community("acme", plugins).await.expect(201);
    let ids = community["plugins"].as_array().expect("two").iter();
    let ids: Vec<_> = ids.map(|plugin| plugin["community_platform_id"].clone()).collect();
    assert_eq!(ids, ["https://one", "https://two"]);
    host
}

#[tokio::test]
async fn without_a_platform_id_the_choices_are_named() {
    let host = with_two().await;
    let refused = host.action("acme", "probe.whoami", json!({})).await;
    let detail = refused.problem(400, "ambiguous_instance");
    assert!(detail.contains("https://one") && detail.contains("https://two"), "{detail}");
}

#[tokio::test]
async fn header_and_query_pick_an_instance() {
    let host = with_two().await;
    let by_header = host
        .action_request("acme", "probe.reveal", json!({}))
        .header("X-Metagov-Platform-Id", "https://two");
    let by_header = moothall_tests::Answer::read(by_header.send().await.unwrap()).await.unwrap();
    assert_eq!(by_header.expect(200), json!({ "token": "t2" }));

    let action = "probe.reveal?community_platform_id=https%3A%2F%2Fone";
    assert_eq!(host.result("acme", action, json!({})).await, json!({ "token": "t1" }));

    let action = "probe.reveal?community_platform_id=three";
    let detail = host.action("acme", action, json!({})).await.problem(400, "unknown_instance");
    assert!(detail.contains("https://one") && detail.contains("https://two"), "{detail}");
}

#[tokio::test]
async fn each_instance_has_a_state_of_its_own() {
    let host = with_two().await;
    for (server, value) in [("one", 1), ("two", 2)] {
        let put = format!("probe.put?community_platform_id=https%3A%2F%2F{server}");
        host.result("acme", &put, json!({ "key": "a", "value": value })).await;
    }
    for (server, value) in [("one", 1), ("two", 2)] {
        let get = format!("probe.get?community_platform_id=https%3A%2F%2F{server}");
        assert_eq!(host.result("acme", &get, json!({ "key": "a" })).await["value"], value);
    }
}

#[tokio::test]
async fn entries_of_a_put_match_instances_by_platform_id() {
    let host = with_two().await;
    let before = host.get("/api/internal/community/acme").await.expect(200);
    let plugins = json!([at("https://two", "********"), at("https://three", "t3")]);
    let after = host.put_community("acme", plugins).await.expect(200);
    assert_eq!(after["plugins"].as_array().map(Vec::len), Some(2));
    let two = after["plugins"].as_array().expect("two").iter();
    let two = two.filter(|plugin| plugin["community_platform_id"] == "https://two");
    let ids: Vec<_> = two.map(|plugin| plugin["id"].clone()).collect();
    assert_eq!(ids, [before["plugins"][1]["id"].clone()]);
}

#[tokio::test]
async fn one_instance_cannot_be_listed_twice() {
    let host = TestHost::with(&["probe"]).start().await;
    let plugins = json!([at("https://one", "a"), at("https://one", "b")]);
    host.put_community("acme", plugins).await.problem(400, "duplicate_instance");
    host.get("/api/internal/community/acme").await.expect(404);
}

#[tokio::test]
async fn the_placeholder_keeps_the_stored_secret() {
    let mut host = TestHost::with(&["probe"]).toml(REVEAL).start().await;
    let created = host.community("acme", "probe", json!({ "token": "kept", "note": "a" })).await;
    let config = created["plugins"][0]["config"].clone();
    assert_eq!(config["token"], "********");

    let sent_back = json!([{ "name": "probe", "config": config }]);
    assert_eq!(host.put_community("acme", sent_back).await.expect(200), created);
    let changed = json!({ "token": "********", "note": "b" });
    host.enable("acme", "probe", changed).await.expect(200);
    assert_eq!(host.result("acme", "probe.reveal", json!({})).await["token"], "kept");
    host.restart().await;
    assert_eq!(host.result("acme", "probe.reveal", json!({})).await["token"], "kept");

    host.enable("acme", "probe", json!({ "token": "new", "note": "b" })).await.expect(200);
    assert_eq!(host.result("acme", "probe.reveal", json!({})).await["token"], "new");
}

#[tokio::test]
async fn a_placeholder_without_a_stored_secret_is_refused() {
    let host = TestHost::with(&["tutorial"]).start().await;
    let config = json!([{ "name": "tutorial", "config": { "api_key": "********" } }]);
    let refused = host.put_community("acme", config).await;
    refused.problem(400, "invalid_config");
    assert_eq!(refused.error_paths(), ["/api_key"]);
}

#[tokio::test]
async fn one_instance_can_be_disabled_by_its_id() {
    let host = with_two().await;
    let community = host.get("/api/internal/community/acme").await.expect(200);
    let id = community["plugins"][0]["id"].clone();
    let wrong = host.delete(&format!("/api/internal/plugin/tutorial/{id}")).await;
    wrong.problem(404, "unknown_plugin");
    let path = format!("/api/internal/plugin/probe/{id}");
    let answer = host.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    host.delete(&path).await.problem(404, "unknown_instance");
    host.delete("/api/internal/plugin/probe/x").await.problem(404, "unknown_instance");
    let whoami = host.result("acme", "probe.whoami", json!({})).await;
    assert_eq!(whoami["community_platform_id"], "https://two");
}
