//! New versions of a plugin, and the stored configurations that an earlier version accepted.

use moothall_tests::{TestHost, crafted, until};
use serde_json::{Value, json};

/// Installs a version of the plugin `changing` with this schema, and waits until it serves.
async fn serve(host: &TestHost, number: &str, schema: Value) {
    let manifest = json!({
        "name": "changing", "version": number, "config_schema": schema, "actions": [{ "slug": "do" }],
    });
    host.put_plugin("changing.wasm", &crafted::plugin(&manifest, crafted::ANSWER_NOTHING));
    until("the version serves", async || {
        let file = host.file("changing.wasm").await;
        (file["serving"]["version"] == number && file["status"] == "ready").then_some(())
    })
    .await;
}

fn strict(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

#[tokio::test]
async fn an_unchanged_config_stays_unchanged_under_a_version_with_a_new_default() {
    let mut host = TestHost::with(&[]).start().await;
    serve(&host, "1", strict(json!({ "a": {} }))).await;
    let before = host.community("acme", "changing", json!({ "a": 1 })).await;
    serve(&host, "2", strict(json!({ "a": {}, "x": { "default": 7 } }))).await;
    let again = host.enable("acme", "changing", json!({ "a": 1 })).await.expect(200);
    assert_eq!(again["id"], before["plugins"][0]["id"], "the instance is the same");
    host.result("acme", "changing.do", json!({})).await;
    host.restart().await;
    host.enable("acme", "changing", json!({ "a": 1 })).await.expect(200);
}

#[tokio::test]
async fn a_version_that_is_rolled_back_serves_what_it_served_before() {
    let host = TestHost::with(&[]).start().await;
    serve(&host, "1", strict(json!({ "a": {} }))).await;
    host.community("acme", "changing", json!({ "a": 1 })).await;
    serve(&host, "2", strict(json!({ "a": {}, "x": { "default": 7 } }))).await;
    host.result("acme", "changing.do", json!({})).await;
    serve(&host, "1", strict(json!({ "a": {} }))).await;
    host.result("acme", "changing.do", json!({})).await;
}

#[tokio::test]
async fn a_version_that_knows_no_secrets_cannot_have_one_told() {
    let host = TestHost::with(&[]).start().await;
    serve(&host, "1", strict(json!({ "token": { "type": "string", "writeOnly": true } }))).await;
    host.community("acme", "changing", json!({ "token": "hunter2-hunter2" })).await;
    serve(&host, "2", strict(json!({ "token": { "type": "string", "maxLength": 0 } }))).await;
    let refused = host.action("acme", "changing.do", json!({})).await;
    assert!(!refused.text.contains("hunter2"), "{}", refused.text);
    let detail = refused.problem(503, "config_invalid");
    assert!(detail.contains("/token"), "{detail}");
}

#[tokio::test]
async fn a_secret_cannot_tell_instances_apart() {
    let host = TestHost::with(&[]).start().await;
    let manifest = json!({
        "name": "telling", "community_platform_id_key": "token",
        "config_schema": strict(json!({ "token": { "type": "string", "writeOnly": true } })),
    });
    host.put_plugin("telling.wasm", &crafted::plugin(&manifest, crafted::ANSWER_NOTHING));
    let errors = until("the file is refused", async || {
        let file = host.file("telling.wasm").await;
        (file["status"] == "failed").then_some(file["errors"].to_string())
    })
    .await;
    assert!(errors.contains("`token`, which is a secret"), "{errors}");
}

#[tokio::test]
async fn a_version_that_needs_a_new_key_names_the_instances_and_the_key() {
    let host = TestHost::with(&[]).start().await;
    serve(&host, "1", strict(json!({ "a": {} }))).await;
    host.community("acme", "changing", json!({ "a": 1 })).await;
    host.community("other", "changing", json!({ "a": 1 })).await;
    serve(&host, "2", json!({ "type": "object", "required": ["region"] })).await;

    let refused = host.action("acme", "changing.do", json!({})).await;
    let detail = refused.problem(503, "config_invalid");
    assert!(detail.contains("`/region` is missing"), "{detail}");
    assert_eq!(refused.json()["errors"][0]["path"], "/region");

    let listed = until("both are listed", async || {
        let listed = host.file("changing.wasm").await["config_invalid"].clone();
        (listed["count"] == 2).then_some(listed)
    })
    .await;
    assert_eq!(listed["instances"][0]["community"], "acme");
    assert_eq!(listed["instances"][1]["errors"][0]["path"], "/region");
    until("the log names them", async || {
        let log = host.logs();
        let line = log.lines().find(|line| line.contains("does not accept stored configs"))?;
        let whole = ["WARN", "changing", "community `acme`", "community `other`", "`/region`"];
        whole.iter().all(|part| line.contains(part)).then_some(())
    })
    .await;

    host.enable("acme", "changing", json!({ "region": "eu" })).await.expect(201);
    host.result("acme", "changing.do", json!({})).await;
    let left = host.file("changing.wasm").await["config_invalid"].clone();
    assert_eq!((&left["count"], &left["instances"][0]["community"]), (&json!(1), &json!("other")));
}
