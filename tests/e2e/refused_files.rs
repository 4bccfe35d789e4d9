//! Files that are no plugins: each is listed with its errors, and the host goes on.

use moothall_tests::{TestHost, crafted, guests, until};
use serde_json::{Value, json};

async fn report(host: &TestHost, file: &str) -> Value {
    until("the file is looked at", async || {
        let report = host.file(file).await;
        (report["status"] == "ready" || report["status"] == "failed").then_some(report)
    })
    .await
}

/// The reasons for which a file is refused.
async fn reasons(host: &TestHost, file: &str) -> Vec<(String, String)> {
    let report = report(host, file).await;
    assert_eq!(report["status"], "failed", "{report}");
    assert_eq!(report["serving"], Value::Null, "{report}");
    let errors = report["errors"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    errors.iter().map(|error| (text(&error["code"]), text(&error["message"]))).collect()
}

#[track_caller]
fn has(reasons: &[(String, String)], code: &str, words: &str) {
    let found = reasons.iter().any(|(found, text)| found == code && text.contains(words));
    assert!(found, "no reason '{code}' with '{words}' in {reasons:?}");
}

async fn refused(content: &[u8]) -> Vec<(String, String)> {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.put_plugin("bad.wasm", content);
    let reasons = reasons(&host, "bad.wasm").await;
    assert_eq!(host.file("tutorial.wasm").await["status"], "ready");
    reasons
}

#[tokio::test]
async fn what_is_no_component_is_told_apart() {
    let host = TestHost::with(&[]).start().await;
    let core = wat::parse_str("(module (func (export \"describe\")))").expect("a module");
    host.put_plugin("text.wasm", b"#!/bin/sh\necho no\n");
    host.put_plugin("empty.wasm", b"");
    host.put_plugin("core.wasm", &core);
    host.put_plugin("truncated.wasm", &guests::bytes("tutorial")[..20_000]);
    let mut damaged = guests::bytes("tutorial");
    damaged[30_000..30_100].fill(0xff);
    host.put_plugin("damaged.wasm", &damaged);
    has(&reasons(&host, "text.wasm").await, "not_a_component", "not a WebAssembly file");
    has(&reasons(&host, "empty.wasm").await, "not_a_component", "not a WebAssembly file");
    has(&reasons(&host, "core.wasm").await, "not_a_component", "wasm32-wasip2");
    has(&reasons(&host, "truncated.wasm").await, "compile_failed", "");
    has(&reasons(&host, "damaged.wasm").await, "compile_failed", "");
    host.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn a_file_of_200_mb_is_refused_without_being_read() {
    let host = TestHost::with(&[]).start().await;
    let before = host.peak_memory();
    let file = std::fs::File::create(host.data().join("unfinished")).expect("a file");
    file.set_len(200 << 20).expect("a sparse file");
    std::fs::rename(host.data().join("unfinished"), host.plugin_file("large.wasm")).expect("moved");
    has(&reasons(&host, "large.wasm").await, "too_large", "plugin_file_bytes");
    assert!(host.peak_memory() < before + (50 << 20), "it was not read");
}

#[tokio::test]
async fn an_import_that_the_host_does_not_have_is_named() {
    let text = r#"(component
        (import "acme:db/query@1.0.0" (instance (export "query" (func))))
        (import "acme:db/more@2.0.0" (instance (export "more" (func)))))"#;
    let reasons = refused(&wat::parse_str(text).expect("a component")).await;
    has(&reasons, "cannot_link", "acme:db/query@1.0.0");
    has(&reasons, "cannot_link", "acme:db/more@2.0.0");
}

#[tokio::test]
async fn a_newer_version_of_our_own_interface_is_refused_with_the_one_there_is() {
    let text = r#"(component
        (import "moothall:plugin/state@0.2.0" (instance (export "get" (func)))))"#;
    let reasons = refused(&wat::parse_str(text).expect("a component")).await;
    has(&reasons, "cannot_link", "moothall:plugin/state@0.2.0");
    has(&reasons, "cannot_link", "0.1");
}

#[tokio::test]
async fn a_component_without_describe_is_refused() {
    let reasons = refused(&wat::parse_str("(component)").expect("a component")).await;
    has(&reasons, "cannot_link", "moothall:plugin/plugin");
}

#[tokio::test]
async fn a_describe_that_traps_or_never_ends_is_refused() {
    has(&refused(&crafted::describing_by("unreachable")).await, "describe_failed", "");
    let endless = crafted::describing_by("(loop $for_ever (br $for_ever)) unreachable");
    has(&refused(&endless).await, "describe_failed", "CPU");
}

#[tokio::test]
async fn a_manifest_that_is_wrong_is_refused_with_every_mistake() {
    let not_json = crafted::described_as("{\"name\": ", crafted::ANSWER_NOTHING);
    has(&refused(&not_json).await, "bad_manifest", "");

    let manifest =
        json!({ "name": "Not A Name", "auth_type": "magic", "actions": [{ "slug": "?" }] });
    let reasons = refused(&crafted::plugin(&manifest, crafted::ANSWER_NOTHING)).await;
    let all = format!("{reasons:?}");
    assert!(reasons.iter().all(|(code, _)| code == "bad_manifest"), "{all}");
    assert!(all.contains("name") && all.contains("auth_type") && all.contains("slug"), "{all}");

    let reserved = json!({ "name": "api" });
    has(
        &refused(&crafted::plugin(&reserved, crafted::ANSWER_NOTHING)).await,
        "bad_manifest",
        "name",
    );
    let twice = json!({ "name": "twice", "actions": [{ "slug": "a" }, { "slug": "a" }] });
    has(&refused(&crafted::plugin(&twice, crafted::ANSWER_NOTHING)).await, "bad_manifest", "a");
}

