//! What a plugin does to others only with its operator's grant: steps of hooks that are not its own, events
//! and accounts of others, host scope. The plugin's listing names what is not granted, and the rest of the
//! plugin serves.

mod accounts;
mod hooks;
mod warnings;

use std::time::Duration;

use moothall_tests::{TestHost, crafted, until};
use serde_json::{Value, json};

async fn backstage(toml: &str) -> TestHost {
    let host = TestHost::with(&["backstage"]).toml(toml).start().await;
    host.community("acme", "backstage", json!({})).await;
    host
}

fn granted(grants: &str) -> String {
    format!("[plugins.backstage]\ngrants = {{ {grants} }}\n")
}

/// The status of an action whose filter would prevent it.
async fn prevented(host: &TestHost) -> u16 {
    let exception = json!({ "name": "PreventAction", "message": "no" });
    let filter = json!({ "do": "halt", "exception": exception });
    host.action("acme", "backstage.echo", json!({ "filter": filter })).await.status
}

/// The missing grants of one kind.
async fn missing(host: &TestHost, file: &str, grant: &str) -> Value {
    let listed = host.file(file).await;
    let missing = listed["missing"].as_array().cloned().unwrap_or_default();
    missing.into_iter().find(|one| one["grant"] == grant).unwrap_or_default()
}

async fn state(host: &TestHost, key: &str) -> Value {
    host.result("acme", "backstage.get", json!({ "key": key })).await["value"].clone()
}

async fn publish(host: &TestHost, data: Value) {
    let event = json!({ "community": "acme", "event_type": "note", "data": data });
    host.post("/api/internal/events", event).await.expect(202);
}

/// The data of the events that its worker handled, once there are so many.
async fn handled(host: &TestHost, count: usize) -> Vec<Value> {
    until("they are handled", async || {
        let handled = state(host, "handled").await.as_array().cloned().unwrap_or_default();
        (handled.len() >= count).then(|| handled.iter().map(|one| one["data"].clone()).collect())
    })
    .await
}

async fn recorder(host: &TestHost) -> Value {
    let all = host.get("/api/internal/workers?plugin=backstage").await.expect(200);
    let all = all["workers"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|one| one["worker"] == "recorder").unwrap_or_default()
}

async fn emit_own(host: &TestHost, number: u64) {
    let own = json!({ "event_type": "note", "data": { "own": number } });
    host.action("acme", "backstage.emit", own).await.expect(200);
}

#[tokio::test]
async fn a_worker_hears_others_events_only_with_a_grant() {
    let mut host = backstage("").await;
    // Workers handle the log in order, so earlier events were not for it.
    publish(&host, json!({ "of": "driver" })).await;
    host.put_community("other", json!([])).await.expect(201);
    host.put_community("acme", json!([{ "name": "backstage", "config": {} }])).await.expect(200);
    // Workers run concurrently: by the second event, another worker would have come to the first.
    for own in [0, 1] {
        emit_own(&host, own).await;
        handled(&host, 1 + own as usize).await;
    }
    let own = |own: u64| json!({ "own": own, "number": 0 });
    assert_eq!(handled(&host, 2).await, [own(0), own(1)]);
    assert_eq!(state(&host, "sent").await, Value::Null);
    let lacking = missing(&host, "backstage.wasm", "events").await;
    let patterns = json!(["api.change", "driver:counted", "driver:note", "sending_event"]);
    assert_eq!(lacking["values"], patterns);

    host.set_toml(&granted("events = [\"driver:n*\", \"api.change\", \"sending_event\"]"));
    host.reload();
    until("it is granted", async || {
        let lacking = missing(&host, "backstage.wasm", "events").await;
        (lacking["values"] == json!(["driver:counted"])).then_some(())
    })
    .await;
    until("what plugins emit is logged too", async || {
        emit_own(&host, 2).await;
        (state(&host, "sent").await != Value::Null).then_some(())
    })
    .await;
    publish(&host, json!({ "of": "driver" })).await;
    host.put_community("acme", json!([{ "name": "backstage", "config": {} }])).await.expect(200);
    until("the driver's event and the change are handled", async || {
        let handled = state(&host, "handled").await.to_string();
        (handled.contains("\"of\":\"driver\"") && handled.contains("\"method\":\"PUT\""))
            .then_some(())
    })
    .await;
    // A failed event waits to be tried again.
    publish(&host, json!({ "worker": "fail" })).await;
    until("it has failed", async || (recorder(&host).await["retries"] != json!([])).then_some(()))
        .await;
    host.set_toml("");
    host.restart().await;
    host.advance(Duration::from_secs(2 * 60 * 60));
    let dead = until("it is given up", async || {
        let worker = recorder(&host).await;
        (worker["dead"] == 1).then(|| worker["dead_letters"].to_string())
    })
    .await;
    assert!(dead.contains("events = [\\\"driver:note\\\"]"), "{dead}");
    publish(&host, json!({ "of": "driver, late" })).await;
    emit_own(&host, 3).await;
    let handled = until("its own is handled", async || {
        let handled = state(&host, "handled").await.to_string();
        handled.contains("\"own\":3").then_some(handled)
    })
    .await;
    assert!(!handled.contains("late"), "it is not granted any more");
}

