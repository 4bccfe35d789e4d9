//! What was compiled once is not compiled again, whatever becomes of its file and of the host.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use moothall_tests::{TestHost, crafted, guests, until};
use serde_json::{Value, json};

use super::{times_two, tutorial};

const QUICK: &str = "[directory]\nsettle_ms = 10\nremoval_ms = 50\nrescan_ms = 50";

/// The files of native code with their inodes: what is compiled again gets another one.
fn made(host: &TestHost) -> BTreeMap<String, u64> {
    let inode = |name: &String| {
        let file = host.data().join("cache").join(name);
        std::fs::metadata(file).map_or(0, |metadata| metadata.ino())
    };
    let files = host.native_code().into_iter().filter(|name| name.ends_with(".cwasm"));
    files.map(|name| (name.clone(), inode(&name))).collect()
}

async fn becomes(host: &TestHost, file: &str, status: &str) -> Value {
    until(&format!("{file} is {status}"), async || {
        let report = host.file(file).await;
        (report["status"] == status).then_some(report)
    })
    .await
}

#[tokio::test]
async fn a_file_that_is_renamed_copied_or_comes_back_is_not_compiled_again() {
    let mut host = TestHost::with(&["tutorial", "randomness"]).toml(QUICK).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    let before = made(&host);
    let (file, other) = (host.plugin_file("tutorial.wasm"), host.plugin_file("other.wasm"));

    std::fs::rename(&file, &other).expect("a file can be moved");
    becomes(&host, "other.wasm", "ready").await;
    host.put_guest("tutorial");
    let twice = becomes(&host, "tutorial.wasm", "failed").await;
    assert_eq!(twice["errors"][0]["code"], "name_taken");
    std::fs::remove_file(&other).expect("a file can be removed");
    becomes(&host, "tutorial.wasm", "ready").await;

    std::fs::remove_file(&file).expect("a file can be removed");
    becomes(&host, "tutorial.wasm", "removed").await;
    host.restart_without_waiting();
    host.put_guest("tutorial");
    becomes(&host, "tutorial.wasm", "ready").await;
    times_two(&host).await;
    assert_eq!(made(&host), before);
}

#[tokio::test]
async fn an_earlier_version_is_not_compiled_again() {
    let host = tutorial().await;
    let first = host.file("tutorial.wasm").await["digest"].clone();
    host.put_plugin("tutorial.wasm", &guests::with_another_digest("tutorial", 51));
    until("the next version serves", async || {
        let report = host.file("tutorial.wasm").await;
        (report["status"] == "ready" && report["serving"]["digest"] != first).then_some(())
    })
    .await;
    let both = made(&host);
    host.put_guest("tutorial");
    until("the first serves again", async || {
        (host.file("tutorial.wasm").await["serving"]["digest"] == first).then_some(())
    })
    .await;
    assert_eq!(made(&host), both);
    times_two(&host).await;
}

#[tokio::test]
async fn a_component_that_is_no_plugin_is_compiled_once() {
    let mut host = TestHost::with(&["tutorial"]).toml(QUICK).start().await;
    let text = r#"(component (import "acme:db/query@1.0.0" (instance (export "query" (func)))))"#;
    host.put_plugin("unlinked.wasm", &wat::parse_str(text).expect("a component"));
    host.put_plugin("silent.wasm", &crafted::describing_by("unreachable"));
    let are_refused = async |host: &TestHost| {
        for (file, code) in [("unlinked.wasm", "cannot_link"), ("silent.wasm", "describe_failed")] {
            assert_eq!(becomes(host, file, "failed").await["errors"][0]["code"], code);
        }
    };
    are_refused(&host).await;
    let before = made(&host);
    host.restart().await;
    are_refused(&host).await;
    // It is tried again under another configuration.
    host.set_toml(&format!("{QUICK}\n[limits]\ndescribe_cpu_ms = 501"));
    host.reload();
    until("the configuration is read", async || {
        (host.logs().matches("plugin file refused").count() >= 6).then_some(())
    })
    .await;
    assert_eq!(made(&host), before);
}

#[tokio::test]
async fn what_was_compiled_when_the_host_was_killed_is_not_compiled_again() {
    let mut host = TestHost::with(&["tutorial"])
        .toml("[limits]\ncompilations = 1\ndescribe_cpu_ms = 600_000\ndescribe_wall_ms = 600_000")
        .start()
        .await;
    let known = |host: &TestHost| {
        let count = "SELECT count(*) FROM compiled";
        host.database().query_row(count, [], |row| row.get::<_, u32>(0)).expect("a count")
    };
    let before = known(&host);
    // Its compilation ends, its description does not.
    let endless = crafted::describing_by("(loop $for_ever (br $for_ever)) unreachable");
    host.put_plugin("endless.wasm", &endless);
    until("it is compiled", async || (known(&host) > before).then_some(())).await;
    let code = made(&host);
    host.kill_9();
    host.set_toml("[limits]\ndescribe_cpu_ms = 10");
    host.restart().await;
    let refused = becomes(&host, "endless.wasm", "failed").await;
    assert_eq!(refused["errors"][0]["code"], "describe_failed");
    assert_eq!(made(&host), code);
}
