//! Values of state that stay in memory: calls read what they would read from the table, whoever writes it, and whatever
//! fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use moothall_tests::{Driver, TestHost, answer};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::store_trouble::hold;

const CLIENTS: usize = 16;
/// Requests of each client.
const REQUESTS: usize = 60;
const COMMUNITIES: [&str; 2] = ["acme", "umbrella"];
const KEYS: [&str; 5] = ["a", "b", "c", "d", "emitted"];

/// Values in memory and in the store that calls have read.
async fn reads(host: &TestHost) -> (f64, f64) {
    let metrics = host.get("/metrics").await.text;
    let count = |from: &str| {
        let series = format!("moothall_state_reads_total{{from=\"{from}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
        line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    };
    (count("memory"), count("store"))
}

async fn value(host: &Driver, community: &str, key: &str) -> Value {
    host.result(community, "probe.get", json!({ "key": key })).await["value"].clone()
}

/// What the clients know of the counters.
#[derive(Default)]
struct Counters {
    /// By community and key: increments that were answered.
    answered: [[AtomicI64; KEYS.len()]; COMMUNITIES.len()],
    /// And the largest value that was answered.
    seen: [[AtomicI64; KEYS.len()]; COMMUNITIES.len()],
    failed: AtomicUsize,
}

/// One client: increments, reads, dry runs, failing calls and reconfigurations, in an order of its own.
async fn play(driver: Driver, counters: Arc<Counters>, client: usize) {
    let mut random = client as u64 + 1;
    for _ in 0..REQUESTS {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = (random >> 33) as usize;
        let (of, key, what) = (number % 2, (number / 2) % (KEYS.len() - 1), (number / 10) % 20);
        let (community, parameters) = (COMMUNITIES[of], json!({ "key": KEYS[key] }));
        let (answered, seen) = (&counters.answered[of][key], &counters.seen[of][key]);
        let action = match what {
            0..=9 => "probe.increment",
            10..=12 => "probe.increment?dry_run=true",
            13..=14 => {
                let emit = json!({ "event_type": "counted", "data": { "value": 1 } });
                let failed = driver.action(community, "probe.emit-then-fail", emit).await;
                assert_ne!(failed.status, 200);
                continue;
            }
            15 if client == 0 => {
                let config = json!({ "note": format!("{number}") });
                let plugins = json!([{ "name": "probe", "config": config }]);
                driver.put_community(community, plugins).await;
                continue;
            }
            _ => "probe.get",
        };
        let before = seen.load(Ordering::SeqCst);
        let answer = driver.action(community, action, parameters).await;
        if answer.status != 200 {
            counters.failed.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        if action.ends_with("dry_run=true") {
            continue;
        }
        let read = answer.json()["value"].as_i64().unwrap_or(0);
        let is_increment = action == "probe.increment";
        assert!(read >= before + i64::from(is_increment), "{read} after {before}");
        seen.fetch_max(read, Ordering::SeqCst);
        answered.fetch_add(i64::from(is_increment), Ordering::SeqCst);
    }
}

async fn serializable_with(toml: &str) -> TestHost {
    // A commit that the test holds up fails soon.
    let toml = format!("[store]\nbusy_ms = 20\nstalled_ms = 600000\n{toml}");
    let host = TestHost::with(&["probe"]).toml(&toml).start().await;
    for community in COMMUNITIES {
        host.community(community, "probe", json!({})).await;
    }
    let (counters, mut clients) = (Arc::<Counters>::default(), JoinSet::new());
    for client in 0..CLIENTS {
        clients.spawn(play((*host).clone(), counters.clone(), client));
    }
    for round in 0..3 {
        let held = hold(&host);
        host.put_community("in-vain", json!([])).await.problem(503, "store_unavailable");
        drop(held);
        host.put_community(&format!("later-{round}"), json!([])).await.expect(201);
    }
    clients.join_all().await;
    for (of, community) in COMMUNITIES.into_iter().enumerate() {
        for (at, key) in KEYS.into_iter().enumerate() {
            let answered = counters.answered[of][at].load(Ordering::SeqCst);
            let stored = value(&host, community, key).await;
            assert_eq!(stored.as_i64().unwrap_or(0), answered, "{community} {key}");
            let again = value(&host, community, key).await;
            assert_eq!(stored, again);
        }
    }
    assert!(counters.failed.load(Ordering::Relaxed) > 0, "some commits have failed");
    host
}

#[tokio::test]
async fn interleaved_calls_of_which_some_fail_read_and_store_each_answered_increment() {
    let host = serializable_with("").await;
    let (memory, store) = reads(&host).await;
    let twice = (COMMUNITIES.len() * KEYS.len()) as f64;
    assert!(memory >= twice, "{memory} from memory, {store} from the store");
    let metrics = host.get("/metrics").await.text;
    let bytes = metrics.lines().find_map(|line| line.strip_prefix("moothall_state_cache_bytes "));
    assert_ne!(bytes.expect("its size is shown"), "0");
}

#[tokio::test]
async fn a_cache_that_is_always_full_changes_nothing_of_what_calls_read() {
    // Room for three keys of all, two of one community.
    serializable_with("state_cache_bytes = 400\nstate_cache_instance_bytes = 270").await;
}

#[tokio::test]
async fn without_a_cache_each_value_is_read_from_the_store() {
    let host = serializable_with("state_cache_bytes = 0").await;
    let (memory, store) = reads(&host).await;
    assert!(memory == 0.0 && store > 0.0, "{memory} from memory, {store} from the store");
}

#[tokio::test]
async fn what_is_stored_otherwise_than_by_a_call_is_what_the_next_call_reads() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({ "note": "first" })).await;
    let reconfigure = async |note: &str| {
        let plugins = json!([{ "name": "probe", "config": { "note": note } }]);
        host.put_community("acme", plugins).await
    };
    // Each is read twice, so that the second is from memory.
    let expect = async |key: &str, expected: Value| {
        for _ in 0..2 {
            assert_eq!(value(&host, "acme", key).await, expected, "{key}");
        }
    };
    expect("changed", Value::Null).await;
    reconfigure("second").await.expect(200);
    expect("changed", json!("first")).await;
    reconfigure("refuse").await.problem(400, "invalid");
    expect("changed", json!("first")).await;
    reconfigure("third").await.expect(200);
    expect("changed", json!("second")).await;

    let put = async |action: &str, value: u32| {
        let parameters = json!({ "key": "changed", "value": value });
        answer(host.action_request("acme", action, parameters)).await
    };
    put("probe.put?dry_run=true", 1).await.expect(200);
    expect("changed", json!("second")).await;
    put("probe.put", 2).await.expect(200);
    expect("changed", json!(2)).await;
    host.result("acme", "probe.remove", json!({ "key": "changed" })).await;
    expect("changed", Value::Null).await;
    let emit = json!({ "event_type": "counted", "data": { "value": 1 } });
    expect("emitted", Value::Null).await;
    host.action("acme", "probe.emit-then-fail", emit).await.problem(409, "conflict");
    expect("emitted", Value::Null).await;
    expect("initialized", json!(true)).await;

    host.put_community("acme", json!([])).await.expect(200);
    let plugins = json!([{ "name": "probe", "config": {} }]);
    host.put_community("acme", plugins).await.expect(200);
    expect("changed", Value::Null).await;
    expect("initialized", json!(true)).await;
    let (memory, store) = reads(&host).await;
    assert!(memory >= 15.0 && store <= 9.0, "{memory} from memory, {store} from the store");
}
