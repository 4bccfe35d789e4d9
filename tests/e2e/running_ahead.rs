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

/// Waits until all calls that have no answer are in flight. Returns the answers so far.
async fn until_all_run(host: &TestHost, calls: &mut JoinSet<Answer>) -> Vec<Answer> {
    let mut answers = Vec::new();
    until("all calls run", async || {
        while let Some(answer) = calls.try_join_next() {
            answers.push(answer.expect("it did not panic"));
        }
        let running = metric(host, "moothall_calls_in_flight").await;
        (running >= calls.len() as f64).then_some(())
    })
    .await;
    answers
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
    for first in [false, true] {
        while_a_commit_fails(&receiver, first).await;
    }
    let is_told = |body: &[u8]| String::from_utf8_lossy(body).contains("77777");
    assert!(!receiver.received().iter().any(|one| is_told(&one.body)), "it was sent");
}

/// Calls of all kinds run on a value whose commit is held up and then fails. The last one sends what it reads to the
/// receiver; if it is to, it sends something else `first`.
async fn while_a_commit_fails(receiver: &Receiver, first: bool) {
    let host = probe(&format!("{FAILS}{GRANTED}"), json!({ "server_url": receiver.url })).await;
    host.result("acme", "probe.put", put(&json!(1))).await;
    let (held, mut calls) = (hold(&host), JoinSet::new());
    begin(&mut calls, &host, "probe.put", put(&json!(UNSTORED))).await;
    until_queued(&host, 0.0).await;
    let key = json!({ "key": "a" });
    let get_once = || {
        let get = host.action_request("acme", "probe.get", key.clone());
        answer(get.header("Idempotency-Key", "one"))
    };
    calls.spawn(get_once());
    for (action, parameters) in [
        ("probe.get", key.clone()),
        ("probe.read-then-wait", json!({ "key": "a", "ms": 0 })),
        ("probe.transfer", json!({ "from": "a", "to": "b", "amount": 10_000_000 })),
        ("probe.increment", key.clone()),
    ] {
        calls.spawn(answer(host.action_request("acme", action, parameters)));
    }
    let mut answers = until_all_run(&host, &mut calls).await;
    let tell = json!({ "key": "a", "url": receiver.url, "first": first });
    for (action, parameters) in [("probe.tell", tell), ("probe.get?dry_run=true", key.clone())] {
        calls.spawn(answer(host.action_request("acme", action, parameters)));
        answers.extend(until_all_run(&host, &mut calls).await);
    }
    // What rests on the write that has failed would be stored now.
    while !answers.iter().any(|one| one.status == 503) {
        answers.push(calls.join_next().await.expect("the put fails").expect("it did not panic"));
    }
    drop(held);
    answers.extend(calls.join_all().await);
    for answer in &answers {
        assert!(!answer.text.contains("77777"), "{}", answer.text);
    }
    host.ready().await;
    let now = value(&host).await.as_i64().expect("a number");
    assert!(now == 1 || now == 2, "{now}: an increment came before the failed write, or after it");
    assert!(!get_once().await.text.contains("77777"), "it was remembered");
    let next = host.result("acme", "probe.increment", key).await;
    assert_eq!(next["value"], now + 1, "calls go on from what is stored");
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
    // Nothing is stored if all of them failed.
    let stored = value(&host).await.as_u64().unwrap_or(0);
    assert_eq!(stored, values.len() as u64);
}

#[tokio::test]
async fn with_no_write_unstored_each_call_waits_for_the_commit_before_it() {
    let toml = format!("{PATIENT}\n[limits]\nlock_wait_ms = 300\nunstored_writes = 0");
    let host = probe(&toml, json!({})).await;
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
