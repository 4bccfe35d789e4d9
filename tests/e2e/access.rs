//! Who may enter which route: loopback without a key, and with one once any was created.

use moothall_tests::{Answer, Receiver, TestHost, until};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

/// Every route that a key protects. A new route that is not public by design gets a line here;
/// the answer must not depend on whether what its path names exists.
const PROTECTED: [(&str, &str); 43] = [
    ("POST", "/api/internal/action/tutorial.times-two"),
    ("GET", "/api/internal/community"),
    ("POST", "/api/internal/community"),
    ("GET", "/api/internal/community/acme"),
    ("PUT", "/api/internal/community/acme"),
    ("DELETE", "/api/internal/community/acme"),
    ("GET", "/api/internal/community/acme/hooks"),
    ("GET", "/api/internal/community/acme/actions"),
    ("GET", "/api/internal/community/acme/processes"),
    ("GET", "/api/internal/community/acme/events"),
    ("GET", "/api/internal/plugins"),
    ("GET", "/api/internal/plugin-schemas"),
    ("POST", "/api/internal/plugin/tutorial"),
    ("GET", "/api/internal/plugin/tutorial/metadata"),
    ("DELETE", "/api/internal/plugin/tutorial/1"),
    ("GET", "/api/internal/events"),
    ("POST", "/api/internal/events"),
    ("GET", "/api/internal/event-types"),
    ("GET", "/api/internal/endpoints"),
    ("POST", "/api/internal/endpoints"),
    ("GET", "/api/internal/endpoints/driver"),
    ("PUT", "/api/internal/endpoints/driver"),
    ("DELETE", "/api/internal/endpoints/driver"),
    ("POST", "/api/internal/endpoints/driver/rotate-secret"),
    ("POST", "/api/internal/endpoints/driver/recover"),
    ("POST", "/api/internal/endpoints/driver/ping"),
    ("GET", "/api/internal/deliveries"),
    ("GET", "/api/internal/deliveries/1"),
    ("POST", "/api/internal/deliveries/1/resend"),
    ("GET", "/api/internal/calls"),
    ("GET", "/api/internal/calls/call_1"),
    ("POST", "/api/internal/oauth/tutorial/start"),
    ("POST", "/api/internal/identity/create_id"),
    ("POST", "/api/internal/identity/merge_ids"),
    ("POST", "/api/internal/identity/link_account"),
    ("POST", "/api/internal/identity/unlink_account"),
    ("GET", "/api/internal/identity/get_user"),
    ("GET", "/api/internal/identity/get_users"),
    ("GET", "/api/internal/identity/filter_users_by_account"),
    ("GET", "/api/internal/identity/get_linked_account"),
    ("GET", "/metrics"),
    ("GET", "/api/internal/nothing"),
    ("GET", "/API/internal/community"),
];

async fn send(request: RequestBuilder) -> Answer {
    Answer::read(request.send().await.expect("the host answers")).await.expect("a whole answer")
}

fn method(name: &str) -> Method {
    name.parse().expect("a method")
}

async fn tutorial() -> TestHost {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    host
}

async fn keys_count(host: &TestHost) {
    until("keys are required", async || (host.get("/metrics").await.status == 401).then_some(()))
        .await;
}

#[tokio::test]
async fn every_internal_route_needs_a_key_once_one_exists() {
    let host = tutorial().await;
    let key = host.create_key("driver");
    keys_count(&host).await;
    for (name, path) in PROTECTED {
        let refused = send(host.request(method(name), path)).await;
        refused.problem(401, "unauthorized");
        assert_eq!(refused.header("www-authenticate"), "Bearer", "{name} {path}");
        for wrong in ["Bearer ", "Bearer mh_", "Bearer x", "Basic bWg6eA==", "mh_1_2"] {
            let request = host.request(method(name), path).header("Authorization", wrong);
            send(request).await.problem(401, "unauthorized");
        }
    }
    // Last of all: some of them delete what the others need.
    let driver = host.with_key(&key);
    for (name, path) in PROTECTED {
        let entered = send(driver.request(method(name), path)).await;
        assert_ne!(entered.status, 401, "{name} {path}");
    }
}

#[tokio::test]
async fn public_routes_need_no_key() {
    let host = tutorial().await;
    host.create_key("driver");
    keys_count(&host).await;
    host.get("/healthz").await.expect(200);
    host.get("/readyz").await.expect(200);
    let request = host.request(Method::POST, "/api/action/tutorial.times-two");
    let request = request.header("X-Metagov-Community", "acme");
    let answer = send(request.json(&json!({ "parameters": { "value": 2 } }))).await;
    assert_eq!(answer.expect(200), json!({ "result": 4 }));
    host.get("/api/hooks/acme/nobody").await.problem(404, "not_found");
    // The receiver's own word: it was reached.
    host.get("/api/hooks/acme/tutorial").await.problem(400, "invalid");
}

