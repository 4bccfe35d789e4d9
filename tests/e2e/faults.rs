//! Every row of the table of failures in the HTTP contract: status and code show whose fault a
//! failure is.

use std::time::Duration;

use moothall_tests::{TestHost, crafted, guests, until, until_within};
use serde_json::json;

async fn misbehaving(toml: &str) -> TestHost {
    let host = TestHost::with(&["misbehaving"]).toml(toml).start().await;
    host.community("acme", "misbehaving", json!({})).await;
    host
}

#[tokio::test]
async fn a_plugin_s_own_refusal_has_the_status_of_its_kind() {
    let host = misbehaving("").await;
    let kinds = [
        ("invalid", 400, "invalid"),
        ("unauthorized", 401, "unauthorized"),
        ("forbidden", 403, "forbidden"),
        ("not-found", 404, "not_found"),
        ("conflict", 409, "conflict"),
        ("unavailable", 503, "unavailable"),
        ("internal", 500, "internal"),
        ("quota-used-up", 500, "plugin:quota-used-up"),
    ];
    for (kind, status, code) in kinds {
        let parameters = json!({ "kind": kind, "message": format!("it was {kind}") });
        let refused = host.action("acme", "misbehaving.fail", parameters).await;
        assert_eq!(refused.problem(status, code), format!("it was {kind}"));
    }
}

#[tokio::test]
async fn a_result_that_breaks_its_schema_or_is_no_json_is_bad_output() {
    let host = misbehaving("").await;
    let broken = host.action("acme", "misbehaving.schema-breaking-out", json!({})).await;
    broken.problem(502, "plugin_bad_output");

    host.put_guest("raw");
    until("raw serves", async || (host.file("raw.wasm").await["status"] == "ready").then_some(()))
        .await;
    host.community("other", "raw", json!({})).await;
    host.action("other", "raw.bad-json", json!({})).await.problem(502, "plugin_bad_output");
}

#[tokio::test]
async fn a_panic_and_a_stack_overflow_are_traps() {
    let host = misbehaving("").await;
    host.action("acme", "misbehaving.panic-now", json!({})).await.problem(502, "plugin_trap");
    let overflow = host.action("acme", "misbehaving.deep-recursion", json!({})).await;
    let detail = overflow.problem(502, "plugin_trap");
    assert!(detail.contains("stack"), "{detail}");
}

#[tokio::test]
async fn an_exit_is_no_way_to_end_a_call() {
    let host = misbehaving("").await;
    let exit = host.action("acme", "misbehaving.exit", json!({})).await;
    let detail = exit.problem(502, "plugin_trap");
    assert!(detail.contains("it called `exit`") && !detail.contains("status"), "{detail}");
}

