//! `wasi:http`, which other languages call `fetch`: it reaches only what is granted, under the same
//! limits as `http`.

use moothall_tests::{Receiver, Reply, TestHost, until};
use serde_json::{Value, json};

const GRANTED: &str =
    "[plugins.fetcher]\ngrants = { http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }\n";

async fn host(toml: &str, platform: &Receiver) -> TestHost {
    let host = TestHost::with(&["fetcher"]).toml(toml).start().await;
    host.community("acme", "fetcher", json!({ "server_url": platform.url })).await;
    host
}

async fn fetch(host: &TestHost, parameters: Value) -> Value {
    host.result("acme", "fetcher.fetch", parameters).await
}

async fn refused(host: &TestHost, parameters: Value) -> String {
    let answer = host.action("acme", "fetcher.fetch", parameters).await;
    answer.problem(503, "unavailable")
}

#[tokio::test]
async fn a_client_that_knows_nothing_of_the_host_sends_and_is_answered() {
    let platform = Receiver::start().await;
    let host = host(GRANTED, &platform).await;
    platform.script([Reply::With(201, "x-said", "hello".into())]);
    let body = "green tea, ";
    let asked = json!({
        "url": platform.url, "method": "POST", "body": body, "times": 50_000,
        "headers": { "x-asked": "twice", "content-type": "text/plain" }
    });
    let answer = fetch(&host, asked).await;
    assert_eq!(answer, json!({ "status": 201, "header": "hello", "body": "ok" }));
    let received = platform.received().pop().expect("one request");
    assert_eq!((received.path.as_str(), received.header("x-asked")), ("/events", "twice"));
    assert_eq!(received.header("content-type"), "text/plain");
    assert!(received.body == body.repeat(50_000).into_bytes(), "{} bytes", received.body.len());
}

#[tokio::test]
async fn what_is_not_granted_is_refused_and_says_what_to_add() {
    let platform = Receiver::start().await;
    let host = host("", &platform).await;
    // A client with a large body gets the refusal, too.
    let asked = json!({ "url": platform.url, "method": "POST", "body": "tea", "times": 100_000 });
    for asked in [json!({ "url": platform.url }), asked] {
        let said = refused(&host, asked).await;
        assert!(said.contains("[plugins.fetcher]"), "{said}");
    }
    // The operator sees it in the log, whatever the guest does.
    until("the log says it", async || {
        let log = host.logs();
        let is_warning = |line: &&str| line.contains("WARN") && line.contains("may not reach");
        (log.lines().filter(is_warning).count() >= 2).then_some(())
    })
    .await;
    assert_eq!(platform.received().len(), 0);
}

#[tokio::test]
async fn bodies_are_as_large_as_the_operator_allows() {
    let platform = Receiver::start().await;
    let limits = "[egress]\nrequest_bytes = 1000\nresponse_bytes = 1000\n";
    let host = host(&format!("{GRANTED}{limits}"), &platform).await;
    let post = |times: usize| json!({ "url": platform.url, "method": "POST", "body": "x", "times": times });
    assert_eq!(fetch(&host, post(1000)).await["status"], 200);
    let said = refused(&host, post(1001)).await;
    assert!(said.contains("HttpRequestBodySize"), "{said}");
    platform.script([Reply::Body(200, "y".repeat(1000)), Reply::Body(200, "y".repeat(1001))]);
    assert_eq!(fetch(&host, post(1)).await["body"], "y".repeat(1000));
    let said = refused(&host, post(1)).await;
    assert!(said.contains("HttpResponseBodySize"), "{said}");
    assert_eq!(platform.received().len(), 3);
}