#[tokio::test]
async fn keys_come_and_go_while_the_host_runs_and_are_required_for_ever() {
    let mut host = tutorial().await;
    let (one, other) = (host.create_key("one"), host.create_key("other"));
    keys_count(&host).await;
    for key in [&one, &other] {
        host.with_key(key).get("/api/internal/community").await.expect(200);
    }
    let listed = host.command(&["key", "list"]).succeeded();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    for line in listed.lines() {
        let id = line.split('\t').next().expect("an id");
        host.command(&["key", "revoke", id]).succeeded();
    }
    until("the keys are revoked", async || {
        let answers = [
            host.with_key(&one).get("/metrics").await.status,
            host.with_key(&other).get("/metrics").await.status,
        ];
        (answers == [401, 401]).then_some(())
    })
    .await;
    assert!(host.command(&["key", "list"]).succeeded().contains("revoked"));
    host.restart().await;
    host.get("/api/internal/community").await.problem(401, "unauthorized");
    let unknown = host.command(&["key", "revoke", "nothing"]).failed_with(1);
    assert!(unknown.contains("nothing"), "{unknown}");
}

#[tokio::test]
async fn without_a_key_a_foreign_host_or_origin_is_turned_away() {
    let host = tutorial().await;
    let path = "/api/internal/community";
    for (header, value) in [
        ("Host", "evil.example"),
        ("Host", "evil.example:8000"),
        ("Host", "127.0.0.1.evil.example"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
    ] {
        let refused = send(host.request(Method::GET, path).header(header, value)).await;
        let detail = refused.problem(403, "foreign_request");
        assert!(detail.contains(header), "{detail}");
        let metrics = send(host.request(Method::GET, "/metrics").header(header, value)).await;
        metrics.problem(403, "foreign_request");
    }
    for (header, value) in [
        ("Host", "localhost:8000"),
        ("Host", "[::1]:8000"),
        ("Origin", "http://localhost:3000"),
        ("Origin", "http://127.0.0.1"),
    ] {
        send(host.request(Method::GET, path).header(header, value)).await.expect(200);
    }
    // A tunnel reaches what is public.
    let request = host.request(Method::POST, "/api/action/tutorial.times-two");
    let request = request.header("Host", "tunnel.example").header("X-Metagov-Community", "acme");
    send(request.json(&json!({ "parameters": { "value": 2 } }))).await.expect(200);
    send(host.request(Method::GET, "/healthz").header("Host", "tunnel.example")).await.expect(200);
}

#[tokio::test]
async fn without_a_key_what_came_through_a_proxy_is_turned_away() {
    let host = tutorial().await;
    for name in [
        "Forwarded",
        "Via",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Anything",
        "X-Real-Ip",
        "CF-Connecting-IP",
    ] {
        for path in ["/api/internal/community", "/metrics", "/openapi.json"] {
            let refused = send(host.request(Method::GET, path).header(name, "127.0.0.1")).await;
            let detail = refused.problem(403, "foreign_request");
            let names_it = detail.to_lowercase().contains(&name.to_lowercase());
            assert!(names_it && detail.contains("moothall key create"), "{detail}");
        }
        // What is public is meant to be reached so.
        send(host.request(Method::GET, "/healthz").header(name, "127.0.0.1")).await.expect(200);
    }
    let key = host.create_key("driver");
    keys_count(&host).await;
    let request = host.with_key(&key).request(Method::GET, "/api/internal/community");
    send(request.header("X-Forwarded-For", "203.0.113.1")).await.expect(200);
}

#[tokio::test]
async fn with_a_key_any_host_may_be_named() {
    let host = tutorial().await;
    let key = host.create_key("driver");
    keys_count(&host).await;
    let request = host.with_key(&key).request(Method::GET, "/api/internal/community");
    send(request.header("Host", "plugins.example")).await.expect(200);
}

#[tokio::test]
async fn with_a_key_drivers_name_this_machine_only_if_the_operator_allows_it() {
    for (toml, is_told) in [("", false), ("[http]\nloopback_callbacks = true", true)] {
        let receiver = Receiver::start().await;
        let host = TestHost::with(&["probe"]).toml(toml).start().await;
        host.community("acme", "probe", json!({})).await;
        let key = host.create_key("driver");
        keys_count(&host).await;
        let driver = host.with_key(&key);
        let put = json!({ "url": receiver.url });
        let put = driver.put("/api/internal/endpoints/driver", put).await;
        assert_eq!(put.status, if is_told { 200 } else { 400 }, "{}", put.text);
        let start = driver.request(Method::POST, "/api/internal/process/probe.vote");
        let start = start.header("X-Metagov-Community", "acme");
        let started = send(start.json(&json!({ "callback_url": receiver.url }))).await;
        started.expect(202);
        driver.delete(started.header("location")).await.expect(200);
        let shown = until("it was tried", async || {
            let all = driver.get("/api/internal/deliveries").await.expect(200);
            let tried = all["deliveries"].as_array()?.iter().find(|one| one["attempts"] != 0)?;
            Some(driver.get(&format!("/api/internal/deliveries/{}", tried["id"])).await)
        });
        let shown = shown.await.text;
        assert_eq!(shown.contains("loopback"), !is_told, "{shown}");
        assert_eq!(!receiver.received().is_empty(), is_told);
    }
}