#[tokio::test]
async fn schemas_that_cannot_be_used_are_refused_with_their_place() {
    let manifest = json!({
        "name": "schemas",
        "config_schema": { "type": "objekt" },
        "actions": [
            { "slug": "far", "parameters_schema": { "$ref": "https://example.com/schema.json" } },
            { "slug": "slow", "response_schema": { "pattern": "(?=look)ahead" } },
        ],
    });
    let reasons = refused(&crafted::plugin(&manifest, crafted::ANSWER_NOTHING)).await;
    has(&reasons, "bad_schema", "config_schema");
    has(&reasons, "bad_schema", "actions.far.parameters_schema");
    has(&reasons, "bad_schema", "actions.slow.response_schema");
}

#[tokio::test]
async fn settings_that_do_not_match_are_the_operator_s_to_mend() {
    let toml = "[plugins.probe]\nsettings = { region = 5 }";
    let host = TestHost::with(&["probe", "tutorial"]).toml(toml).start().await;
    let reasons = reasons(&host, "probe.wasm").await;
    has(&reasons, "bad_settings", "moothall.toml");
    has(&reasons, "bad_settings", "region");
    assert_eq!(host.file("tutorial.wasm").await["status"], "ready");
}

#[tokio::test]
async fn what_is_no_wasm_file_by_name_is_left_alone() {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.put_plugin("README.md", b"# plugins");
    host.put_plugin("last.wasm", b"looked at after the others");
    reasons(&host, "last.wasm").await;
    assert_eq!(host.file("README.md").await, Value::Null);
}

#[tokio::test]
async fn a_compiler_that_needs_too_much_is_ended_and_the_host_goes_on() {
    let another = guests::with_another_digest("tutorial", 9);
    let host =
        TestHost::with(&["raw"]).toml("[limits]\ncompile_memory_bytes = 60000000").start().await;
    host.put_plugin("tutorial.wasm", &another);
    has(&reasons(&host, "tutorial.wasm").await, "compile_failed", "");
    host.community("acme", "raw", json!({})).await;
    host.result("acme", "raw.echo", json!({})).await;

    let host = TestHost::with(&["raw"]).toml("[limits]\ncompile_wall_ms = 1").start().await;
    host.put_plugin("tutorial.wasm", &another);
    has(&reasons(&host, "tutorial.wasm").await, "compile_failed", "1 ms");
    host.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn a_component_of_async_functions_is_told_what_to_build_in_its_place() {
    let text = "(component (core func $cancel (canon task.cancel)))";
    let reasons = refused(&wat::parse_str(text).expect("a component")).await;
    has(&reasons, "compile_failed", "build it with synchronous exports");
    has(&reasons, "compile_failed", "wasm32-wasip2");
}

/// A component with this many core instances of a module that does nothing.
fn composed(instances: usize, module: &str) -> Vec<u8> {
    let instances = "(core instance (instantiate $m))".repeat(instances);
    let text = format!("(component (core module $m {module}) {instances})");
    wat::parse_str(text).expect("a component")
}

#[tokio::test]
async fn what_is_composed_of_too_much_is_told_which_limit_makes_room_and_that_limit_does() {
    let cases = [
        ("three.wasm", composed(3, "(memory 1)"), "memories_per_component"),
        ("many.wasm", composed(17, ""), "core_instances_per_component"),
        ("tables.wasm", composed(9, "(table 1 funcref)"), "tables_per_component"),
        ("large.wasm", composed(1, "(memory 2000)"), "memory_bytes"),
    ];
    let host = TestHost::with(&[]).start().await;
    for (file, content, limit) in &cases {
        host.put_plugin(file, content);
        has(&reasons(&host, file).await, "compile_failed", &format!("raise {limit} in [limits]"));
    }
    let limits = "[limits]\nmemories_per_component = 3\ncore_instances_per_component = 17\ntables_per_component = 9\n\
                  memory_bytes = 140_000_000\ncalls = 50";
    let host = TestHost::with(&[]).toml(limits).start().await;
    for (file, content, _) in &cases {
        host.put_plugin(file, content);
        // It is within the limit, but no plugin.
        has(&reasons(&host, file).await, "cannot_link", "does not export");
    }
}

#[tokio::test]
async fn what_is_called_like_a_plugin_file_is_listed_whatever_it_is() {
    let host =
        TestHost::with(&[]).toml("[directory]\nsettle_ms = 10\nrescan_ms = 50").start().await;
    std::fs::write(host.plugin_file("._tutorial.wasm"), "of a Mac").expect("a file");
    std::fs::create_dir(host.plugin_file("folder.wasm")).expect("a folder");
    std::os::unix::fs::symlink("nowhere", host.plugin_file("link.wasm")).expect("a link");
    host.put_plugin("Tutorial.WASM", &guests::bytes("tutorial"));
    assert_eq!(report(&host, "Tutorial.WASM").await["status"], "ready");
    has(&reasons(&host, "folder.wasm").await, "not_a_file", "a directory");
    has(&reasons(&host, "link.wasm").await, "unreadable", "leads to no file");
    assert_eq!(host.file("._tutorial.wasm").await, Value::Null);
    assert!(!host.logs().contains("._tutorial"), "nobody asked for it");
}
