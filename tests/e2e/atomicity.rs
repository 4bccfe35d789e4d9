//! A call commits everything it wrote, or nothing of it.

use moothall_tests::TestHost;
use serde_json::json;

async fn misbehaving() -> TestHost {
    let host = TestHost::with(&["misbehaving"]).start().await;
    host.community("acme", "misbehaving", json!({})).await;
    host
}

async fn written(host: &TestHost) -> bool {
    host.result("acme", "misbehaving.written", json!({})).await == true
}

#[tokio::test]
async fn trap_after_write_commits_nothing() {
    let mut host = misbehaving().await;
    let trapped = host.action("acme", "misbehaving.trap-after-write", json!({})).await;
    trapped.problem(502, "plugin_trap");
    assert!(!written(&host).await);
    host.restart().await;
    assert!(!written(&host).await);
}

#[tokio::test]
async fn error_after_write_commits_nothing() {
    let host = misbehaving().await;
    let refused = host.action("acme", "misbehaving.error-after-write", json!({})).await;
    assert_eq!(refused.problem(409, "conflict"), "failed after a write");
    assert!(!written(&host).await);
}

#[tokio::test]
async fn a_write_in_a_read_only_call_is_refused() {
    let host = misbehaving().await;
    let refused = host.action("acme", "misbehaving.write-in-read-only", json!({})).await;
    refused.problem(403, "forbidden");
    assert!(!written(&host).await);
}

#[tokio::test]
async fn a_flood_beyond_the_quota_of_writes_commits_nothing() {
    let host = misbehaving().await;
    let flood = json!({ "writes": 1_001, "bytes": 10 });
    host.action("acme", "misbehaving.state-flood", flood.clone()).await.problem(409, "conflict");
    let shown = host.action("acme", "misbehaving.state-flood?dry_run=true", flood).await;
    shown.problem(409, "conflict");
    let most = json!({ "writes": 1_000, "bytes": 10 });
    assert_eq!(host.result("acme", "misbehaving.state-flood", most).await, 1_000);
}

#[tokio::test]
async fn a_value_or_a_state_that_is_too_large_commits_nothing() {
    let host = TestHost::with(&["misbehaving", "probe"])
        .toml("[limits]\nstate_bytes = 100000\nstate_value_bytes = 2000")
        .start()
        .await;
    let plugins = json!([{ "name": "misbehaving" }, { "name": "probe" }]);
    host.put_community("acme", plugins).await.expect(201);
    let flood = async |writes: u32, bytes: u32| {
        let parameters = json!({ "writes": writes, "bytes": bytes });
        host.action("acme", "misbehaving.state-flood", parameters).await
    };
    flood(1, 2_500).await.problem(400, "invalid");
    flood(100, 1_500).await.problem(409, "conflict");
    flood(50, 1_500).await.expect(200);
    // Writing the same keys again needs no more room.
    flood(50, 1_500).await.expect(200);
    flood(80, 1_500).await.problem(409, "conflict");

    let long = "k".repeat(513);
    let refused = host.action("acme", "probe.put", json!({ "key": long, "value": 1 })).await;
    refused.problem(400, "invalid");
    let empty = host.action("acme", "probe.put", json!({ "key": "", "value": 1 })).await;
    empty.problem(400, "invalid");
}

#[tokio::test]
async fn both_writes_of_a_transfer_are_there_or_none() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": 10 })).await;
    let moved = json!({ "from": "a", "to": "b", "amount": 4 });
    let balances = host.result("acme", "probe.transfer", moved).await;
    assert_eq!(balances, json!({ "from": 6, "to": 4 }));
    let too_much = json!({ "from": "a", "to": "b", "amount": 7 });
    host.action("acme", "probe.transfer", too_much).await.problem(409, "conflict");
    host.restart().await;
    for (key, value) in [("a", 6), ("b", 4)] {
        assert_eq!(host.result("acme", "probe.get", json!({ "key": key })).await["value"], value);
    }
}
