//! Limits on the host's work for a plugin or a client: validation by schemas, and compiling them.

use std::path::PathBuf;

use moothall_tests::{TestHost, crafted, until};
use serde_json::{Map, Value, json};

/// A pattern with a thousand states, too many for a table: each byte of a text may be followed
/// through all of them.
const HEAVY: &str = "(?:[ab]?){1000}[cd]";

fn plugin(manifest: &Value) -> Vec<u8> {
    crafted::plugin(manifest, crafted::ANSWER_NOTHING)
}

/// A plugin with one action that takes these parameters.
fn taking(parameters: &Value) -> Vec<u8> {
    let action = json!({ "slug": "take", "parameters_schema": parameters });
    plugin(&json!({ "name": "taker", "actions": [action] }))
}

async fn settled(host: &TestHost, file: &str) -> Value {
    until("the file is looked at", async || {
        let report = host.file(file).await;
        (report["status"] == "ready" || report["status"] == "failed").then_some(report)
    })
    .await
}

async fn refused(host: &TestHost, content: &[u8]) -> String {
    host.put_plugin("refused.wasm", content);
    let report = settled(host, "refused.wasm").await;
    assert_eq!(report["status"], "failed", "{report}");
    report["errors"].to_string()
}

async fn with_taker(parameters: &Value) -> TestHost {
    let host = TestHost::with(&["raw"]).start().await;
    host.put_plugin("taker.wasm", &taking(parameters));
    let report = settled(&host, "taker.wasm").await;
    assert_eq!(report["status"], "ready", "{report}");
    host.community("acme", "taker", json!({})).await;
    host
}

#[tokio::test]
async fn a_pattern_that_could_take_long_is_refused_at_load_unless_the_text_is_bounded() {
    let host = TestHost::with(&["raw"]).start().await;
    let schema = |more: Value| json!({ "properties": { "text": more } });
    let unbounded = taking(&schema(json!({ "pattern": HEAVY })));
    let reasons = refused(&host, &unbounded).await;
    assert!(reasons.contains("actions.take.parameters_schema"), "{reasons}");
    assert!(reasons.contains("/properties/text/pattern"), "{reasons}");
    assert!(reasons.contains("maxLength") && reasons.contains("validation_ms"), "{reasons}");
    host.put_plugin("taker.wasm", &taking(&schema(json!({ "pattern": HEAVY, "maxLength": 100 }))));
    assert_eq!(settled(&host, "taker.wasm").await["status"], "ready");
}

#[tokio::test]
async fn parameters_that_would_take_long_to_check_are_refused_with_the_place() {
    let items = json!({ "items": { "type": "string", "pattern": HEAVY, "maxLength": 100 } });
    let host = with_taker(&json!({ "properties": { "all": items } })).await;
    let all = |count: usize| json!({ "all": vec!["ab".repeat(49) + "c"; count] });
    host.action("acme", "taker.take", all(5)).await.expect(200);
    let refused = host.action("acme", "taker.take", all(9_000)).await;
    refused.problem(400, "invalid_parameters");
    assert!(refused.text.contains("/properties/all/items/pattern"), "{}", refused.text);
    assert!(refused.text.contains("50 ms (validation_ms)"), "{}", refused.text);
}

#[tokio::test]
async fn all_that_one_call_hands_back_is_checked_within_one_budget() {
    let host = TestHost::with(&["misbehaving"]).start().await;
    host.community("acme", "misbehaving", json!({})).await;
    host.result("acme", "misbehaving.event-flood", json!({ "events": 5 })).await;
    let flood = host.action("acme", "misbehaving.event-flood", json!({ "events": 90 })).await;
    let message = flood.problem(502, "plugin_bad_output");
    assert!(message.contains("validation_ms") && message.contains("tangled"), "{message}");
    let events = host.get("/api/internal/events").await.expect(200);
    assert_eq!(
        events["events"].as_array().map(Vec::len),
        Some(5),
        "nothing of the flood is stored"
    );
}

