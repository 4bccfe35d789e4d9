//! Plugins' own routes: where they are mounted, who may use them, what they get.

use moothall_tests::TestHost;
use reqwest::Method;
use serde_json::json;

async fn host() -> TestHost {
    let host = TestHost::with(&["backstage", "resident"])
        .toml("[plugins.resident]\nscope = \"host\"\nsettings = { label = \"blue\" }")
        .start()
        .await;
    host.community("acme", "backstage", json!({})).await;
    host
}

#[tokio::test]
async fn a_public_route_answers_anybody() {
    let host = host().await;
    host.create_key("driver");
    let teapot = host.get("/api/plugins/backstage/acme/teapot").await;
    assert_eq!((teapot.status, teapot.text.as_str()), (418, "I'm a teapot"));
    assert!(teapot.header("content-type").starts_with("text/plain"));
    assert!(teapot.header("content-security-policy").starts_with("sandbox"));
    assert_eq!(host.get("/api/plugins/resident/count").await.expect(200)["label"], "blue");
}

#[tokio::test]
async fn a_drivers_route_needs_a_key_that_the_plugin_does_not_see() {
    let host = host().await;
    let key = host.create_key("driver");
    let path = "/api/plugins/backstage/acme/stories/a%2Fb/items/%C3%A9?x=1";
    moothall_tests::until("the key is noticed", async || {
        (host.get(path).await.status == 401).then_some(())
    })
    .await;
    let request = host.with_key(&key).request(Method::POST, path).body("hello");
    let answer = moothall_tests::answer(request).await.expect(200);
    assert_eq!(
        answer,
        json!({
            "method": "POST", "query": "x=1", "body": "hello", "id": "a/b", "item": "é",
            "saw_authorization": false,
        })
    );
}

#[tokio::test]
async fn a_public_route_does_not_tell_which_plugins_and_communities_there_are() {
    let host = host().await;
    host.put_community("bare", json!([])).await.expect(201);
    let mut details = Vec::new();
    for path in [
        "/api/plugins/backstage/bare/teapot",
        "/api/plugins/backstage/nobody/teapot",
        "/api/plugins/backstage/acme/teapot?community_platform_id=x",
        "/api/plugins/ghost/acme/teapot",
    ] {
        details.push(host.get(path).await.problem(404, "not_found"));
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
    std::fs::remove_file(host.plugin_file("backstage.wasm")).expect("a file");
    for community in ["acme", "nobody"] {
        let path = format!("/api/plugins/backstage/{community}/teapot");
        let away = moothall_tests::until("the plugin is away", async || {
            let answer = host.get(&path).await;
            (answer.status == 503).then_some(answer)
        });
        away.await.problem(503, "plugin_unavailable");
    }
}

#[tokio::test]
async fn what_is_not_there_says_what_is() {
    let host = host().await;
    for (path, status) in [
        ("/api/plugins/backstage/acme/nothing", 404),
        ("/api/plugins/backstage/nobody/teapot", 404),
        ("/api/plugins/backstage", 404),
        ("/api/plugins/ghost/acme/teapot", 404),
        ("/api/plugins/backstage/acme/stories//items/1", 404),
        ("/api/plugins/backstage/acme/fail", 500),
    ] {
        assert_eq!(host.get(path).await.status, status, "{path}");
    }
    let wrong = host.delete("/api/plugins/backstage/acme/teapot").await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "GET"));
    let foreign = host
        .request(Method::GET, "/api/plugins/backstage/acme/stories/1/items/2")
        .header("origin", "https://evil.test");
    assert_eq!(moothall_tests::answer(foreign).await.status, 403);
}

#[tokio::test]
async fn head_is_answered_as_get_is_without_a_body_and_changes_nothing() {
    let host = host().await;
    let path = "/api/plugins/backstage/acme/visits";
    for _ in 0..2 {
        let head = moothall_tests::answer(host.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.text.as_str(), head.header("x-visits")), (200, "", "1"));
        assert_eq!(head.header("content-type"), "application/json");
    }
    assert_eq!(host.get(path).await.expect(200), json!({ "visits": 1, "method": "GET" }));
}

#[tokio::test]
async fn the_headers_of_an_answer_are_bounded_in_number_and_bytes() {
    let host = host().await;
    let headers = async |count: usize, bytes: usize| {
        host.get(&format!("/api/plugins/backstage/acme/headers/{count}/{bytes}")).await
    };
    // Clients accept a hundred headers, including the host's.
    assert_eq!(headers(80, 600).await.header("x-79").len(), 600);
    let many = headers(81, 1).await.problem(502, "plugin_limit");
    assert!(many.contains("response_headers"), "{many}");
    let large = headers(80, 900).await.problem(502, "plugin_limit");
    assert!(large.contains("response_header_bytes"), "{large}");
}

#[tokio::test]
async fn a_header_that_is_not_sent_is_told_in_the_log() {
    let host = host().await;
    for (name, value, said) in [
        ("set-cookie", "a=b", "the host sets it itself"),
        ("content-length", "3", "the host sets it itself"),
        ("x bad", "1", "its name is not one of HTTP"),
        ("x-line", "a%0Ab", "its value has a line break"),
    ] {
        let name_sent = name.replace(' ', "%20");
        let path = format!("/api/plugins/backstage/acme/header?name={name_sent}&value={value}");
        let answer = host.get(&path).await;
        assert_eq!((answer.status, answer.header("x-kept")), (200, "yes"), "{name}");
        moothall_tests::until("the log names the header", async || {
            let log = host.logs();
            let named = |line: &str| line.contains(&format!("{name:?} ({said}"));
            log.lines().any(|line| line.contains("WARN") && named(line)).then_some(())
        })
        .await;
    }
}
