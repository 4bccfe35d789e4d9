//! Wrong requests: each is refused with its status, its code, and a detail that says what was
//! wrong, where, and what to do. The host does nothing that was not asked for, and no answer uses
//! terms of the program.

mod bodies;
mod everywhere;
mod heads;
mod missing;
mod mistakes;
mod names;

use moothall_tests::{Answer, TestHost, answer};
use reqwest::Method;
use serde_json::json;

const COMMUNITY: &str = "/api/internal/community";
const HOOK: &str = "org.example.thing.happening.v1";
/// Terms of Rust and its libraries.
const RUST: [&str; 12] = [
    "struct ",
    "expected struct",
    "invalid type",
    "invalid digit",
    "unknown field",
    "missing field",
    "deserialize",
    "enum ",
    "Option<",
    "serde",
    "unit variant",
    "ParseIntError",
];

/// Status, code, and texts in the detail.
type Refused = (u16, &'static str, &'static str);

async fn host() -> TestHost {
    let host = TestHost::with(&["tutorial", "probe"]).start().await;
    let plugins =
        json!([{ "name": "tutorial", "config": { "api_key": "k" } }, { "name": "probe" }]);
    host.put_community("acme", plugins).await.expect(201);
    host.put(&format!("/api/internal/hooks/{HOOK}"), json!({ "exceptions": ["Prevent"] }))
        .await
        .expect(201);
    host
}

async fn send(host: &TestHost, method: &str, path: &str, body: &str) -> Answer {
    send_with(host, method, path, &[("X-Metagov-Community", "acme")], body).await
}

async fn send_with(
    host: &TestHost,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let method: Method = method.parse().expect("a method");
    let mut request = host.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_empty() {
        request = request.header("content-type", "application/json").body(body.to_owned());
    }
    answer(request).await
}

#[track_caller]
fn refused(what: &str, answer: &Answer, (status, code, says): Refused) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text);
    let detail = answer.problem(status, code);
    assert!(detail.contains(says), "{what}: {detail}");
    for word in RUST {
        assert!(!answer.text.contains(word), "{what}: {}", answer.text);
    }
}
