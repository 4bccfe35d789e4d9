//! Calls that meet others: the instance's lock, limits on calls, and a configuration that changes
//! meanwhile.

use std::time::{Duration, Instant};

use moothall_tests::{Answer, Driver, TestHost, until};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Nobody gives up waiting for an instance, however busy the machine is.
const PATIENT: &str = "[limits]\nlock_wait_ms = 60000\nwall_ms = 60000";

/// Starts a call, and waits until the host says that one more is in flight.
async fn begin(host: &TestHost, action: &str, parameters: Value) -> JoinSet<Answer> {
    let before = in_flight(host).await;
    let driver: Driver = (**host).clone();
    let action = action.to_owned();
    let mut call = JoinSet::new();
    call.spawn(async move { driver.action("acme", &action, parameters).await });
    until("the call is in flight", async || (in_flight(host).await > before).then_some(())).await;
    call
}

async fn in_flight(host: &TestHost) -> u32 {
    let metrics = host.get("/metrics").await.text;
    let line = metrics.lines().find_map(|line| line.strip_prefix("moothall_calls_in_flight "));
    line.and_then(|value| value.parse().ok()).expect("calls in flight are counted")
}

async fn end(mut call: JoinSet<Answer>) -> Answer {
    call.join_next().await.expect("one call").expect("it did not panic")
}

#[tokio::test]
async fn a_call_waits_for_the_lock_and_then_is_told_that_the_instance_is_busy() {
    let host = TestHost::with(&["misbehaving", "probe"])
        .toml("[limits]\nlock_wait_ms = 300")
        .start()
        .await;
    host.put_community("acme", json!([{ "name": "probe" }])).await.expect(201);
    let held = json!({ "key": "a", "ms": 2_000 });
    let reader = begin(&host, "probe.read-then-wait", held).await;
    let waits = Instant::now();
    let busy = host.action("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    busy.problem(503, "instance_busy");
    assert_eq!(busy.header("retry-after"), "1");
    assert!(waits.elapsed() >= Duration::from_millis(250), "it waited");
    assert_eq!(end(reader).await.expect(200), json!({ "value": null }));
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
}

#[tokio::test]
async fn calls_that_touch_no_state_and_other_instances_do_not_wait() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host.community("other", "probe", json!({})).await;
    let holder = begin(&host, "probe.read-then-wait", json!({ "key": "a", "ms": 1_500 })).await;
    let waits = Instant::now();
    host.result("acme", "probe.whoami", json!({})).await;
    host.result("other", "probe.put", json!({ "key": "a", "value": 1 })).await;
    let waited = waits.elapsed();
    assert!(waited < Duration::from_millis(1_400), "it waited {waited:?} for another's lock");
    end(holder).await.expect(200);
}

#[tokio::test]
async fn long_calls_that_wait_give_their_turn_away() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let begin = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let driver: Driver = (*host).clone();
        calls.spawn(async move {
            let parameters = json!({ "spin_ms": 10, "wait_ms": 1_000 });
            driver.action("acme", "probe.spin-then-wait", parameters).await.expect(200)
        });
    }
    calls.join_all().await;
    // One after the other they would take ten seconds; five on two threads.
    assert!(begin.elapsed() < Duration::from_secs(3), "they took {:?}", begin.elapsed());
}

/// Writes that queue for the lock behind `change`, while another call holds it: the first may come
/// before the change, the last comes after it.
async fn writes_behind<F>(host: &TestHost, change: F) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    host.community("acme", "probe", json!({ "generation": 0 })).await;
    let holder = begin(host, "probe.read-then-wait", json!({ "key": "a", "ms": 2_000 })).await;
    let mut changing = JoinSet::new();
    changing.spawn(change);
    let mut writes = Vec::new();
    for number in 0..20 {
        let put = json!({ "key": format!("k{number}"), "value": number });
        writes.push(begin(host, "probe.put", put).await);
    }
    end(holder).await.expect(200);
    end(changing).await.expect(200);
    let mut answers = Vec::new();
    for write in writes {
        answers.push(end(write).await);
    }
    answers
}

#[tokio::test]
async fn a_write_whose_instance_was_removed_meanwhile_is_told_so() {
    let host = TestHost::with(&["probe"]).toml(PATIENT).start().await;
    let driver: Driver = (*host).clone();
    let remove = async move { driver.put_community("acme", json!([])).await };
    let answers = writes_behind(&host, remove).await;
    answers[19].problem(409, "instance_replaced");
    host.put_community("acme", json!([{ "name": "probe" }])).await.expect(200);
    let keys = host.result("acme", "probe.keys", json!({ "prefix": "k" })).await;
    assert_eq!(keys["keys"], json!([]), "nothing reaches the instance that comes after");
}

