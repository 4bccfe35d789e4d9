//! What a changed config does, what is no change, and what a config may not have.

use moothall_tests::{Answer, TestHost, crafted, until};
use reqwest::Method;
use serde_json::{Value, json};

const GRANTED: &str = "[plugins.ballot]\ngrants = { reveal = [\"/token\"] }";

async fn host() -> TestHost {
    TestHost::with(&["ballot"]).toml(GRANTED).start().await
}

/// Enables the ballot with a config as it is written.
async fn enable(host: &TestHost, config: &str) -> Answer {
    let request = host.request(Method::POST, "/api/internal/plugin/ballot");
    let request = request.header("X-Metagov-Community", "acme");
    let request = request.header("content-type", "application/json").body(config.to_owned());
    moothall_tests::answer(request).await
}

/// Begins a vote; returns its URL.
async fn vote(host: &TestHost) -> String {
    let request = host.request(Method::POST, "/api/internal/process/ballot.vote");
    let request = request.header("X-Metagov-Community", "acme").json(&json!({}));
    moothall_tests::answer(request).await.header("location").to_owned()
}

async fn changes_seen(host: &TestHost) -> Value {
    host.result("acme", "ballot.changed", json!({})).await["times"].clone()
}

#[tokio::test]
async fn changed_secrets_alone_keep_the_instance_with_its_votes_and_are_told() {
    let mut host = host().await;
    host.put_community("acme", json!([])).await.expect(201);
    let created =
        enable(&host, r#"{"title":"t","token":"one","keys":{"a":"1"}}"#).await.expect(201);
    let vote = vote(&host).await;
    for (times, config) in [
        (1, r#"{"title":"t","token":"two","keys":{"a":"1"}}"#),
        (2, r#"{"title":"t","token":"two","keys":{"a":"1","b":"2"},"tokens":["x"]}"#),
        (3, r#"{"title":"t","token":"two"}"#),
        (4, r#"{"title":"t"}"#),
        (5, r#"{"title":"t","token":"three"}"#),
    ] {
        let changed = enable(&host, config).await.expect(200);
        assert_eq!(changed["id"], created["id"], "{config}");
        assert_eq!(changes_seen(&host).await, times, "{config}");
        assert_eq!(enable(&host, config).await.expect(200), changed, "{config}");
        assert_eq!(
            changes_seen(&host).await,
            times,
            "the plugin is not called for what did not change: {config}"
        );
    }
    host.restart().await;
    assert_eq!(host.result("acme", "ballot.token", json!({})).await, "three");
    assert_eq!(host.get(&vote).await.expect(200)["status"], "pending");
    assert_eq!(host.delete(&vote).await.expect(200)["outcome"], json!({ "closed": true }));
}

#[tokio::test]
async fn any_other_change_destroys_the_instance_and_ends_its_votes() {
    let host = host().await;
    host.put_community("acme", json!([])).await.expect(201);
    let mut before = enable(&host, r#"{"title":"t","token":"one"}"#).await.expect(201);
    for config in [
        r#"{"title":"u","token":"one"}"#,
        r#"{"title":"u","token":"one","quorum":6}"#,
        r#"{"title":"u","token":"one","quorum":6,"weight":0.1}"#,
        r#"{"title":"u","token":"one","quorum":6,"weight":0.1,"server":{"url":"s"}}"#,
        r#"{"title":"u","token":"two","quorum":7,"weight":0.1,"server":{"url":"s"}}"#,
    ] {
        let vote = vote(&host).await;
        let after = enable(&host, config).await.expect(201);
        assert_ne!(after["id"], before["id"], "{config}");
        let ended = host.get(&vote).await.expect(200);
        assert_eq!(ended["status"], "completed", "{config}");
        assert_eq!(ended["errors"], json!({ "code": "instance_replaced" }), "{config}");
        assert_eq!(changes_seen(&host).await, 0, "{config}");
        before = after;
    }
}

#[tokio::test]
async fn what_means_the_same_is_no_change() {
    let host = host().await;
    host.put_community("acme", json!([])).await.expect(201);
    let config = r#"{"title":"t","token":"one","weight":1000,"server":{"url":"s"},"mirrors":[{"url":"m"}],"store":{"kind":"memory"}}"#;
    let created = enable(&host, config).await.expect(201);
    let vote = vote(&host).await;
    for same in [
        // Another order of keys.
        r#"{"token":"one","mirrors":[{"url":"m"}],"store":{"kind":"memory"},"server":{"url":"s"},"weight":1000,"title":"t"}"#,
        // Other spellings of numbers.
        r#"{"title":"t","token":"one","weight":1e3,"quorum":5.0,"server":{"url":"s"},"mirrors":[{"url":"m"}],"store":{"kind":"memory"}}"#,
        r#"{"title":"t","token":"one","weight":1000.0,"server":{"url":"s","port":4.43e2},"mirrors":[{"url":"m"}],"store":{"kind":"memory"}}"#,
        // Defaults written out, at any depth.
        r#"{"title":"t","token":"one","weight":1000,"quorum":5,"keys":{},"tokens":[],"limits":{"votes":5},"server":{"url":"s","port":443},"mirrors":[{"url":"m","port":443}],"store":{"kind":"memory"}}"#,
        // `null` for absent members.
        r#"{"title":"t","token":"one","weight":1000,"pair":null,"sign_in":null,"proxy_url":null,"server":{"url":"s","password":null},"mirrors":[{"url":"m"}],"store":{"kind":"memory"}}"#,
        // The placeholder of a secret.
        r#"{"title":"t","token":"********","weight":1000,"server":{"url":"s"},"mirrors":[{"url":"m"}],"store":{"kind":"memory"}}"#,
    ] {
        let after = enable(&host, same).await.expect(200);
        assert_eq!(after, created, "{same}");
    }
    assert_eq!(host.get(&vote).await.expect(200)["status"], "pending");
    assert_eq!(changes_seen(&host).await, 0, "the plugin was not called");
}

#[tokio::test]
async fn a_key_that_the_config_s_type_does_not_have_is_refused_where_it_stands() {
    let host = host().await;
    host.put_community("acme", json!([])).await.expect(201);
    enable(&host, r#"{"title":"t","token":"one"}"#).await.expect(201);
    let vote = vote(&host).await;
    for (config, place) in [
        (r#"{"title":"t","tokn":"one"}"#, "/tokn"),
        (r#"{"title":"t","token":"one","limits":{"vote":6}}"#, "/limits/vote"),
        (r#"{"title":"t","token":"one","server":{"url":"s","prot":1}}"#, "/server/prot"),
        (r#"{"title":"t","token":"one","mirrors":[{"url":"m","prot":1}]}"#, "/mirrors/0/prot"),
        (
            r#"{"title":"t","token":"one","store":{"kind":"server","url":"s","prot":1}}"#,
            "/store/prot",
        ),
    ] {
        let refused = enable(&host, config).await;
        refused.problem(400, "invalid_config");
        assert!(refused.error_paths().contains(&place.to_owned()), "{config}: {}", refused.text);
    }
    assert_eq!(host.get(&vote).await.expect(200)["status"], "pending");
}

/// Installs a version of the plugin `open`, whose schema refuses nothing.
async fn serve(host: &TestHost, version: &str, schema: Value) {
    let manifest = json!({ "name": "open", "version": version, "config_schema": schema, "actions": [{ "slug": "do" }] });
    host.put_plugin("open.wasm", &crafted::plugin(&manifest, crafted::ANSWER_NOTHING));
    until("it serves", async || {
        (host.file("open.wasm").await["serving"]["version"] == version).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_key_that_a_schema_ignores_has_no_effect() {
    let host = TestHost::with(&[]).start().await;
    let inner = json!({ "type": "object", "properties": { "x": {} } });
    let map = json!({ "type": "object", "additionalProperties": { "type": "integer" } });
    let free = json!({ "type": "object" });
    let properties = json!({ "a": {}, "inner": inner, "map": map, "free": free });
    serve(&host, "1", json!({ "type": "object", "properties": properties })).await;
    host.put_community("acme", json!([])).await.expect(201);
    let config = json!({ "a": 1, "b": 2, "inner": { "x": 1, "y": 2 }, "map": { "k": 1 }, "free": { "f": 1 } });
    let created = host.enable("acme", "open", config).await.expect(201);
    let known = json!({ "a": 1, "inner": { "x": 1 }, "map": { "k": 1 }, "free": { "f": 1 } });
    assert_eq!(created["config"], known, "what has no effect is not kept");
    let other = json!({ "a": 1, "c": 3, "inner": { "x": 1, "z": 3 }, "map": { "k": 1 }, "free": { "f": 1 } });
    assert_eq!(host.enable("acme", "open", other).await.expect(200), created);
    for changed in [
        json!({ "a": 1, "inner": { "x": 1 }, "map": { "k": 1, "l": 2 }, "free": { "f": 1 } }),
        json!({ "a": 1, "inner": { "x": 1 }, "map": { "k": 1, "l": 2 }, "free": { "f": 1, "g": 2 } }),
    ] {
        host.enable("acme", "open", changed).await.expect(201);
    }
}

#[tokio::test]
async fn a_version_that_has_a_key_no_more_serves_the_configs_that_have_it() {
    let host = TestHost::with(&[]).start().await;
    let strict = |properties: Value| json!({ "type": "object", "properties": properties, "additionalProperties": false });
    serve(&host, "1", strict(json!({ "a": {}, "old": {} }))).await;
    let before = host.community("acme", "open", json!({ "a": 1, "old": 2 })).await;
    serve(&host, "2", strict(json!({ "a": {} }))).await;
    host.result("acme", "open.do", json!({})).await;
    let same = host.enable("acme", "open", json!({ "a": 1 })).await.expect(200);
    assert_eq!(same["id"], before["plugins"][0]["id"]);
}
