//! A guest harms nobody else: others go on, the host's memory comes back, and there is nothing to
//! be seen from inside the sandbox.

use std::time::{Duration, Instant};

use moothall_tests::{Driver, TestHost, until};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// How much the host may have grown after all is over: warm slots, caches, metrics.
const GROWTH: u64 = 160 << 20;

async fn with_a_good_neighbour(toml: &str) -> TestHost {
    let host = TestHost::with(&["misbehaving", "tutorial", "probe"]).toml(toml).start().await;
    host.community("bad", "misbehaving", json!({})).await;
    host.community("good", "tutorial", json!({ "api_key": "k" })).await;
    host
}

/// Begins so many calls at once.
fn calls(host: &TestHost, count: usize, action: &'static str) -> JoinSet<u16> {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let driver: Driver = (**host).clone();
        calls.spawn(async move { driver.action("bad", action, json!({})).await.status });
    }
    calls
}

async fn times_two(host: &TestHost) {
    let doubled = host.result("good", "tutorial.times-two", json!({ "value": 5 })).await;
    assert_eq!(doubled, json!({ "result": 10 }));
}

#[tokio::test]
async fn a_good_plugin_answers_while_another_spins_on_many_calls() {
    let host = with_a_good_neighbour("[limits]\ncpu_ms = 60\nwall_ms = 10000").await;
    let mut spinning = calls(&host, 60, "misbehaving.infinite-loop");
    let mut took = Vec::new();
    // Until the first spinning call has used up its time; all of them spin until then.
    while spinning.try_join_next().is_none() {
        let begin = Instant::now();
        times_two(&host).await;
        took.push(begin.elapsed());
    }
    took.sort_unstable();
    let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
    // All spinning calls of a thread take one turn together: a good call waits for one tick here
    // and there, and not for thirty. Generous, for a machine that does other things too.
    assert!(median < Duration::from_millis(20), "half of the answers took over {median:?}");
    assert!(slowest < Duration::from_millis(1_500), "an answer took {slowest:?}");
    while let Some(status) = spinning.join_next().await {
        assert_eq!(status.expect("it did not panic"), 504);
    }
}

#[tokio::test]
async fn memory_bombs_and_deep_recursion_leave_the_others_and_the_host_s_memory_alone() {
    let host = with_a_good_neighbour("").await;
    times_two(&host).await;
    let before = host.memory();
    for action in ["misbehaving.memory-bomb", "misbehaving.deep-recursion"] {
        let mut bad = calls(&host, 16, action);
        while let Some(status) = bad.join_next().await {
            assert_eq!(status.expect("it did not panic"), 502);
            times_two(&host).await;
        }
    }
    until("the memory is given back", async || (host.memory() < before + GROWTH).then_some(()))
        .await;
}

#[tokio::test]
async fn guests_that_want_more_than_all_may_have_are_told_to_come_back() {
    let limits = "[limits]\nguest_memory_bytes = 100663296\nmemory_bytes = 83886080";
    let host = with_a_good_neighbour(limits).await;
    let mut bombs = calls(&host, 8, "misbehaving.memory-bomb");
    let mut overloaded = 0;
    while let Some(status) = bombs.join_next().await {
        match status.expect("it did not panic") {
            502 => {}
            503 => overloaded += 1,
            other => panic!("a memory bomb ended with {other}"),
        }
    }
    assert!(overloaded > 0, "two bombs do not fit at once");
    times_two(&host).await;
}

#[tokio::test]
async fn huge_outputs_and_state_floods_leave_the_host_s_memory_alone() {
    let host = with_a_good_neighbour("").await;
    times_two(&host).await;
    let before = host.memory();
    for _ in 0..20 {
        let huge = json!({ "bytes": 30 << 20 });
        let refused = host.action("bad", "misbehaving.huge-output", huge).await;
        assert_eq!(refused.status, 502, "{}", refused.text);
        let flood = json!({ "writes": 1_000, "bytes": 200_000 });
        let refused = host.action("bad", "misbehaving.state-flood", flood).await;
        assert!(matches!(refused.status, 409 | 502), "{}", refused.text);
        times_two(&host).await;
    }
    until("the memory is given back", async || (host.memory() < before + GROWTH).then_some(()))
        .await;
}