#[tokio::test]
async fn parameters_of_a_kilobyte_do_not_become_a_million() {
    let properties: Map<_, _> =
        (0..400).map(|n| (format!("p{n}"), json!({ "default": n }))).collect();
    let inner = json!({ "$ref": "#/$defs/inner" });
    let outer: Map<_, _> = (0..60).map(|n| (format!("o{n}"), inner.clone())).collect();
    let definitions = json!({ "inner": { "properties": properties } });
    let host = with_taker(&json!({ "properties": outer, "$defs": definitions })).await;
    let objects = |count: usize| -> Value {
        (0..count).map(|n| (format!("o{n}"), json!({}))).collect::<Map<_, _>>().into()
    };
    host.action("acme", "taker.take", objects(50)).await.expect(200);
    let refused = host.action("acme", "taker.take", objects(51)).await;
    refused.problem(400, "invalid_parameters");
    assert!(refused.text.contains("20000 values (default_values)"), "{}", refused.text);
}

/// Schemas, each within its limits.
fn many_patterns(name: &str, actions: usize, patterns: usize) -> Value {
    let schema = |action: usize| {
        let one = |n: usize| {
            let pattern = json!({ "pattern": format!("^{action}x{n}[ab]+"), "maxLength": 9 });
            (format!("p{n}"), pattern)
        };
        json!({ "properties": (0..patterns).map(one).collect::<Map<_, _>>() })
    };
    let action = |n: usize| json!({ "slug": format!("a{n}"), "parameters_schema": schema(n) });
    json!({ "name": name, "actions": (0..actions).map(action).collect::<Vec<_>>() })
}

#[tokio::test]
async fn the_patterns_of_a_manifest_are_bounded_together() {
    let host = TestHost::with(&["raw"]).toml("[limits]\nmanifest_patterns = 300").start().await;
    let reasons = refused(&host, &plugin(&many_patterns("many", 4, 100))).await;
    assert!(reasons.contains("manifest_patterns"), "{reasons}");
    host.put_plugin("enough.wasm", &plugin(&many_patterns("enough", 3, 100)));
    assert_eq!(settled(&host, "enough.wasm").await["status"], "ready");
}

#[tokio::test]
async fn a_manifest_with_a_thousand_mistakes_is_refused_with_a_hundred() {
    let host = TestHost::with(&["raw"]).start().await;
    let wrong: Map<_, _> = (0..40).map(|n| (format!("p{n}"), json!({ "type": "?" }))).collect();
    let action =
        |n: usize| json!({ "slug": format!("a{n}"), "parameters_schema": { "properties": wrong } });
    let actions: Vec<_> = (0..25).map(action).collect();
    let reasons = refused(&host, &plugin(&json!({ "name": "wrong", "actions": actions }))).await;
    let reasons: Value = serde_json::from_str(&reasons).expect("a list");
    assert_eq!(reasons.as_array().map(Vec::len), Some(101));
    assert!(reasons[100]["message"].as_str().is_some_and(|text| text.contains("900 reasons more")));
}

/// The marker files for plugins whose schemas are being compiled.
fn marks(host: &TestHost) -> Vec<PathBuf> {
    let files = std::fs::read_dir(host.data().join("cache")).expect("the cache can be read");
    let files = files.filter_map(|file| Some(file.ok()?.path()));
    files.filter(|file| file.to_string_lossy().ends_with(".mark")).collect()
}

#[tokio::test]
async fn a_file_whose_schemas_ended_the_host_is_not_tried_again() {
    let mut host = TestHost::with(&["raw"])
        .toml("[limits]\nmanifest_patterns = 1000000\nmanifest_cpu_ms = 600000")
        .start()
        .await;
    host.community("acme", "raw", json!({})).await;
    host.put_plugin("endless.wasm", &plugin(&many_patterns("endless", 100, 150)));
    let mark = until("its schemas are being compiled", async || marks(&host).pop()).await;
    host.result("acme", "raw.echo", json!({})).await;
    host.kill_9();
    host.restart().await;
    let report = settled(&host, "endless.wasm").await;
    assert_eq!(report["errors"][0]["code"], "ended_the_host", "{report}");
    let message = report["errors"][0]["message"].as_str().expect("a text");
    let name = mark.file_name().and_then(|name| name.to_str()).expect("a name");
    assert!(message.contains(name), "{message}");
    host.result("acme", "raw.echo", json!({})).await;

    std::fs::remove_file(&mark).expect("the mark can be removed");
    host.set_toml("");
    host.restart().await;
    let tried = settled(&host, "endless.wasm").await;
    assert_eq!(tried["errors"][0]["code"], "bad_schema", "{tried}");
    assert!(marks(&host).is_empty(), "and the mark goes with the attempt");
}