#[tokio::test]
async fn a_result_that_is_no_result_is_the_plugin_s_fault() {
    let host = TestHost::with(&[]).start().await;
    let manifest = |name: &str| json!({ "name": name, "actions": [{ "slug": "do" }] });
    let plugins = [
        // Far outside of its memory.
        ("outside", "plugin_trap", "(i32.const -8)"),
        // `ok(some(text))` with a length beyond the memory's end.
        ("endless", "plugin_trap", "(i32.store (i32.const 64) (i32.const 0)) (i32.store (i32.const 68) (i32.const 1))
                     (i32.store (i32.const 72) (i32.const 0)) (i32.store (i32.const 76) (i32.const -1))
                     (i32.const 64)"),
        // `ok(some(text))` with a byte that is no UTF-8.
        ("no-text", "plugin_trap", "(i32.store (i32.const 68) (i32.const 1)) (i32.store (i32.const 72) (i32.const 128))
                     (i32.store (i32.const 76) (i32.const 1)) (i32.store8 (i32.const 128) (i32.const 255))
                     (i32.const 64)"),
    ];
    for (name, code, perform) in plugins {
        let file = format!("{name}.wasm");
        host.put_plugin(&file, &crafted::plugin(&manifest(name), perform));
        until("the plugin serves", async || {
            (host.file(&file).await["status"] == "ready").then_some(())
        })
        .await;
        host.community(name, name, json!({})).await;
        host.action(name, &format!("{name}.do"), json!({})).await.problem(502, code);
    }
}

#[tokio::test]
async fn too_much_memory_output_or_table_is_a_limit() {
    let host = misbehaving("").await;
    let bomb = host.action("acme", "misbehaving.memory-bomb", json!({})).await;
    let detail = bomb.problem(502, "plugin_limit");
    assert!(detail.contains("memory"), "{detail}");
    host.action("acme", "misbehaving.huge-output", json!({})).await.problem(502, "plugin_limit");
    let just = json!({ "bytes": (1 << 20) - 2 });
    host.result("acme", "misbehaving.huge-output", just).await;
    let one_more = json!({ "bytes": (1 << 20) - 1 });
    host.action("acme", "misbehaving.huge-output", one_more).await.problem(502, "plugin_limit");

    let manifest = json!({ "name": "tables", "actions": [{ "slug": "grow" }] });
    host.put_plugin("tables.wasm", &crafted::plugin(&manifest, crafted::GROW_A_TABLE));
    until("tables serves", async || {
        (host.file("tables.wasm").await["status"] == "ready").then_some(())
    })
    .await;
    host.community("other", "tables", json!({})).await;
    let detail = host.action("other", "tables.grow", json!({})).await.problem(502, "plugin_limit");
    assert!(detail.contains("table"), "{detail}");
}

#[tokio::test]
async fn too_much_cpu_time_or_waiting_is_a_timeout() {
    let host = TestHost::with(&["misbehaving", "probe"])
        .toml("[limits]\ncpu_ms = 100\nwall_ms = 400")
        .start()
        .await;
    host.community("acme", "misbehaving", json!({})).await;
    host.community("other", "probe", json!({})).await;
    let spun = host.action("acme", "misbehaving.infinite-loop", json!({})).await;
    spun.problem(504, "plugin_timeout");
    let waited = json!({ "key": "a", "ms": 5_000 });
    host.action("other", "probe.read-then-wait", waited).await.problem(504, "plugin_timeout");
    // Short enough for both hosts.
    host.result("other", "probe.spin", json!({ "ms": 20 })).await;
    host.result("other", "probe.read-then-wait", json!({ "key": "a", "ms": 200 })).await;
}

#[tokio::test]
async fn a_plugin_can_have_limits_of_its_own() {
    let toml = "[plugins.probe]\nlimits = { cpu_ms = 50 }";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    let spun = host.action("acme", "probe.spin", json!({ "ms": 900 })).await;
    spun.problem(504, "plugin_timeout");
}

#[tokio::test]
async fn a_removed_file_makes_its_plugin_unavailable_and_keeps_the_state() {
    let host = TestHost::with(&["probe"]).toml("[directory]\nremoval_ms = 300").start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    std::fs::remove_file(host.plugin_file("probe.wasm")).expect("the file is there");

    let gone = until("the removal takes effect", async || {
        let answer = host.action("acme", "probe.get", json!({ "key": "a" })).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    gone.problem(503, "plugin_unavailable");
    assert_eq!(host.file("probe.wasm").await["status"], "removed");
    let community = host.get("/api/internal/community/acme").await.expect(200);
    assert_eq!(community["plugins"][0]["name"], "probe");

    host.put_guest("probe");
    let found = until("the plugin is back", async || {
        let answer = host.action("acme", "probe.get", json!({ "key": "a" })).await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    assert_eq!(found["value"], 1);
}

#[tokio::test]
async fn a_file_that_comes_back_within_the_delay_was_never_gone() {
    let toml = "[directory]\nsettle_ms = 1\nremoval_ms = 60000";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    std::fs::remove_file(host.plugin_file("probe.wasm")).expect("the file is there");
    // The host has noticed a later change, so it has noticed that the file is gone.
    host.put_plugin("later.wasm", b"no plugin");
    until("the host has noticed", async || {
        host.result("acme", "probe.whoami", json!({})).await;
        (host.file("later.wasm").await["status"] == "failed").then_some(())
    })
    .await;
    std::fs::write(host.plugin_file("probe.wasm"), guests::with_another_digest("probe", 1))
        .expect("the plugin directory can be written");
    until("the new file serves", async || {
        host.result("acme", "probe.whoami", json!({})).await;
        let report = host.file("probe.wasm").await;
        let size = report["digest"] == report["serving"]["digest"] && report["status"] == "ready";
        (size && host.logs().matches("plugin serves file=\"probe.wasm\"").count() > 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_config_that_the_loaded_version_refuses_is_said_to_be_invalid() {
    let host = TestHost::with(&[]).start().await;
    let version = |number: &str, required: &str| {
        let schema = json!({ "type": "object", "required": [required] });
        let manifest = json!({
            "name": "changing", "version": number, "config_schema": schema,
            "actions": [{ "slug": "do" }],
        });
        crafted::plugin(&manifest, crafted::ANSWER_NOTHING)
    };
    let serves = async |number: &str| {
        until("the version serves", async || {
            let file = host.file("changing.wasm").await;
            (file["serving"]["version"] == number && file["status"] == "ready").then_some(())
        })
        .await;
    };
    host.put_plugin("changing.wasm", &version("1", "old"));
    serves("1").await;
    host.community("acme", "changing", json!({ "old": true })).await;
    host.result("acme", "changing.do", json!({})).await;

    host.put_plugin("changing.wasm", &version("2", "new"));
    serves("2").await;
    host.action("acme", "changing.do", json!({})).await.problem(503, "config_invalid");
    host.put_plugin("changing.wasm", &version("1", "old"));
    serves("1").await;
    host.result("acme", "changing.do", json!({})).await;
}

async fn panic(host: &TestHost) {
    host.action("acme", "misbehaving.panic-now", json!({})).await.problem(502, "plugin_trap");
}

#[tokio::test]
async fn failed_calls_of_one_plugin_do_not_push_out_those_of_others() {
    let few = "[retention]\ncalls = 10";
    let host = TestHost::with(&["misbehaving", "probe"]).toml(few).start().await;
    host.community("acme", "misbehaving", json!({})).await;
    host.community("other", "probe", json!({})).await;
    let trap = host.request(reqwest::Method::POST, "/api/hooks/other/probe");
    moothall_tests::answer(trap.header("x-probe", "trap")).await.problem(502, "plugin_trap");
    let mut newest = json!(null);
    for _ in 0..30 {
        let failed = host.action("acme", "misbehaving.panic-now", json!({})).await;
        newest = json!(failed.header("x-request-id"));
    }
    let kept = until_within(Duration::from_secs(60), "the list is purged", async || {
        let calls = host.get("/api/internal/calls").await.expect(200);
        let calls = calls["calls"].as_array()?;
        let plugins: Vec<_> = calls.iter().map(|call| call["plugin"].clone()).collect();
        let all_were_written = calls.first()?["request_id"] == newest;
        (all_were_written && plugins.len() <= 10).then_some(plugins)
    })
    .await;
    assert_eq!(kept.iter().filter(|plugin| *plugin == "misbehaving").count(), 9);
    assert_eq!(kept.last(), Some(&json!("probe")), "the oldest, and the only one of its plugin");
}

#[tokio::test]
async fn failed_calls_beyond_a_plugin_s_rate_are_dropped_counted_and_told() {
    let few = "[retention]\ncalls_per_second = 1\ncalls_at_once = 5";
    let host = TestHost::with(&["misbehaving"]).toml(few).start().await;
    host.community("acme", "misbehaving", json!({})).await;
    for _ in 0..30 {
        panic(&host).await;
    }
    let line = until("what was dropped is logged", async || {
        let log = host.logs();
        log.lines().find(|line| line.contains("failed calls are not listed")).map(str::to_owned)
    })
    .await;
    assert!(line.contains("plugin=\"misbehaving\""), "{line}");
    let counted = "moothall_failed_calls_dropped_total{plugin=\"misbehaving\"} ";
    until("what is not listed is counted", async || {
        let metrics = host.get("/metrics").await.text;
        let dropped = metrics.lines().find_map(|line| line.strip_prefix(counted))?;
        let dropped: usize = dropped.parse().ok()?;
        let calls = host.get("/api/internal/calls").await.expect(200);
        (dropped + calls["calls"].as_array()?.len() == 30).then_some(())
    })
    .await;
}

#[tokio::test]
async fn failed_calls_are_listed_with_their_fault_and_the_end_of_their_log() {
    let host = misbehaving("").await;
    panic(&host).await;
    let refusal = json!({ "kind": "conflict", "message": "m" });
    host.action("acme", "misbehaving.fail", refusal).await.problem(409, "conflict");
    // They are written in order: once the last one is there, all are.
    let last = host.action("acme", "misbehaving.deep-recursion", json!({})).await;
    let calls = until("the failed calls are written", async || {
        let calls = host.get("/api/internal/calls").await.expect(200);
        (calls["calls"][0]["request_id"] == last.header("x-request-id")).then_some(calls)
    })
    .await;
    let call = &calls["calls"][1];
    assert_eq!(calls["calls"].as_array().map(Vec::len), Some(2), "a refusal is no fault");
    assert_eq!(call["community"], "acme");
    assert_eq!(call["plugin"], "misbehaving");
    assert!(call.to_string().contains("plugin_trap"), "{call}");
    assert!(call.to_string().contains("panics on purpose"), "{call}");
    let id = call["id"].as_str().expect("an id");
    assert_eq!(host.get(&format!("/api/internal/calls/{id}")).await.expect(200), *call);
    host.get("/api/internal/calls/nothing").await.problem(404, "not_found");
}
