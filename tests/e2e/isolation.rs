//! A guest harms nobody else: others go on, the host frees its memory, and a guest sees nothing
//! outside of its sandbox.

use std::time::{Duration, Instant};

use moothall_tests::{Driver, TestHost, until};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// How much memory the host may still have more at the end: warm slots, caches, metrics.
const GROWTH: u64 = 160 << 20;

async fn with_a_good_neighbour(toml: &str) -> TestHost {
    let host = TestHost::with(&["misbehaving", "tutorial", "probe"]).toml(toml).start().await;
    host.community("bad", "misbehaving", json!({})).await;
    host.community("good", "tutorial", json!({ "api_key": "k" })).await;
    host
}

/// Begins this many calls at once.
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
    // Until the first spinning call has used up its time, all of them spin.
    while spinning.try_join_next().is_none() {
        let begin = Instant::now();
        times_two(&host).await;
        took.push(begin.elapsed());
    }
    took.sort_unstable();
    let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
    // All spinning calls of a thread share one turn, so that a good call waits a tick now and then,
    // and not thirty. The limit is generous, for busy machines.
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
async fn sleeping_calls_of_one_plugin_leave_the_others_a_quarter_of_the_memory() {
    let limits = "[limits]\nguest_memory_bytes = 268435456\nwall_ms = 60000";
    let host = with_a_good_neighbour(limits).await;
    let hold = |ms: u64| {
        let driver: Driver = (*host).clone();
        let held = json!({ "bytes": 58 << 20, "ms": ms });
        async move { driver.action("bad", "misbehaving.hold", held).await }
    };
    let mut held = JoinSet::new();
    for _ in 0..3 {
        held.spawn(hold(60_000));
    }
    until("three of its calls sleep", async || {
        (used_memory(&host).await > 170 << 20).then_some(())
    })
    .await;
    let detail = hold(0).await.problem(503, "overloaded");
    assert!(detail.contains("memory_per_plugin_bytes"), "{detail}");
    times_two(&host).await;
    let metrics = host.get("/metrics").await.text;
    let refused = "moothall_guest_memory_refused_total{";
    let refused = metrics.lines().find(|line| line.starts_with(refused)).unwrap_or_default();
    assert!(refused.contains("plugin=\"misbehaving\""), "{metrics}");
    assert!(held.try_join_next().is_none(), "they slept all the while");
}

async fn used_memory(host: &TestHost) -> u64 {
    let metrics = host.get("/metrics").await.text;
    let used = metrics.lines().find_map(|line| line.strip_prefix("moothall_guest_memory_bytes "));
    used.and_then(|used| used.parse::<f64>().ok()).map_or(0, |used| used as u64)
}

