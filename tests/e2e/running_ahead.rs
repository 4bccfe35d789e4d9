//! Calls on one instance run while the commit of the one before them is under way: nothing is lost, nobody is shown what
//! is not stored, and what rests on a write that fails is not stored either. Another process that locks the database holds
//! a commit up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moothall_tests::{Answer, Driver, Receiver, TestHost, answer, until};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::store_trouble::hold;

const CLIENTS: u64 = 64;
/// The clients have had so many answers when the host dies.
const ANSWERS: u64 = 1_000;

/// A commit that is held up waits for as long as the test holds it.
const PATIENT: &str = "[store]\nbusy_ms = 600000\nstalled_ms = 600000";

/// A commit that is held up fails after this time, which is enough for a few calls.
const FAILS: &str = "[store]\nbusy_ms = 3000\n";

/// A value that no other number contains.
const UNSTORED: u32 = 777_777;

const GRANTED: &str =
    "[plugins.probe]\ngrants = { http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }";

async fn probe(toml: &str, config: Value) -> TestHost {
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", config).await;
    host
}

async fn metric(host: &TestHost, name: &str) -> f64 {
    let metrics = host.get("/metrics").await.text;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).expect(name)
}

/// Begins a call, and waits until the host says that so many are in flight.
async fn begin(calls: &mut JoinSet<Answer>, host: &TestHost, action: &str, parameters: Value) {
    let request = host.action_request("acme", action, parameters);
    calls.spawn(answer(request));
    let many = calls.len() as f64;
    until("the call is in flight", async || {
        (metric(host, "moothall_calls_in_flight").await >= many).then_some(())
    })
    .await;
}

/// Waits until the writer works on a write, and others are queued behind it.
async fn until_queued(host: &TestHost, behind: f64) {
    until("the writes are queued", async || {
        let is_begun = metric(host, "moothall_store_oldest_write_seconds").await > 0.0;
        let queued = metric(host, "moothall_store_queued_writes").await;
        (is_begun && queued >= behind).then_some(())
    })
    .await;
}

fn put(value: &Value) -> Value {
    json!({ "key": "a", "value": value })
}

async fn value(host: &TestHost) -> Value {
    host.result("acme", "probe.get", json!({ "key": "a" })).await["value"].clone()
}