#[tokio::test]
async fn a_version_that_asks_for_more_serves_without_it() {
    let plugin = |version: &str, requests: Value| {
        let manifest = json!({
            "name": "growing", "version": version, "requests": requests, "actions": [{ "slug": "act" }],
        });
        crafted::plugin(&manifest, crafted::ANSWER_NOTHING)
    };
    let host = TestHost::with(&[]).start().await;
    host.put_plugin("growing.wasm", &plugin("1.0.0", json!({})));
    until("it serves", async || {
        (host.file("growing.wasm").await["status"] == "ready").then_some(())
    })
    .await;
    host.community("acme", "growing", json!({})).await;
    assert_eq!(host.file("growing.wasm").await["missing"], json!([]));
    let more = json!({ "accounts": ["discord"], "http": ["api.example.com"] });
    host.put_plugin("growing.wasm", &plugin("2.0.0", more));
    let listed = until("the next version serves", async || {
        let listed = host.file("growing.wasm").await;
        (listed["serving"]["version"] == "2.0.0").then_some(listed)
    })
    .await;
    assert_eq!(listed["status"], "ready");
    assert_eq!(listed["requested"]["accounts"], json!(["discord"]));
    assert_eq!(listed["granted"]["accounts"], json!([]));
    let grants: Vec<_> = listed["missing"].as_array().into_iter().flatten().collect();
    let kinds: Vec<_> = grants.iter().map(|one| one["grant"].as_str()).collect();
    assert_eq!(kinds, [Some("http"), Some("accounts")], "{listed}");
    assert_eq!(listed["warnings"].as_array().map(Vec::len), Some(1), "{listed}");
    host.action("acme", "growing.act", json!({})).await.expect(200);
}

#[tokio::test]
async fn a_plugin_of_host_scope_is_none_until_the_operator_says_so() {
    let settings = "[plugins.resident]\nsettings = { label = \"blue\" }\n";
    let mut host = TestHost::with(&["resident"]).toml(settings).start().await;
    let route = "/api/plugins/resident/count";
    host.get(route).await.problem(503, "not_ready");
    let listed = host.file("resident.wasm").await;
    assert_eq!(
        (&listed["status"], &listed["granted"]["scope"]),
        (&json!("ready"), &json!("community"))
    );
    let lacking = missing(&host, "resident.wasm", "scope").await;
    assert_eq!(lacking["line"], "add `scope = \"host\"` under [plugins.resident] in moothall.toml");
    let schedules = host.get("/api/internal/schedules").await.expect(200);
    assert_eq!(schedules["schedules"], json!([]), "there is no instance of it");

    host.set_toml(&format!("{settings}scope = \"host\"\n"));
    host.reload();
    until("it is set up", async || (host.get(route).await.status == 200).then_some(())).await;
    assert_eq!(missing(&host, "resident.wasm", "scope").await, Value::Null);

    // Its data stays, and the host does not call it.
    host.set_toml(settings);
    host.reload();
    until("it is called no more", async || (host.get(route).await.status == 503).then_some(()))
        .await;
    host.terminate();
    host.set_toml(&format!("{settings}scope = \"host\"\n"));
    host.restart().await;
    let begun = host.get("/api/plugins/resident/state/initialized").await.expect(200);
    assert_eq!(begun, 2, "it is the same instance");
    let closed = host.get("/api/plugins/resident/state/closed").await.expect(200);
    assert_eq!(closed, Value::Null, "it was not called at the end either");
}

#[tokio::test]
async fn development_grants_what_manifests_ask_for() {
    let toml = "grant_requested = true\n[plugins.resident]\nsettings = { label = \"blue\" }";
    let host = TestHost::with(&["backstage", "resident"]).toml(toml).start().await;
    host.community("acme", "backstage", json!({})).await;
    assert_eq!(prevented(&host).await, 403);
    publish(&host, json!({ "of": "driver" })).await;
    assert_eq!(handled(&host, 1).await[0]["of"], "driver");
    until("it is set up", async || {
        (host.get("/api/plugins/resident/count").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(host.file("backstage.wasm").await["missing"], json!([]));
    let lacking = host.file("resident.wasm").await["missing"].clone();
    assert_eq!(lacking[0]["grant"], "tcp", "which reaches private addresses: {lacking}");
}

#[tokio::test]
async fn the_line_for_what_is_missing_can_be_written_as_it_is() {
    let scope = "scope = \"host\"";
    let before = "[plugins.wanting]\ngrants = { http = [\"a.example\"] }";
    let mut host = TestHost::with(&[]).toml(before).start().await;
    let manifest = json!({
        "name": "wanting",
        "scope": "host",
        "config_schema": { "type": "object", "properties": { "api_key": { "type": "string", "writeOnly": true } } },
        "requests": { "http": ["a.example", "b.example"], "reveal": ["/api_key"], "accounts": ["discord"] },
        "actions": [{ "slug": "do" }],
    });
    host.put_plugin("wanting.wasm", &crafted::plugin(&manifest, crafted::ANSWER_NOTHING));
    let of_file = async |host: &TestHost| {
        until("the plugin serves", async || {
            let file = host.file("wanting.wasm").await;
            (file["status"] == "ready").then_some(file)
        })
        .await
    };
    let listed = of_file(&host).await;
    let warnings = listed["warnings"].to_string();
    assert_eq!(warnings.matches("grants = {").count(), 1, "one line with all: {warnings}");
    let said = listed["missing"][0]["line"].as_str().expect("a line");
    let line = said.split('`').find(|part| part.starts_with("grants = {")).expect("a line of TOML");
    host.set_toml(&format!("[plugins.wanting]\n{line}\n{scope}"));
    host.restart().await;
    let listed = of_file(&host).await;
    assert_eq!(listed["missing"], json!([]), "{listed}");
    assert_eq!(listed["granted"]["http"], json!(["a.example", "b.example"]), "{listed}");
}
