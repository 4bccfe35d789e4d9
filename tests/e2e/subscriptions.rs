//! Subscriptions of endpoints and of readers of events, and patterns that can never match; what was
//! read can be PUT.

use std::time::Duration;

use moothall_tests::{Receiver, Reply, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const ENDPOINTS: &str = "/api/internal/endpoints";
const DRIVER: &str = "/api/internal/endpoints/driver";
const EVENTS: &str = "/api/internal/events";
const ANYWHERE: &str = "https://example.com/";

async fn host() -> TestHost {
    let host = TestHost::with(&["tutorial", "misbehaving"]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    host
}

fn path(endpoint: &Value) -> String {
    format!("{ENDPOINTS}/{}", endpoint["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn what_can_never_come_is_refused() {
    let host = host().await;
    for never in ["api.*", "api:*", "api.changes"] {
        let body = json!({ "url": ANYWHERE, "event_types": ["*", never] });
        let detail = host.post(ENDPOINTS, body).await.problem(400, "bad_request");
        assert!(detail.contains(never) && detail.contains("`api.change`"), "{detail}");
        let detail = host.get(&format!("{EVENTS}?type={never}")).await.problem(400, "bad_request");
        assert!(detail.contains("`api.change`"), "{detail}");
    }
    for heard_by_others in ["api.change", "api:change"] {
        let refused = host.put(DRIVER, json!({ "event_types": [heard_by_others] })).await;
        let detail = refused.problem(400, "bad_request");
        assert!(detail.contains("never gets"), "{detail}");
        let body = json!({ "url": ANYWHERE, "event_types": [heard_by_others] });
        host.post(ENDPOINTS, body).await.expect(201);
        host.get(&format!("{EVENTS}?type={heard_by_others}")).await.expect(200);
    }
}

#[tokio::test]
async fn what_most_likely_never_comes_is_a_warning_wherever_it_is_shown() {
    let host = host().await;
    let body = json!({ "url": ANYWHERE, "event_types": ["tutorial.post_created", "post_created"] });
    let made = host.post(ENDPOINTS, body).await.expect(201);
    let warnings = made["warnings"].as_array().expect("a list").clone();
    assert_eq!(warnings.len(), 1, "{made}");
    assert!(warnings[0].as_str().expect("a text").contains("`tutorial:post_created`"), "{made}");
    assert_eq!(host.get(&path(&made)).await.expect(200)["warnings"], json!(warnings));
    let all = host.get(ENDPOINTS).await.expect(200);
    let all = all["endpoints"].as_array().expect("a list").iter();
    assert_eq!(all.filter(|one| one["warnings"] == json!(warnings)).count(), 1);
    let right = json!({ "event_types": ["tutorial:post_created", "elsewhere:anything"] });
    assert_eq!(host.put(&path(&made), right).await.expect(200)["warnings"], json!([]));

    let listed = host.get(&format!("{EVENTS}?type=tutorial.x")).await.expect(200);
    assert!(listed["warnings"][0].as_str().expect("a text").contains("`tutorial:x`"), "{listed}");
    let right = host.get(&format!("{EVENTS}?type=tutorial:post_created")).await.expect(200);
    assert_eq!(right.get("warnings"), None);
}

#[tokio::test]
async fn what_can_never_work_in_an_endpoint_is_refused() {
    let host = host().await;
    let twice = json!({ "url": ANYWHERE, "headers": { "X-A": "1", "x-a": "2" } });
    let detail = host.post(ENDPOINTS, twice).await.problem(400, "bad_request");
    assert!(detail.contains("`X-A`") && detail.contains("`x-a`"), "{detail}");
    let since = "2026-01-01T00:00:00Z";
    let none = json!({ "since": since, "states": [] });
    host.post(&format!("{DRIVER}/recover"), none).await.problem(400, "bad_request");
}

#[tokio::test]
async fn an_endpoint_whose_community_or_url_is_missing_can_be_put_as_it_was_read() {
    let host = host().await;
    let mut driver = host.get(DRIVER).await.expect(200);
    assert_eq!(driver["url"], Value::Null);
    driver["timeout_ms"] = json!(1_000);
    assert_eq!(host.put(DRIVER, driver.clone()).await.expect(200), driver);

    host.put_community("gone", json!([])).await.expect(201);
    let body = json!({ "url": ANYWHERE, "community": "gone" });
    let made = host.post(ENDPOINTS, body).await.expect(201);
    let path = path(&made);
    for field in ["community", "url"] {
        // An existing subscription is not removed by it.
        let detail = host.put(&path, json!({ field: null })).await.problem(400, "bad_request");
        assert!(detail.contains(&format!("`{field}`")), "{detail}");
    }
    host.delete("/api/internal/community/gone").await.expect(204);
    let mut read = host.get(&path).await.expect(200);
    assert_eq!(read["community"], Value::Null);
    read["description"] = json!("of nobody");
    assert_eq!(host.put(&path, read.clone()).await.expect(200), read, "it does not become `*`");
    let again = host.put(&path, json!({ "community": "acme" })).await.expect(200);
    assert_eq!(again["community"], "acme");
}

#[tokio::test]
async fn what_is_published_in_the_name_of_a_plugin_is_as_it_declares_it() {
    let host = host().await;
    let event = |source: &str, event_type: &str, text: Value| json!({ "community": "acme", "source": source, "event_type": event_type, "data": { "text": text } });
    let refused = host.post(EVENTS, event("misbehaving", "tangled", json!(5))).await;
    let detail = refused.problem(400, "invalid_data");
    assert!(detail.contains("data/text"), "{detail}");
    assert_eq!(refused.error_paths(), ["/text"]);
    host.post(EVENTS, event("misbehaving", "tangled", json!("abc"))).await.expect(202);
    // Nothing is known about undeclared events.
    host.post(EVENTS, event("misbehaving", "untangled", json!(5))).await.expect(202);
    host.post(EVENTS, event("elsewhere", "tangled", json!(5))).await.expect(202);
    let all = host.get(EVENTS).await.expect(200);
    assert_eq!(all["events"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_position_beyond_the_end_of_the_log_is_gone_in_a_list_and_in_a_stream() {
    let host = host().await;
    assert_eq!(host.get(&format!("{EVENTS}?after=0")).await.expect(200)["events"], json!([]));
    host.post(EVENTS, json!({ "community": "acme", "event_type": "a" })).await.expect(202);
    let all = host.get(EVENTS).await.expect(200);
    let last = all["events"][0]["position"].as_i64().expect("a position");
    let end = host.get(&format!("{EVENTS}?after={last}")).await.expect(200);
    assert_eq!(end["events"], json!([]));
    let beyond = format!("{EVENTS}?after={}", last + 1);
    let listed = host.get(&beyond).await.problem(410, "gone");
    let stream = host.request(Method::GET, &beyond).header("accept", "text/event-stream");
    answer(stream).await.problem(410, "gone");
    assert!(listed.contains(&format!("ends at position {last}")), "{listed}");
}

#[tokio::test]
async fn the_log_tells_of_an_endpoint_that_is_disabled_and_of_one_that_is_not_reached() {
    let receiver = Receiver::start().await;
    let host = host().await;
    receiver.otherwise(Reply::Status(410));
    let made = host.post(ENDPOINTS, json!({ "url": receiver.url })).await.expect(201);
    let (id, path) = (made["id"].as_str().expect("an id"), path(&made));
    let is_logged = |level: &str, what: &str| {
        let (level, what, id) = (level.to_owned(), what.to_owned(), format!("endpoint=\"{id}\""));
        let host = &host;
        async move {
            until(&format!("the log says: {what}"), async || {
                let log = host.logs();
                let is_it = |line: &str| {
                    line.contains(&level) && line.contains(&what) && line.contains(&id)
                };
                log.lines().any(is_it).then_some(())
            })
            .await;
        }
    };
    host.post(&format!("{path}/ping"), json!({})).await.expect(202);
    is_logged("WARN", "410 Gone").await;

    let nobody = json!({ "enabled": true, "ordering": "unordered", "url": "http://127.0.0.1:1/" });
    host.put(&path, nobody).await.expect(200);
    for _ in 0..5 {
        host.post(&format!("{path}/ping"), json!({})).await.expect(202);
    }
    is_logged("WARN", "cannot be reached").await;
    // The log has it before the outcome is stored.
    let failure = until("the endpoint shows its last failure", async || {
        let shown = host.get(&path).await.expect(200);
        shown["last_failure"]["detail"].as_str().map(str::to_owned)
    })
    .await;
    assert!(failure.contains("connection refused") && !failure.contains("os error"), "{failure}");
    receiver.otherwise(Reply::Status(200));
    host.put(&path, json!({ "url": receiver.url })).await.expect(200);
    until("a probe has found it", async || {
        host.advance(Duration::from_secs(40));
        (host.get(&path).await.expect(200)["circuit"]["state"] == "closed").then_some(())
    })
    .await;
    is_logged("INFO", "is reached again").await;
}
