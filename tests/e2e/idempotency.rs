//! `Idempotency-Key`: a repeated request gets the same answer, and does nothing again.

use std::time::Duration;

use moothall_tests::guests::BACKSTAGE_GRANTS;
use moothall_tests::{Answer, Driver, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const KEY: &str = "Idempotency-Key";
/// The size of a value whose answer is too large to be remembered.
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
    let wait = json!({ "key": "n", "ms": 8000 });
    let request = host.action_request("acme", "probe.read-then-wait", wait).header(KEY, "a");
    let mut running = tokio::task::JoinSet::new();
    running.spawn(request.send());
    until("it runs", async || {
        let metrics = host.get("/metrics").await.text;
        metrics.lines().any(|line| line == "moothall_calls_in_flight 1").then_some(())
    })
    .await;
    host.kill_9();
    let cut_off = running.join_next().await.expect("one request").expect("it did not panic");
    assert!(cut_off.is_err(), "it was not answered");
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
        failed.problem(502, "plugin_bad_output");
        let invalid = keyed(&host, "b", "probe.increment", json!({ "key": 1 })).await;
        invalid.problem(400, "invalid_parameters");
        assert!(!is_replayed(&failed) && !is_replayed(&invalid));
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
    host.advanced(Duration::from_secs(23 * 3600)).await;
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
async fn a_key_has_a_length() {
    let host = probe().await;
    for key in [String::new(), "k".repeat(256)] {
        let detail = increment(&host, &key).await.problem(400, "bad_request");
        assert!(detail.contains("Idempotency-Key"), "{detail}");
    }
    increment(&host, &"k".repeat(255)).await.expect(200);
}

/// Each route that makes or does something once, with its body. A path's `{…}` has been filled in.
async fn once_only(host: &TestHost) -> Vec<(&'static str, String, Value)> {
    let hook = "/api/internal/hooks/org.example.thing.happening.v1";
    host.put(hook, json!({})).await.expect(201);
    let identity = |what: &str| format!("/api/internal/identity/{what}");
    let three = json!({ "community_slug": "acme", "count": 3 });
    let people = host.post(&identity("create_id"), three).await.expect(201);
    host.post("/api/internal/endpoints/driver/ping", json!({})).await.expect(202);
    let deliveries = host.get("/api/internal/deliveries").await.expect(200);
    let delivery = &deliveries["deliveries"][0]["id"];
    let account =
        json!({ "community_slug": "acme", "platform_type": "probe", "platform_identifier": "ann" });
    let mut linked = account.clone();
    linked["external_id"] = people[0].clone();
    let merge = json!({ "primary_instance_id": people[1], "secondary_instance_id": people[2] });
    let event = json!({ "community": "acme", "event_type": "a", "data": 1 });
    vec![
        (
            "/api/internal/community",
            "/api/internal/community".into(),
            json!({ "plugins": [{ "name": "probe" }] }),
        ),
        (
            "/api/internal/plugin/{name}",
            "/api/internal/plugin/tutorial".into(),
            json!({ "api_key": "k" }),
        ),
        (
            "/api/internal/action/{target}",
            "/api/internal/action/probe.increment".into(),
            json!({ "parameters": { "key": "n" } }),
        ),
        (
            "/api/internal/process/{target}",
            "/api/internal/process/tutorial.my-gov-process".into(),
            json!({ "title": "Lunch?" }),
        ),
        (
            "/api/internal/identity/create_id",
            identity("create_id"),
            json!({ "community_slug": "acme" }),
        ),
        ("/api/internal/identity/merge_ids", identity("merge_ids"), merge),
        ("/api/internal/identity/link_account", identity("link_account"), linked),
        ("/api/internal/identity/unlink_account", identity("unlink_account"), account),
        ("/api/internal/events", "/api/internal/events".into(), event),
        (
            "/api/internal/endpoints/{id}/recover",
            "/api/internal/endpoints/driver/recover".into(),
            json!({ "since": "2020-01-01T00:00:00Z" }),
        ),
        (
            "/api/internal/endpoints/{id}/ping",
            "/api/internal/endpoints/driver/ping".into(),
            json!({}),
        ),
        (
            "/api/internal/deliveries/{id}/resend",
            format!("/api/internal/deliveries/{delivery}/resend"),
            json!({}),
        ),
        (
            "/api/internal/workers/{worker}/{action}",
            "/api/internal/workers/webhooks/retry".into(),
            json!({}),
        ),
        (
            "/api/internal/workers/{plugin}/{worker}/{action}",
            "/api/internal/workers/backstage/recorder/retry".into(),
            json!({}),
        ),
        ("/api/internal/changes", "/api/internal/changes".into(), json!({ "resource": "story" })),
        ("/api/internal/hooks/{name}/run", format!("{hook}/run"), json!({ "data": {} })),
    ]
}

async fn once(host: &TestHost, path: &str, key: &str, body: &Value) -> Answer {
    let request =
        host.request(Method::POST, path).header("X-Metagov-Community", "acme").header(KEY, key);
    answer(request.json(body)).await
}

#[tokio::test]
async fn every_post_of_drivers_is_done_once_or_refused() {
    let host =
        TestHost::with(&["probe", "tutorial", "backstage"]).toml(BACKSTAGE_GRANTS).start().await;
    let config = json!({ "api_key": "first" });
    let plugins = json!([{ "name": "probe" }, { "name": "tutorial", "config": config }, { "name": "backstage" }]);
    host.put_community("acme", plugins).await.expect(201);
    let cases = once_only(&host).await;
    for (at, (_, path, body)) in cases.iter().enumerate() {
        let key = format!("case-{at}");
        let first = once(&host, path, &key, body).await;
        assert!((200..300).contains(&first.status), "{path}: {}", first.text);
        let again = once(&host, path, &key, body).await;
        assert!(is_replayed(&again) && !is_replayed(&first), "{path}: {}", again.text);
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{path}");
        // The same body with one more space is another body.
        let other = host.request(Method::POST, path).header("X-Metagov-Community", "acme");
        let other = other.header(KEY, &key).header("content-type", "application/json");
        let other = answer(other.body(format!("{body} "))).await;
        other.problem(422, "idempotency_key_reused");
    }
    let communities = host.get("/api/internal/community").await.expect(200);
    assert_eq!(communities["communities"].as_array().map(Vec::len), Some(2), "one was made, once");

    let document = host.get("/openapi.json").await.expect(200);
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let Some(post) = methods.get("post").filter(|_| path.starts_with("/api/internal/")) else {
            continue;
        };
        if path.contains("/action/") && path.contains('.')
            || path.contains("/process/") && path.contains('.')
        {
            continue;
        }
        let parameters = post["parameters"].as_array().cloned().unwrap_or_default();
        if parameters.iter().any(|one| one["name"] == KEY) {
            assert!(cases.iter().any(|(of, ..)| of == path), "{path} has no case");
            continue;
        }
        let refused = once(&host, &path.replace("{id}", "driver"), "never", &json!({})).await;
        let detail = refused.problem(400, "bad_request");
        assert!(detail.contains(KEY) && detail.contains("Nothing was done"), "{path}: {detail}");
    }
    let public = once(&host, "/api/action/tutorial.times-two", "never", &json!({})).await;
    public.problem(400, "bad_request");
}

#[tokio::test]
async fn of_a_community_that_was_made_kill_9_forgets_no_answer() {
    let mut host = probe().await;
    for round in 1..=3 {
        let (key, body) = (format!("round-{round}"), json!({ "plugins": [{ "name": "probe" }] }));
        let first = once(&host, "/api/internal/community", &key, &body).await;
        first.expect(201);
        host.kill_9();
        host.restart().await;
        assert_same(&once(&host, "/api/internal/community", &key, &body).await, &first);
    }
    let all = host.get("/api/internal/community").await.expect(200);
    assert_eq!(all["communities"].as_array().map(Vec::len), Some(4));
}
