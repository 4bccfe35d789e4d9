//! Native code is kept on disk: only what the host itself compiled, whole and unchanged, is loaded.

use moothall_tests::{TestHost, guests, until};
use serde_json::json;

async fn tutorial() -> TestHost {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    host
}

async fn times_two(host: &TestHost) {
    let doubled = host.result("acme", "tutorial.times-two", json!({ "value": 1 })).await;
    assert_eq!(doubled, json!({ "result": 2 }));
}

#[tokio::test]
async fn compiled_code_that_was_changed_on_disk_is_not_loaded() {
    let mut host = tutorial().await;
    host.terminate();
    let mut changed = 0;
    for entry in std::fs::read_dir(host.data().join("cache")).expect("a cache") {
        let path = entry.expect("a file").path();
        let mut code = std::fs::read(&path).expect("compiled code");
        let middle = code.len() / 2;
        code[middle] ^= 1;
        std::fs::write(&path, code).expect("it can be written");
        changed += 1;
    }
    assert!(changed > 0, "compiled code is kept in the cache");
    host.restart().await;
    times_two(&host).await;
    until("the log says it", async || host.logs().contains("compiling again").then_some(())).await;
}

#[tokio::test]
async fn a_host_that_was_killed_while_it_compiled_compiles_again() {
    let mut host = tutorial().await;
    host.put_plugin("tutorial.wasm", &guests::with_another_digest("tutorial", 5));
    until("it compiles", async || {
        (host.file("tutorial.wasm").await["status"] == "compiling").then_some(())
    })
    .await;
    host.restart().await;
    assert_eq!(host.file("tutorial.wasm").await["status"], "ready");
    times_two(&host).await;
}

#[tokio::test]
async fn a_lost_cache_is_made_again() {
    let mut host = tutorial().await;
    host.terminate();
    std::fs::remove_dir_all(host.data().join("cache")).expect("there is a cache");
    host.restart().await;
    times_two(&host).await;
}

#[tokio::test]
async fn what_is_compiled_serves_from_the_first_answer_on() {
    let mut host = tutorial().await;
    for _ in 0..5 {
        // No wait for readiness lies between the start and the call.
        host.restart_without_waiting();
        times_two(&host).await;
    }
}