/// Increments until the host dies. Returns what was answered.
async fn increment_until_it_dies(driver: Driver, answered: Arc<AtomicU64>) -> Vec<u64> {
    let mut values = Vec::new();
    loop {
        let request = driver.action_request("acme", "probe.increment", json!({ "key": "a" }));
        let Ok(answer) = request.send().await else { return values };
        let Ok(answer) = answer.json::<Value>().await else { return values };
        values.push(answer["value"].as_u64().expect("a count"));
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn clients_that_increment_one_counter_lose_nothing_and_what_is_answered_survives_kill_9() {
    let mut host = probe("", json!({})).await;
    let answered = Arc::<AtomicU64>::default();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(increment_until_it_dies((*host).clone(), answered.clone()));
    }
    until("enough is answered", async || {
        (answered.load(Ordering::Relaxed) >= ANSWERS).then_some(())
    })
    .await;
    host.kill_9();
    let values = clients.join_all().await.concat();
    let distinct: BTreeSet<_> = values.iter().copied().collect();
    assert_eq!(distinct.len(), values.len(), "each increment had a value of its own");
    host.restart().await;
    let stored = value(&host).await.as_u64().expect("a count");
    let most = values.len() as u64 + CLIENTS;
    assert!(
        (values.len() as u64..=most).contains(&stored),
        "{stored} of {} to {most}",
        values.len()
    );
    assert!(distinct.last().is_some_and(|last| *last <= stored), "what was answered is stored");
}

#[tokio::test]
async fn the_next_calls_run_while_a_commit_is_under_way_and_are_answered_after_theirs() {
    let host = probe(PATIENT, json!({})).await;
    host.result("acme", "probe.put", put(&json!(1))).await;
    let (held, mut calls) = (hold(&host), JoinSet::new());
    begin(&mut calls, &host, "probe.increment", json!({ "key": "a" })).await;
    until_queued(&host, 0.0).await;
    for _ in 0..3 {
        begin(&mut calls, &host, "probe.increment", json!({ "key": "a" })).await;
    }
    until_queued(&host, 3.0).await;
    begin(&mut calls, &host, "probe.get", json!({ "key": "a" })).await;
    begin(&mut calls, &host, "probe.read-then-wait", json!({ "key": "a", "ms": 0 })).await;
    assert!(calls.try_join_next().is_none(), "nothing is answered before it is stored");
    drop(held);
    let mut values: Vec<_> =
        calls.join_all().await.iter().map(|one| one.expect(200)["value"].as_u64()).collect();
    values.sort();
    assert_eq!(values, [2, 3, 4, 5, 5, 5].map(Some));
    assert_eq!(value(&host).await, 5);
}

#[tokio::test]
async fn a_slow_call_does_not_delay_the_answer_of_the_one_before_it() {
    let host = probe(PATIENT, json!({})).await;
    let (held, mut calls) = (hold(&host), JoinSet::new());
    begin(&mut calls, &host, "probe.put", put(&json!(1))).await;
    until_queued(&host, 0.0).await;
    begin(&mut calls, &host, "probe.read-then-wait", json!({ "key": "a", "ms": 3_000 })).await;
    drop(held);
    let first = calls.join_next().await.expect("a call").expect("it did not panic");
    assert_eq!(first.expect(200), Value::Null, "the put");
    let second = calls.join_next().await.expect("a call").expect("it did not panic");
    assert_eq!(second.expect(200)["value"], 1, "the slow one has seen it");
}

#[tokio::test]
async fn nobody_is_shown_what_a_failed_commit_takes_back() {
    let receiver = Receiver::start().await;
    let host = probe(&format!("{FAILS}{GRANTED}"), json!({ "server_url": receiver.url })).await;
    host.result("acme", "probe.put", put(&json!(1))).await;
    let (held, mut calls) = (hold(&host), JoinSet::new());
    begin(&mut calls, &host, "probe.put", put(&json!(UNSTORED))).await;
    until_queued(&host, 0.0).await;
    let key = json!({ "key": "a" });
    let too_much = json!({ "from": "a", "to": "b", "amount": 10_000_000 });
    let told = |first: bool| json!({ "key": "a", "url": receiver.url, "first": first });
    let by_key = host.action_request("acme", "probe.get", key.clone());
    calls.spawn(answer(by_key.header("Idempotency-Key", "one")));
    for (action, parameters) in [
        ("probe.get", key.clone()),
        ("probe.read-then-wait", json!({ "key": "a", "ms": 0 })),
        ("probe.transfer", too_much),
        ("probe.tell", told(false)),
        ("probe.tell", told(true)),
        ("probe.get?dry_run=true", key.clone()),
        ("probe.increment", key.clone()),
    ] {
        calls.spawn(answer(host.action_request("acme", action, parameters)));
    }
    let answers = calls.join_all().await;
    for answer in &answers {
        assert!(!answer.text.contains("77777"), "{}", answer.text);
    }
    let failed = answers.iter().filter(|one| one.status == 503).inspect(|one| {
        one.problem(503, "store_unavailable");
    });
    assert!(failed.count() > 0, "{answers:?}");
    assert!(
        receiver.received().iter().all(|one| one.body != UNSTORED.to_string().as_bytes()),
        "it was sent"
    );
    drop(held);
    host.ready().await;
    assert_eq!(value(&host).await, 1);
    let by_key = host.action_request("acme", "probe.get", key.clone());
    let again = answer(by_key.header("Idempotency-Key", "one")).await;
    assert_eq!(again.expect(200)["value"], 1);
    let next = host.result("acme", "probe.increment", key).await;
    assert_eq!(next["value"], 2, "calls go on from what is stored");
}

#[tokio::test]
async fn increments_of_which_some_fail_are_counted_once_each_if_they_were_answered() {
    let host = probe("[store]\nbusy_ms = 20", json!({})).await;
    let mut calls = JoinSet::new();
    for round in 0..5 {
        for _ in 0..12 {
            let request = host.action_request("acme", "probe.increment", json!({ "key": "a" }));
            calls.spawn(answer(request));
        }
        let held = hold(&host);
        host.put_community("in-vain", json!([])).await.problem(503, "store_unavailable");
        drop(held);
        host.put_community(&format!("later-{round}"), json!([])).await.expect(201);
    }
    let mut values = Vec::new();
    for answer in calls.join_all().await {
        match answer.status {
            200 => values.push(answer.json()["value"].as_u64().expect("a count")),
            _ => drop(answer.problem(503, "store_unavailable")),
        }
    }
    values.sort_unstable();
    assert_eq!(values, (1..=values.len() as u64).collect::<Vec<_>>());
    assert_eq!(value(&host).await, values.len());
}

/// Settings with which a call waits for the commit of the one before it: because the operator wants that, or because the
/// guest could tell somebody by TCP what it reads.
#[tokio::test]
async fn a_call_that_may_see_nothing_unstored_waits_for_the_commit_before_it() {
    let impatient = format!("{PATIENT}\n[limits]\nlock_wait_ms = 300\n");
    for settings in
        ["unstored_writes = 0", "[plugins.probe]\ngrants = { tcp = [\"localhost:6379\"] }"]
    {
        let host = probe(&format!("{impatient}{settings}"), json!({})).await;
        let (held, mut calls) = (hold(&host), JoinSet::new());
        let increment = json!({ "key": "a" });
        begin(&mut calls, &host, "probe.increment", increment.clone()).await;
        until_queued(&host, 0.0).await;
        let second = host.action("acme", "probe.increment", increment).await;
        second.problem(503, "instance_busy");
        drop(held);
        let first = calls.join_next().await.expect("a call").expect("it did not panic");
        assert_eq!(first.expect(200)["value"], 1);
    }
}
