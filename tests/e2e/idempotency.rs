//! `Idempotency-Key`: the same request again is answered again, and does nothing again.

use std::time::Duration;

use moothall_tests::{Answer, Driver, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const KEY: &str = "Idempotency-Key";
/// A value whose answer is too large to be remembered, in bytes.
const LARGE: usize = 70_000;

async fn keyed(driver: &Driver, key: &str, action: &str, parameters: Value) -> Answer {
    answer(driver.action_request("acme", action, parameters).header(KEY, key)).await
}

async fn increment(driver: &Driver, key: &str) -> Answer {
    keyed(driver, key, "probe.increment", json!({ "key": "n" })).await
}

async fn count(driver: &Driver) -> Value {
    driver.result("acme", "probe.get", json!({ "key": "n" })).await["value"].clone()
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == "true"
}

#[track_caller]
fn assert_same(again: &Answer, first: &Answer) {
    assert!(is_replayed(again) && !is_replayed(first), "{} {}", again.status, again.text);
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("content-type"), first.header("content-type"));
}

async fn probe() -> TestHost {
    let host = TestHost::with(&["probe", "raw"]).start().await;
    let plugins = json!([{ "name": "probe", "config": {} }, { "name": "raw", "config": {} }]);
    host.put_community("acme", plugins).await.expect(201);
    host
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_response_and_does_nothing() {
    let host = probe().await;
    let first = increment(&host, "a").await;
    assert_eq!(first.expect(200)["value"], 1);
    assert_same(&increment(&host, "a").await, &first);
    assert_eq!(count(&host).await, 1);
    assert_eq!(increment(&host, "b").await.expect(200)["value"], 2);
}

#[tokio::test]
async fn a_call_without_effects_is_remembered_too() {
    let host = probe().await;
    let get = json!({ "key": "n" });
    let first = keyed(&host, "a", "probe.get", get.clone()).await;
    increment(&host, "b").await.expect(200);
    assert_same(&keyed(&host, "a", "probe.get", get).await, &first);
    let nothing = keyed(&host, "c", "raw.null-result", json!({})).await;
    nothing.expect(200);
    assert_same(&keyed(&host, "c", "raw.null-result", json!({})).await, &nothing);
}

#[tokio::test]
async fn a_key_of_another_request_is_refused() {
    let host = probe().await;
    host.community("other", "probe", json!({})).await;
    increment(&host, "a").await.expect(200);
    let by_two = json!({ "key": "n", "by": 2 });
    let other_body = keyed(&host, "a", "probe.increment", by_two).await;
    other_body.problem(422, "idempotency_key_reused");
    let n = json!({ "key": "n" });
    let other_path = keyed(&host, "a", "probe.get", n.clone()).await;
    other_path.problem(422, "idempotency_key_reused");
    let request = host.action_request("other", "probe.increment", n);
    let other_community = answer(request.header(KEY, "a")).await;
    other_community.problem(422, "idempotency_key_reused");
    assert_eq!(count(&host).await, 1);
}

#[tokio::test]
async fn a_request_that_is_still_running_is_not_run_twice() {
    let host = probe().await;
    let wait = || json!({ "key": "n", "ms": 1000 });
    let (one, other) = tokio::join!(
        keyed(&host, "a", "probe.read-then-wait", wait()),
        keyed(&host, "a", "probe.read-then-wait", wait()),
    );
    let (ran, refused) = if one.status == 200 { (one, other) } else { (other, one) };
    ran.expect(200);
    refused.problem(409, "still_running");
    assert_eq!(refused.header("retry-after"), "1");
    assert_same(&keyed(&host, "a", "probe.read-then-wait", wait()).await, &ran);
}

#[tokio::test]
async fn a_client_that_went_away_finds_the_answer() {
    let host = probe().await;
    let wait = || json!({ "key": "n", "ms": 500 });
    let request = host.action_request("acme", "probe.read-then-wait", wait()).header(KEY, "a");
    let impatient = request.timeout(Duration::from_millis(100)).send().await;
    assert!(impatient.is_err(), "the client gave up");
    let again = until("the call has ended", async || {
        let again = keyed(&host, "a", "probe.read-then-wait", wait()).await;
        (again.status == 200).then_some(again)
    })
    .await;
    assert!(is_replayed(&again), "it ran a second time");
}

#[tokio::test]
async fn kill_9_forgets_no_answer() {
    let mut host = probe().await;
    for round in 1..=5 {
        let key = format!("round-{round}");
        let first = increment(&host, &key).await;
        assert_eq!(first.expect(200)["value"], round);
        host.kill_9();
        host.restart().await;
        assert_same(&increment(&host, &key).await, &first);
        assert_eq!(count(&host).await, round);
    }
}

#[tokio::test]
async fn what_was_running_at_kill_9_runs_again() {
    let mut host = probe().await;
    let wait = json!({ "key": "n", "ms": 3000 });
    let request = host.action_request("acme", "probe.read-then-wait", wait).header(KEY, "a");
    let cut_off = request.timeout(Duration::from_millis(300)).send().await;
    assert!(cut_off.is_err());
    host.kill_9();
    host.restart().await;
    assert_eq!(increment(&host, "a").await.expect(200)["value"], 1);
}

#[tokio::test]
async fn a_dry_run_is_not_remembered() {
    let host = probe().await;
    for _ in 0..2 {
        let path = "/api/internal/action/probe.increment?dry_run=true";
        let request = host.request(Method::POST, path).header("X-Metagov-Community", "acme");
        let dry = request.json(&json!({ "parameters": { "key": "n" } })).header(KEY, "a");
        let dry = answer(dry).await;
        dry.expect(200);
        assert!(!is_replayed(&dry));
    }
    assert_eq!(increment(&host, "a").await.expect(200)["value"], 1);
}

#[tokio::test]
async fn a_refusal_of_the_plugin_is_remembered() {
    let host = probe().await;
    let transfer = || json!({ "from": "n", "to": "m", "amount": 1 });
    let refused = keyed(&host, "a", "probe.transfer", transfer()).await;
    refused.problem(409, "conflict");
    increment(&host, "b").await.expect(200);
    assert_same(&keyed(&host, "a", "probe.transfer", transfer()).await, &refused);
    keyed(&host, "c", "probe.transfer", transfer()).await.expect(200);
}

#[tokio::test]
async fn a_failure_and_a_refusal_before_the_guest_are_not_remembered() {
    let host = probe().await;
    for _ in 0..2 {
        let failed = keyed(&host, "a", "raw.bad-json", json!({})).await;
        assert!(failed.status >= 500 && !is_replayed(&failed), "{}", failed.text);
        let invalid = keyed(&host, "b", "probe.increment", json!({ "key": 1 })).await;
        assert!(invalid.status == 400 && !is_replayed(&invalid), "{}", invalid.text);
    }
    assert_eq!(increment(&host, "a").await.expect(200)["value"], 1);
    assert_eq!(increment(&host, "b").await.expect(200)["value"], 2);
}

#[tokio::test]
async fn a_large_response_is_not_remembered() {
    let host = probe().await;
    let large = json!({ "key": "large", "value": "x".repeat(LARGE) });
    host.result("acme", "probe.put", large).await;
    for _ in 0..2 {
        let got = keyed(&host, "a", "probe.get", json!({ "key": "large" })).await;
        assert_eq!(got.expect(200)["value"].as_str().map(str::len), Some(LARGE));
        assert!(!is_replayed(&got));
    }
}

#[tokio::test]
async fn each_api_key_has_idempotency_keys_of_its_own() {
    let host = probe().await;
    let keys = [host.create_key("one"), host.create_key("two")];
    let drivers = keys.each_ref().map(|key| host.with_key(key));
    until("the keys are needed", async || (host.get("/metrics").await.status == 401).then_some(()))
        .await;
    for (driver, value) in drivers.iter().zip([1, 2]) {
        until("the key is known", async || {
            (driver.get("/metrics").await.status == 200).then_some(())
        })
        .await;
        let first = increment(driver, "a").await;
        assert_eq!(first.expect(200)["value"], value);
        assert_same(&increment(driver, "a").await, &first);
    }
}

#[tokio::test]
async fn an_answer_outlives_the_plugin_and_lasts_a_day() {
    let host = probe().await;
    let first = increment(&host, "a").await;
    host.put_community("acme", json!([])).await.expect(200);
    host.advance(Duration::from_secs(23 * 3600));
    assert_same(&increment(&host, "a").await, &first);
    host.advance(Duration::from_secs(2 * 3600));
    let later = until("the answer is forgotten", async || {
        let later = increment(&host, "a").await;
        (!is_replayed(&later)).then_some(later)
    })
    .await;
    assert_eq!(later.status, 400, "the plugin is not enabled: {}", later.text);
}

#[tokio::test]
async fn a_public_action_takes_no_notice() {
    let host = probe().await;
    for _ in 0..2 {
        let request = host.request(Method::POST, "/api/action/raw.echo");
        let request = request.header("X-Metagov-Community", "acme").header(KEY, "a");
        let echoed = answer(request.json(&json!({ "parameters": { "x": 1 } }))).await;
        echoed.expect(200);
        assert!(!is_replayed(&echoed));
    }
}

#[tokio::test]
async fn a_key_has_a_length() {
    let host = probe().await;
    for key in [String::new(), "k".repeat(256)] {
        let detail = increment(&host, &key).await.problem(400, "bad_request");
        assert!(detail.contains("Idempotency-Key"), "{detail}");
    }
    increment(&host, &"k".repeat(255)).await.expect(200);
}
