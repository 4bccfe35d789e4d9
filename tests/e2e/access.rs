//! Who may use which route: without a key, this machine; once a key was created, those who have
//! one.

use moothall_tests::{Answer, Driver, Receiver, TestHost, until};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

/// Routes that need no key by design: for platforms, browsers and supervisors, which have none. A
/// plugin decides about its own routes.
const PUBLIC: [&str; 11] = [
    "beginAuthorization",
    "callPluginRoute",
    "completeAuthorization",
    "completePostedAuthorization",
    "getHealth",
    "getReadiness",
    "performPublicAction",
    "performPublicTutorialTimes_two",
    "receivePlatformWebhook",
    "receiveWebhook",
    "receiveWebhookWithSlug",
];

/// One operation of `/openapi.json`, with some value for each parameter of its path: the answer
/// without access must not depend on whether it exists.
struct Operation {
    id: String,
    method: Method,
    path: String,
    /// Whether the document says that it needs a key.
    is_protected: bool,
}

async fn operations(driver: &Driver) -> Vec<Operation> {
    let document = driver.get("/openapi.json").await.expect(200);
    let paths = document["paths"].as_object().expect("paths").iter();
    let all = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").iter();
        methods.map(|(name, said)| Operation {
            id: said["operationId"].as_str().expect("an id").to_owned(),
            method: method(&name.to_uppercase()),
            path: path.replace("{slug}", "acme").replace(['{', '}'], ""),
            is_protected: said["security"][0]["key"].is_array(),
        })
    });
    all.collect()
}

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
async fn every_operation_needs_a_key_once_one_exists_but_those_that_are_public() {
    let host = tutorial().await;
    let operations = operations(&host).await;
    let key = host.create_key("driver");
    keys_count(&host).await;
    let mut public = Vec::new();
    for Operation { id, method, path, is_protected } in &operations {
        let answer = send(host.request(method.clone(), path)).await;
        if !is_protected {
            assert_ne!(answer.status, 401, "{id}");
            public.push(id.as_str());
            continue;
        }
        answer.problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{id}");
        for wrong in ["Bearer ", "Bearer mh_", "Bearer x", "Basic bWg6eA==", "mh_1_2"] {
            let request = host.request(method.clone(), path).header("Authorization", wrong);
            send(request).await.problem(401, "unauthorized");
        }
    }
    public.sort_unstable();
    assert_eq!(public, PUBLIC);
    assert!(operations.len() > 70, "{}", operations.len());
    // Last, because some of them delete what the others need.
    let driver = host.with_key(&key);
    for Operation { id, method, path, .. } in operations {
        let entered = send(driver.request(method, &path)).await;
        assert_ne!(entered.status, 401, "{id}");
    }
}

#[tokio::test]
async fn what_is_nowhere_needs_a_key_but_below_what_is_public() {
    let host = tutorial().await;
    host.create_key("driver");
    keys_count(&host).await;
    for path in ["/api/internal/nothing", "/API/internal/community", "/nothing", "/api/actions"] {
        host.get(path).await.problem(401, "unauthorized");
    }
    // An unknown method reveals no more than a known one.
    send(host.request(Method::PATCH, "/api/internal/community")).await.problem(401, "unauthorized");
    for path in ["/api/hooks/a/b/c/d", "/auth/tutorial/nothing", "/api/action/"] {
        host.get(path).await.problem(404, "not_found");
    }
    let wrong = send(host.request(Method::PATCH, "/api/action/tutorial.times-two")).await;
    wrong.problem(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "POST");
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
    // The receiver's own answer shows that it was reached.
    host.get("/api/hooks/acme/tutorial").await.problem(400, "invalid");
}