#[tokio::test]
async fn a_log_flood_is_cut_and_counted() {
    // 100 MB take their time, above all in a build without optimisation.
    let host = with_a_good_neighbour("[limits]\ncpu_ms = 30000\nwall_ms = 50000").await;
    let before = host.logs().len();
    host.result("bad", "misbehaving.log-flood", json!({})).await;
    let said = until("the end of the flood is logged", async || {
        let log = host.logs();
        let line = log.lines().find(|line| line.contains("bytes more were logged"));
        line.map(str::to_owned)
    })
    .await;
    assert!(
        said.contains("community=\"bad\"") && said.contains("plugin=\"misbehaving\""),
        "{said}"
    );
    let logged = host.logs().len() - before;
    assert!(logged < 100 << 10, "100 MB of log became {logged} bytes");
}

#[tokio::test]
async fn a_guest_s_lines_carry_who_said_them_and_cannot_pretend_to_be_the_host_s() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let forged = "first\n2026-01-01T00:00:00Z ERROR moothall::store: forged\u{1b}[2J\r\nlast";
    host.result("acme", "probe.log", json!({ "level": "warn", "message": forged })).await;
    host.result("acme", "probe.print", json!({ "message": "printed" })).await;
    let log = until("the lines are logged", async || {
        let log = host.logs();
        (log.matches("printed").count() == 2).then_some(log)
    })
    .await;
    let of_guest = |word: &str| {
        let line = log.lines().find(|line| line.contains(word));
        let line = line.unwrap_or_else(|| panic!("no line with '{word}'"));
        let named = ["guest: ", "community=\"acme\"", "plugin=\"probe\"", "call=\"", "instance="];
        assert!(named.iter().all(|part| line.contains(part)), "{line}");
        line.to_owned()
    };
    assert!(of_guest("first").contains("WARN"));
    assert!(of_guest("forged").contains("WARN"));
    of_guest("last");
    of_guest("printed");
    assert!(!log.contains('\u{1b}') && !log.contains('\r'), "a guest can steer no terminal");
}

#[tokio::test]
async fn there_is_nothing_to_be_seen_from_inside() {
    let host = TestHost::with(&["probe"]).env("SECRET_OF_THE_HOST", "x").start().await;
    host.community("acme", "probe", json!({})).await;
    let seen = host.result("acme", "probe.environment", json!({})).await;
    assert_eq!(seen["variables"], json!([]));
    assert_eq!(seen["arguments"], json!([]));
    for door in ["file", "connection"] {
        let outcome = seen[door].as_str().unwrap_or_default();
        assert!(!outcome.is_empty() && outcome != "it was let through", "{door}: {outcome}");
    }
}

#[tokio::test]
async fn nothing_survives_in_a_sandbox_from_one_call_to_the_next() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host.community("other", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": "acme's" })).await;
    let found = host.result("other", "probe.get", json!({ "key": "a" })).await;
    assert_eq!(found["value"], Value::Null, "state is an instance's own");
    let one = host.result("acme", "probe.whoami", json!({})).await;
    let other = host.result("acme", "probe.whoami", json!({})).await;
    assert_ne!(one["call"], other["call"]);
}

#[tokio::test]
async fn a_flood_of_empty_lines_is_cut_like_any_other() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let before = host.logs().len();
    let flood = json!({ "level": "info", "message": "\n".repeat(300_000) });
    host.result("acme", "probe.log", flood).await;
    until("the end of the flood is logged", async || {
        host.logs().contains("bytes more were logged").then_some(())
    })
    .await;
    let logged = host.logs().len() - before;
    assert!(logged < 512 << 10, "300,000 empty lines became {logged} bytes");
}