#[tokio::test]
async fn a_write_whose_instance_was_reconfigured_meanwhile_is_told_so_and_not_stored() {
    let host = TestHost::with(&["probe"]).toml(PATIENT).start().await;
    let driver: Driver = (*host).clone();
    let config = json!({ "generation": 1 });
    let answers =
        writes_behind(&host, async move { driver.enable("acme", "probe", config).await }).await;
    answers[19].problem(409, "instance_replaced");
    for (number, answer) in answers.iter().enumerate() {
        let key = json!({ "key": format!("k{number}") });
        let found = host.result("acme", "probe.get", key).await["value"].clone();
        let expected = if answer.status == 200 { json!(number) } else { Value::Null };
        assert_eq!(found, expected, "{}", answer.text);
    }
}

#[tokio::test]
async fn writes_and_reconfigurations_that_cross_each_other_are_whole() {
    let toml = "[limits]\nlock_wait_ms = 20000\ncpu_ms = 5000\nwall_ms = 20000";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({ "generation": 0 })).await;
    // Writers that queue for the lock while reconfigurations pass between them: some began before
    // one and get the lock after it.
    let mut writers = JoinSet::new();
    for number in 0..40 {
        let driver: Driver = (*host).clone();
        writers.spawn(async move {
            let put = json!({ "key": format!("k{number}"), "value": number });
            (number, driver.action("acme", "probe.put", put).await)
        });
    }
    for generation in 1..=10 {
        let config = json!({ "generation": generation });
        host.enable("acme", "probe", config).await.expect(200);
    }
    while let Some(written) = writers.join_next().await {
        let (number, answer) = written.expect("it did not panic");
        let key = json!({ "key": format!("k{number}") });
        let found = host.result("acme", "probe.get", key).await["value"].clone();
        match answer.status {
            200 => assert_eq!(found, number, "an answered write is there"),
            _ => {
                answer.problem(409, "instance_replaced");
                assert_eq!(found, Value::Null, "a refused write is not there");
            }
        }
    }
}

#[tokio::test]
async fn calls_in_flight_of_an_instance_a_plugin_and_the_host_are_bounded() {
    for (limit, code) in [
        ("calls_per_instance = 1", "instance_busy"),
        ("calls_per_plugin = 1", "overloaded"),
        ("calls = 1", "overloaded"),
    ] {
        let host = TestHost::with(&["probe"]).toml(&format!("[limits]\n{limit}")).start().await;
        host.community("acme", "probe", json!({})).await;
        let first = begin(&host, "probe.read-then-wait", json!({ "key": "a", "ms": 1_000 })).await;
        let refused = host.action("acme", "probe.whoami", json!({})).await;
        refused.problem(503, code);
        assert_eq!(refused.header("retry-after"), "1", "{limit}");
        end(first).await.expect(200);
        host.result("acme", "probe.whoami", json!({})).await;
    }
}

#[tokio::test]
async fn a_late_write_never_reaches_the_instance_that_comes_after() {
    let host = TestHost::with(&["probe"]).toml(PATIENT).start().await;
    for round in 0..20 {
        host.community("acme", "probe", json!({})).await;
        let mut writers = JoinSet::new();
        for number in 0..6 {
            let driver: Driver = (*host).clone();
            let put = json!({ "key": "late", "value": number });
            writers.spawn(async move { driver.action("acme", "probe.put", put).await });
        }
        let deleted = host.delete("/api/internal/community/acme").await;
        assert_eq!(deleted.status, 204, "{}", deleted.text);
        host.community("acme", "probe", json!({ "generation": round })).await;
        let mut to_the_new_one = 0;
        while let Some(answer) = writers.join_next().await {
            let answer = answer.expect("it did not panic");
            let code = answer.json()["code"].as_str().unwrap_or("stored").to_owned();
            assert!(
                ["stored", "instance_replaced", "unknown_community"].contains(&&*code),
                "{code}"
            );
            to_the_new_one += u32::from(code == "stored");
        }
        let found = host.result("acme", "probe.get", json!({ "key": "late" })).await;
        assert!(found["value"].is_null() || to_the_new_one > 0, "a write that failed is there");
        assert_eq!(host.delete("/api/internal/community/acme").await.status, 204);
    }
}

#[tokio::test]
async fn a_call_goes_on_when_its_client_goes_away() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let holder = begin(&host, "probe.read-then-wait", json!({ "key": "a", "ms": 700 })).await;
    // The call waits for the lock, and its client disconnects meanwhile.
    let mut call = begin(&host, "probe.put", json!({ "key": "a", "value": 1 })).await;
    call.shutdown().await;
    end(holder).await.expect(200);
    until("the call has ended", async || (in_flight(&host).await == 0).then_some(())).await;
    let found = host.result("acme", "probe.get", json!({ "key": "a" })).await;
    assert_eq!(found, json!({ "value": 1 }));
}
