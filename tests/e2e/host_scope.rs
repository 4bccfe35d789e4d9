//! Plugins of host scope, and resident guests: when they begin and end, what they keep, what a
//! fault costs.

use std::time::Duration;

use moothall_tests::{TestHost, until};
use serde_json::{Value, json};

const TOML: &str = "[plugins.resident]\nscope = \"host\"\nsettings = { label = \"blue\" }\nlimits = { cpu_ms = 200 }";

async fn host() -> TestHost {
    TestHost::with(&["resident"]).toml(TOML).start().await
}

async fn route(host: &TestHost, path: &str) -> Value {
    host.get(&format!("/api/plugins/resident{path}")).await.expect(200)
}

#[tokio::test]
async fn it_is_initialized_at_each_start_and_closed_at_the_end() {
    let mut host = host().await;
    assert_eq!(route(&host, "/state/initialized").await, 1);
    assert_eq!(route(&host, "/state/closed").await, Value::Null);
    route(&host, "/count").await;
    host.terminate();
    host.restart().await;
    assert_eq!(route(&host, "/state/initialized").await, 2);
    assert_eq!(route(&host, "/state/closed").await, 1);
    assert_eq!(route(&host, "/state/count_at_close").await, 1, "`close` sees the guest's memory");
}

#[tokio::test]
async fn it_is_initialized_too_where_its_settings_changed_while_the_host_was_down() {
    let mut host = host().await;
    assert_eq!(route(&host, "/state/initialized").await, 1);
    host.terminate();
    host.set_toml(&TOML.replace("blue", "green"));
    host.restart().await;
    assert_eq!(route(&host, "/count").await["label"], "green");
    assert_eq!(route(&host, "/state/initialized").await, 2);
}

#[tokio::test]
async fn its_memory_lasts_between_calls_and_not_over_a_restart() {
    let mut host = host().await;
    for count in 1..=3 {
        assert_eq!(route(&host, "/count").await["count"], count);
    }
    host.advance(Duration::from_secs(61));
    until("the tick saw the same memory", async || {
        (route(&host, "/state/flushed").await == 3).then_some(())
    })
    .await;
    host.restart().await;
    assert_eq!(route(&host, "/count").await["count"], 1);
}

#[tokio::test]
async fn a_trap_costs_its_memory_and_a_pause() {
    let host = host().await;
    route(&host, "/count").await;
    for (path, status, code) in [
        ("/api/plugins/resident/trap", 502, "plugin_trap"),
        ("/api/plugins/resident/spin", 504, "plugin_timeout"),
    ] {
        host.get(path).await.problem(status, code);
        let pause = host.get("/api/plugins/resident/count").await;
        assert_eq!(pause.status, 503, "it rests");
        assert_eq!(pause.header("retry-after"), "1");
        let back = until("it is back", async || {
            let answer = host.get("/api/plugins/resident/count").await;
            (answer.status == 200).then(|| answer.json())
        })
        .await;
        assert_eq!(back["count"], 1, "the memory is gone");
    }
}

#[tokio::test]
async fn its_settings_are_its_config_and_checked() {
    let mut host = host().await;
    route(&host, "/count").await;
    host.set_toml("[plugins.resident]\nscope = \"host\"\nsettings = { label = \"red\" }");
    host.reload();
    until("the new configuration counts", async || {
        let answer = host.get("/api/plugins/resident/count").await;
        (answer.status == 200 && answer.json()["label"] == "red").then_some(())
    })
    .await;
    let refused = host.put_community("acme", json!([{ "name": "resident" }])).await;
    refused.problem(422, "other_scope");
    host.set_toml("[plugins.resident]\nscope = \"host\"\nsettings = { }");
    host.restart().await;
    until("the log says what is wrong", async || {
        let said = host.logs().contains("a plugin of host scope cannot be set up");
        (said && host.logs().contains("label")).then_some(())
    })
    .await;
    assert!(!host.logs().contains("``"), "what is missing from all of it has no place");

    // Its file is fine, and listed so, with the reason why it cannot be called.
    let is_told = |file: &Value| {
        let warnings = file["warnings"].to_string();
        file["status"] == "ready"
            && warnings.contains("it is not set up, so that nothing of it is called")
    };
    let file = until("the listing has it", async || {
        Some(host.file("resident.wasm").await).filter(is_told)
    })
    .await;
    let warnings = file["warnings"].to_string();
    for words in ["label", "see [plugins.resident] in moothall.toml"] {
        assert!(warnings.contains(words), "{words}: {warnings}");
    }
    host.get("/readyz").await.expect(200);
    host.set_toml("[plugins.resident]\nscope = \"host\"\nsettings = { label = \"red\" }");
    host.reload();
    until("the listing no longer has it", async || {
        (!is_told(&host.file("resident.wasm").await)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_sees_the_hosts_numbers_and_others_do_not() {
    let host = TestHost::with(&["resident", "backstage"]).toml(TOML).start().await;
    host.community("acme", "backstage", json!({})).await;
    let numbers = route(&host, "/metrics").await;
    let found = numbers.as_array().expect("a list").iter().any(|one| {
        one["name"] == "moothall_http_requests_total" && one["labels"]["status"] == "200"
    });
    assert!(found, "{numbers}");
    host.get("/api/plugins/backstage/acme/numbers").await.problem(403, "forbidden");
}

#[tokio::test]
async fn no_community_is_listed_for_it() {
    let host = host().await;
    assert_eq!(host.get("/api/internal/community").await.expect(200)["communities"], json!([]));
    let schedules = host.get("/api/internal/schedules").await.expect(200);
    assert_eq!(schedules["schedules"][0]["name"], "flush");
    assert_eq!(schedules["schedules"][0]["kind"], "schedule");
}
