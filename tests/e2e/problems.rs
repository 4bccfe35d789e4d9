//! Failures before any plugin is reached: always `application/problem+json`, with one sentence.

use moothall_tests::{Answer, Driver, TestHost};
use reqwest::Method;
use reqwest::RequestBuilder;
use serde_json::json;

async fn send(request: RequestBuilder) -> Answer {
    Answer::read(request.send().await.expect("the host answers")).await.expect("a whole answer")
}

#[tokio::test]
async fn an_unknown_route_and_a_wrong_method_are_problems() {
    let host = TestHost::with(&[]).start().await;
    for path in ["/nothing", "/api/internal/nothing", "/api/hooks/a/b", "/api/internal/action"] {
        host.get(path).await.problem(404, "not_found");
    }
    let wrong = host.get("/api/internal/action/a.b").await;
    wrong.problem(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "POST");
    let wrong = host.post("/api/internal/community/acme", json!({})).await;
    wrong.problem(405, "method_not_allowed");
    for method in ["GET", "PUT", "DELETE"] {
        assert!(wrong.header("allow").contains(method), "{}", wrong.header("allow"));
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_or_has_another_shape_is_a_problem() {
    let host = TestHost::with(&["tutorial"]).start().await;
    let put = |body: &'static str| {
        let request = host.request(Method::PUT, "/api/internal/community/acme");
        send(request.header("Content-Type", "application/json").body(body))
    };
    for body in ["{", "{} x", "\u{feff}{}"] {
        put(body).await.problem(400, "malformed_json");
    }
    for body in [
        "[]",
        "\"text\"",
        r#"{"plugins": {}}"#,
        r#"{"slug": 1}"#,
        r#"{"plugins": [{"config": {}}]}"#,
    ] {
        put(body).await.problem(400, "bad_request");
    }
    let request = host.request(Method::PUT, "/api/internal/community/acme");
    send(request.body(&b"\xff\xfe"[..])).await.problem(400, "malformed_json");
    host.get("/api/internal/community/acme").await.expect(404);
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_problem_with_or_without_its_length() {
    let host = TestHost::with(&[]).toml("[http]\nbody_bytes = 1000").start().await;
    let path = "/api/internal/community/acme";
    let name = "x".repeat(2_000);
    host.put(path, json!({ "readable_name": name })).await.problem(413, "body_too_large");
    host.put(path, json!({ "readable_name": "short" })).await.expect(201);
}

#[tokio::test]
async fn the_body_limit_is_one_mebibyte_if_nothing_is_said() {
    let host = TestHost::with(&["raw"]).start().await;
    host.community("acme", "raw", json!({})).await;
    let parameters = |bytes: usize| json!({ "text": "x".repeat(bytes) });
    let sent = parameters((1 << 20) - 100);
    assert_eq!(host.result("acme", "raw.echo", sent.clone()).await, sent);
    host.action("acme", "raw.echo", parameters(1 << 20)).await.problem(413, "body_too_large");
}

#[tokio::test]
async fn json_that_is_nested_without_end_is_a_problem() {
    let host = TestHost::with(&["raw"]).start().await;
    host.community("acme", "raw", json!({})).await;
    let deep =
        format!("{{\"parameters\":{{\"x\":{}{}}}}}", "[".repeat(200_000), "]".repeat(200_000));
    let request = host.request(Method::POST, "/api/internal/action/raw.echo");
    let request = request.header("X-Metagov-Community", "acme").body(deep);
    send(request).await.problem(400, "malformed_json");
}

/// Opens a connection and sends only this; returns all that comes back until the host closes it.
fn raw(host: &TestHost, sent: &str) -> String {
    use std::io::{Read, Write};
    let address = host.url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).expect("the host listens");
    let patience = std::time::Duration::from_secs(20);
    stream.set_read_timeout(Some(patience)).expect("a timeout can be set");
    stream.write_all(sent.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the host closes the connection");
    answer
}

#[tokio::test]
async fn clients_that_stop_sending_are_let_go() {
    let toml = "[http]\nhead_ms = 300\nbody_ms = 300";
    let host = TestHost::with(&[]).toml(toml).start().await;
    raw(&host, "GET /healthz HT");
    let late = raw(
        &host,
        "PUT /api/internal/community/acme HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{",
    );
    assert!(late.starts_with("HTTP/1.1 408") && late.contains("body_too_slow"), "{late}");
    // On a new connection, because the host has closed the earlier one, too.
    let other = Driver::new(host.url.clone());
    other.get("/api/internal/community/acme").await.expect(404);
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let host = TestHost::with(&[]).start().await;
    let given = send(host.request(Method::GET, "/healthz").header("X-Request-Id", "mine-1")).await;
    assert_eq!(given.header("x-request-id"), "mine-1");
    let refused =
        send(host.request(Method::GET, "/nothing").header("X-Request-Id", "mine-2")).await;
    refused.problem(404, "not_found");
    assert_eq!(refused.json()["request_id"], "mine-2");

    let (one, other) = (host.get("/healthz").await, host.get("/healthz").await);
    assert!(!one.header("x-request-id").is_empty());
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    let long = "x".repeat(1_000);
    let replaced = send(host.request(Method::GET, "/healthz").header("X-Request-Id", &long)).await;
    assert_ne!(replaced.header("x-request-id"), long);
}

#[tokio::test]
async fn a_failure_tells_nothing_of_the_machine() {
    let host = TestHost::with(&["misbehaving"]).start().await;
    host.community("acme", "misbehaving", json!({})).await;
    let answers = [
        host.action("acme", "misbehaving.panic-now", json!({})).await,
        host.action("acme", "misbehaving.nothing", json!({})).await,
        host.put_community("a'; DROP TABLE state; --", json!([])).await,
        host.get("/api/internal/community?after='").await,
    ];
    for answer in answers {
        for inside in ["/root/", "/tmp/", "SELECT", "sqlite", "backtrace", ".rs:"] {
            assert!(!answer.text.contains(inside), "'{inside}' in {}", answer.text);
        }
    }
}