#[tokio::test]
async fn keys_come_and_go_while_the_host_runs_and_are_required_for_ever() {
    let mut host = tutorial().await;
    let (one, other) = (host.create_key("one"), host.create_key("other"));
    keys_count(&host).await;
    for key in [&one, &other] {
        until("the key is known", async || {
            let answer = host.with_key(key).get("/api/internal/community").await;
            (answer.status == 200).then_some(())
        })
        .await;
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

/// A request to a protected route, with these credentials or none.
async fn with_credentials(host: &TestHost, credentials: Option<&str>) -> Answer {
    let request = host.request(Method::GET, "/api/internal/community");
    send(match credentials {
        Some(credentials) => request.header("authorization", credentials),
        None => request,
    })
    .await
}

#[tokio::test]
async fn who_is_turned_away_is_told_whether_a_key_is_missing_misplaced_or_wrong() {
    let host = tutorial().await;
    let (key, revoked) = (host.create_key("driver"), host.create_key("old"));
    keys_count(&host).await;
    let listed = host.command(&["key", "list"]).succeeded();
    let old = listed.lines().find(|line| line.contains("old")).expect("the old key");
    host.command(&["key", "revoke", old.split('\t').next().expect("an id")]).succeeded();
    let of_revoked = format!("Bearer {revoked}");
    until("the old key is revoked", async || {
        (with_credentials(&host, Some(&of_revoked)).await.status == 401).then_some(())
    })
    .await;
    let (missing, scheme, wrong) =
        ("needs an API key: send", "the scheme is Bearer", "not known or was revoked");
    let invalid = "Bearer error=\"invalid_token\"";
    for (credentials, words, challenge) in [
        (None, missing, "Bearer"),
        (Some(format!("Bearer {key}x")), wrong, invalid),
        (Some(of_revoked), wrong, invalid),
        (Some("Bearer mh_0_0".to_owned()), wrong, invalid),
        (Some("bearer something-else".to_owned()), wrong, invalid),
        (Some(key.clone()), scheme, "Bearer"),
        (Some(format!("Token {key}")), scheme, "Bearer"),
        (Some("Basic bWg6eA==".to_owned()), scheme, "Bearer"),
        (Some("Bearer".to_owned()), scheme, "Bearer"),
    ] {
        let answer = with_credentials(&host, credentials.as_deref()).await;
        let detail = answer.problem(401, "unauthorized");
        assert!(detail.contains(words), "{credentials:?}: {detail}");
        assert_eq!(answer.header("www-authenticate"), challenge, "{credentials:?}");
        assert!(!answer.text.contains(&key), "a key is not repeated");
    }
    with_credentials(&host, Some(&format!("bearer {key}"))).await.expect(200);
    // Routes without a key ignore one.
    send(host.request(Method::GET, "/healthz").header("authorization", "Bearer wrong"))
        .await
        .expect(200);
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
    // Through a tunnel, public routes can be used.
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
        // Public routes may be used in this way.
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
        if !is_told {
            let detail = started.problem(400, "bad_request");
            assert!(detail.contains("loopback"), "{detail}");
            continue;
        }
        started.expect(202);
        driver.delete(started.header("location")).await.expect(200);
        until("the receiver has it", async || (!receiver.received().is_empty()).then_some(()))
            .await;
    }
}

#[tokio::test]
async fn what_a_key_had_stored_today_is_listed_with_it() {
    let mut host = TestHost::with(&[]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let (writer, _reader) = (host.create_key("writer"), host.create_key("reader"));
    let driver = host.with_key(&writer);
    let event = json!({ "community": "acme", "event_type": "a", "data": "x".repeat(1_000) });
    until("the host knows of the key", async || {
        (host.get("/api/internal/events").await.status == 401).then_some(())
    })
    .await;
    driver.post("/api/internal/events", event).await.expect(202);
    host.terminate();
    let listed = host.command(&["key", "list"]).succeeded();
    let of = |name: &str| {
        let line = listed.lines().find(|line| line.contains(name)).expect("a line of the key");
        let bytes = line.rsplit('\t').next().and_then(|last| last.split(' ').next());
        bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or(-1)
    };
    assert!((1_000..2_000).contains(&of("writer")), "{listed}");
    assert_eq!(of("reader"), 0, "{listed}");
}