#[tokio::test]
async fn guests_that_live_on_have_a_budget_of_their_own_and_calls_have_the_rest() {
    let limits = "[limits]\nguest_memory_bytes = 134217728";
    let host = TestHost::with(&["hoarder", "tutorial"]).toml(limits).start().await;
    host.community("good", "tutorial", json!({ "api_key": "k" })).await;
    for community in ["a", "b", "c"] {
        host.community(community, "hoarder", json!({})).await;
    }
    let take = async |community: &str| {
        host.get(&format!("/api/plugins/hoarder/{community}/take/18")).await
    };
    assert_eq!(take("a").await.text, (18_u64 << 20).to_string());
    assert_eq!(take("b").await.text, (18_u64 << 20).to_string());
    let detail = take("c").await.problem(503, "overloaded");
    assert!(detail.contains("resident_memory_bytes"), "{detail}");
    times_two(&host).await;
    // What it keeps is freed with its instance.
    host.put_community("a", json!([])).await.expect(200);
    until("there is room again", async || (take("c").await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn one_plugin_has_three_quarters_of_the_guests_that_live_on() {
    let toml = "[limits]\nresidents = 8\n[plugins.resident]\nscope = \"host\"\nsettings = { label = \"blue\" }";
    let host = TestHost::with(&["hoarder", "resident"]).toml(toml).start().await;
    for community in ["a", "b", "c", "d", "e", "f", "g"] {
        host.community(community, "hoarder", json!({})).await;
    }
    let take =
        async |community: &str| host.get(&format!("/api/plugins/hoarder/{community}/take/1")).await;
    for community in ["a", "b", "c", "d", "e", "f"] {
        take(community).await.expect(200);
    }
    let detail = take("g").await.problem(503, "overloaded");
    assert!(detail.contains("three quarters of the guests that live on"), "{detail}");
    host.get("/api/plugins/resident/count").await.expect(200);
}

#[tokio::test]
async fn huge_outputs_and_state_floods_leave_the_host_s_memory_alone() {
    let host = with_a_good_neighbour("").await;
    times_two(&host).await;
    let before = host.memory();
    for _ in 0..20 {
        let huge = json!({ "bytes": 30 << 20 });
        let refused = host.action("bad", "misbehaving.huge-output", huge).await;
        refused.problem(502, "plugin_limit");
        let flood = json!({ "writes": 1_000, "bytes": 200_000 });
        let refused = host.action("bad", "misbehaving.state-flood", flood).await;
        refused.problem(409, "conflict");
        times_two(&host).await;
    }
    until("the memory is given back", async || (host.memory() < before + GROWTH).then_some(()))
        .await;
}

#[tokio::test]
async fn a_log_flood_is_cut_and_counted() {
    // 100 MB take time, above all in a build without optimisation.
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
async fn one_plugin_s_lines_beyond_its_rate_are_dropped_counted_and_told() {
    let limits = "[limits]\nlog_lines_per_second = 1\nlog_lines_at_once = 10";
    let host = TestHost::with(&["misbehaving", "probe"]).toml(limits).start().await;
    host.community("acme", "probe", json!({})).await;
    host.community("bad", "misbehaving", json!({})).await;
    let flood = "one of a hundred\n".repeat(100);
    host.result("acme", "probe.log", json!({ "level": "warn", "message": flood })).await;
    host.action("bad", "misbehaving.panic-now", json!({})).await.problem(502, "plugin_trap");
    let (line, log) = until("what was dropped is logged", async || {
        let log = host.logs();
        let line = log.lines().find(|line| line.contains("lines of the log were dropped"))?;
        Some((line.to_owned(), log.clone()))
    })
    .await;
    let logged = log.matches("one of a hundred").count();
    assert!((10..50).contains(&logged), "{logged} lines");
    let dropped = format!("{} lines of the log were dropped", 100 - logged);
    assert!(line.contains(&dropped) && line.contains("plugin=\"probe\""), "{line}");
    let others = ["this guest panics on purpose", "call failed: the plugin trapped"];
    assert!(others.iter().all(|line| log.contains(line)), "another plugin's lines are there");
    let metrics = host.get("/metrics").await.text;
    let counted = "moothall_log_lines_dropped_total{plugin=\"probe\"}";
    assert!(metrics.contains(&format!("{counted} {}", 100 - logged)), "{metrics}");
}

#[tokio::test]
async fn a_plugin_s_lines_are_bounded_in_bytes_as_they_are_written() {
    let limits = "[limits]\nlog_bytes_per_second = 1\nlog_bytes_at_once = 20000";
    let host = TestHost::with(&["probe"]).toml(limits).start().await;
    host.community("acme", "probe", json!({})).await;
    // Each becomes five bytes.
    let line = format!("{}\n", "\u{1}".repeat(1_000)).repeat(10);
    host.result("acme", "probe.log", json!({ "level": "warn", "message": line })).await;
    let log = until("what was dropped is logged", async || {
        let log = host.logs();
        log.contains("7 lines of the log were dropped").then_some(log)
    })
    .await;
    assert_eq!(log.matches(r"\u{1}").count(), 3_000, "three of ten lines");
}

#[tokio::test]
async fn a_guest_s_lines_carry_who_said_them_and_cannot_pretend_to_be_the_host_s() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let forged =
        "first\n2026-01-01T00:00:00Z ERROR moothall::store: forged\u{1b}[2J\u{202e}\r\nlast";
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
    let steers = ['\u{1b}', '\r', '\u{202e}'];
    assert!(!log.contains(steers), "a guest can steer no terminal");
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
