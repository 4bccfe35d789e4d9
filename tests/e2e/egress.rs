//! Outbound HTTP: what a plugin can reach, with which secrets, and whom a slow platform delays.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use moothall_tests::{Receiver, TestHost, until};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "hunter2-hunter2";
const GRANTED: &str =
    "[plugins.probe]\ngrants = { http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
/// Longer than anything here takes, shorter than the timeout of a request that hangs.
const SOON: Duration = Duration::from_secs(5);

/// A platform on loopback. It keeps what it gets, and gives everybody the same answer, or none.
struct ScriptedPlatform {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl ScriptedPlatform {
    #[expect(
        clippy::disallowed_methods,
        reason = "a platform of a test: without it the test fails"
    )]
    async fn new(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let keep = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer, keep.clone()));
            }
        });
        Self { url: format!("http://127.0.0.1:{port}"), seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("nobody panicked").clone()
    }
}

async fn serve(mut stream: TcpStream, answer: Option<&'static str>, seen: Arc<Mutex<Vec<String>>>) {
    let mut request = vec![0; 4096];
    let bytes = stream.read(&mut request).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&request[..bytes]).into_owned();
    seen.lock().expect("nobody panicked").push(text);
    match answer {
        Some(answer) => drop(stream.write_all(answer.as_bytes()).await),
        // Until the other side gives up.
        None => drop(stream.read(&mut request).await),
    }
}

async fn host_with(toml: &str, server_url: &str) -> TestHost {
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({ "server_url": server_url, "token": SECRET })).await;
    host
}

async fn fetch(host: &TestHost, parameters: Value) -> Value {
    host.result("acme", "probe.fetch", parameters).await
}

#[tokio::test]
async fn a_denied_host_says_which_line_to_add_and_that_line_helps() {
    let platform = ScriptedPlatform::new(Some(OK)).await;
    let url = json!({ "url": format!("{}/?token={SECRET}", platform.url) });
    let mut host = host_with("", &platform.url).await;
    let detail = host.action("acme", "probe.fetch", url.clone()).await.problem(403, "forbidden");
    assert!(detail.contains("grants = { http = [\"config:/server_url\"] }"), "{detail}");
    assert!(detail.contains("[plugins.probe]") && !detail.contains(SECRET), "{detail}");

    host.set_toml("[plugins.probe]\ngrants = { http = [\"config:/server_url\"] }");
    host.restart().await;
    let detail = host.action("acme", "probe.fetch", url.clone()).await.problem(403, "forbidden");
    assert!(detail.contains("127.0.0.1 is a loopback address"), "{detail}");
    let line = "`cidr = [\"127.0.0.1/32\"]` into the `grants` of [plugins.probe]";
    assert!(detail.contains(line) && !detail.contains(SECRET), "{detail}");
    assert!(!detail.contains("allow_cidr"), "one plugin's request is no reason to open it to all");
    assert_eq!(platform.seen(), [""; 0]);

    host.set_toml(GRANTED);
    host.restart().await;
    assert_eq!(fetch(&host, url).await["body"], "ok");
    let elsewhere = json!({ "url": "http://127.0.0.1:1/" });
    host.action("acme", "probe.fetch", elsewhere).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let platform = ScriptedPlatform::new(Some(OK)).await;
    let named = platform.url.replace("127.0.0.1", "inside.test");
    let pin = "[egress]\nresolve = { \"inside.test\" = [\"93.184.215.14\", \"127.0.0.1\"] }\n";
    let grant = "[plugins.probe]\ngrants = { http = [\"config:/server_url\"] }";
    let host = host_with(&format!("{pin}{grant}"), &named).await;
    let refused = host.action("acme", "probe.fetch", json!({ "url": named })).await;
    let detail = refused.problem(403, "forbidden");
    assert!(detail.contains("`inside.test` resolves among others to 127.0.0.1"), "{detail}");
    assert_eq!(platform.seen(), [""; 0]);
}

#[tokio::test]
async fn no_request_reaches_a_metadata_address_by_either_import() {
    let pin = "[egress]\nresolve = { \"metadata.test\" = [\"169.254.169.254\"] }\n";
    let grants = ["probe", "fetcher"].map(|plugin| {
        format!("[plugins.{plugin}]\ngrants = {{ http = [\"config:/server_url\"] }}\n")
    });
    let toml = format!("{pin}{}", grants.concat());
    let host = TestHost::with(&["probe", "fetcher"]).toml(&toml).start().await;
    for (number, place) in
        ["169.254.169.254", "metadata.test", "[fd00:ec2::254]"].iter().enumerate()
    {
        let url = format!("http://{place}/latest/meta-data/");
        let community = format!("c{number}");
        let config = json!({ "server_url": url });
        let plugins = json!([
            { "name": "probe", "config": config }, { "name": "fetcher", "config": config },
        ]);
        host.put_community(&community, plugins).await.expect(201);
        let asked = || json!({ "url": url });
        let refused = host.action(&community, "probe.fetch", asked()).await;
        let by_http = refused.problem(403, "forbidden");
        let refused = host.action(&community, "fetcher.fetch", asked()).await;
        let by_wasi_http = refused.problem(503, "unavailable");
        for said in [by_http, by_wasi_http] {
            assert!(said.contains("metadata"), "{place}: {said}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_shown_and_not_followed() {
    let platform = ScriptedPlatform::new(Some(
        "HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ))
    .await;
    let host = host_with(GRANTED, &platform.url).await;
    assert_eq!(fetch(&host, json!({ "url": platform.url })).await["status"], 302);
    assert_eq!(platform.seen().len(), 1);
}

#[tokio::test]
async fn secrets_are_placed_for_the_platform_and_seen_by_nobody_else() {
    let platform = ScriptedPlatform::new(Some(OK)).await;
    let mut host = host_with(GRANTED, &platform.url).await;
    let places = [
        ("header", "x-key", format!("x-key: Bearer {SECRET}")),
        ("query", "key", format!("GET /?key={SECRET} ")),
        ("basic", "me", "authorization: Basic bWU6aHVudGVyMi1odW50ZXIy".to_owned()),
        ("basic-user", "pw", "authorization: Basic aHVudGVyMi1odW50ZXIyOnB3".to_owned()),
    ];
    for (place, name, expected) in places {
        let prefix = if place == "header" { "Bearer " } else { "" };
        let secret = json!({ "place": place, "name": name, "prefix": prefix, "pointer": "/token" });
        let answer = fetch(&host, json!({ "url": platform.url, "secret": secret })).await;
        assert!(!answer.to_string().contains(SECRET), "{answer}");
        let seen = platform.seen().pop().unwrap_or_default();
        assert!(seen.contains(&expected), "{expected} is not in {seen}");
    }
    host.terminate();
    assert!(!host.logs().contains(SECRET), "a secret is in the log");
}

/// `reveal` is not granted, so only the host can have sent the secret to the platform.
#[tokio::test]
async fn a_secret_is_placed_in_json_and_the_rest_of_the_body_stays_as_it_is_written() {
    let platform = Receiver::start().await;
    let mut host = host_with(GRANTED, &platform.url).await;
    let asked = |body: &str, pointer: &str| {
        let secret = json!({ "place": "json", "name": pointer, "pointer": "/token" });
        json!({ "method": "POST", "url": platform.url, "body": body, "secret": secret })
    };
    for (body, pointer, expected) in [
        ("{}", "/api_key", r#"{"api_key":"hunter2-hunter2"}"#),
        (
            r#"{"title":"a" ,"n":1.10, "big":18446744073709551617,"api_key":"old"}"#,
            "/api_key",
            r#"{"title":"a" ,"n":1.10, "big":18446744073709551617,"api_key":"hunter2-hunter2"}"#,
        ),
        (
            r#"{"auth":[{"a/b":{}}]}"#,
            "/auth/0/a~1b/key",
            r#"{"auth":[{"a/b":{"key":"hunter2-hunter2"}}]}"#,
        ),
    ] {
        let answer = fetch(&host, asked(body, pointer)).await;
        assert!(!answer.to_string().contains(SECRET), "{answer}");
        let received = platform.received().pop().expect("a request");
        assert_eq!(String::from_utf8_lossy(&received.body), expected);
        assert_eq!(received.header("content-type"), "application/json");
    }
    let sent = platform.received().len();
    for (body, pointer, reason) in [
        ("{}", "/auth/key", "the body has no `/auth`"),
        (r#"{"api_key":7}"#, "/api_key", "`/api_key` in the body is not a text"),
        (r#"{"api_key":null}"#, "/api_key", "`/api_key` in the body is not a text"),
        ("a=b", "/api_key", "the body cannot hold a secret: "),
        ("", "/api_key", "the body is empty"),
        ("{}", "api_key", "`api_key` is not a JSON Pointer"),
    ] {
        let refused = host.action("acme", "probe.fetch", asked(body, pointer)).await;
        let detail = refused.problem(400, "invalid");
        assert!(detail.contains(reason) && !detail.contains(SECRET), "{body} {pointer}: {detail}");
    }
    assert_eq!(platform.received().len(), sent, "what has no place is not sent");
    host.terminate();
    assert!(!host.logs().contains(SECRET), "a secret is in the log");
}

#[tokio::test]
async fn a_request_carries_sixteen_secrets_and_no_more() {
    let platform = ScriptedPlatform::new(Some(OK)).await;
    let host = host_with(GRANTED, &platform.url).await;
    let secret = json!({ "place": "header", "name": "x-key", "pointer": "/token" });
    let carrying =
        |times: usize| json!({ "url": platform.url, "secret": secret.clone(), "times": times });
    assert_eq!(fetch(&host, carrying(16)).await["status"], 200);
    let refused = host.action("acme", "probe.fetch", carrying(17)).await;
    let detail = refused.problem(400, "invalid");
    assert!(detail.contains("at most 16 secrets (http_placements)"), "{detail}");
    assert_eq!(platform.seen().len(), 1);
}

#[tokio::test]
async fn a_long_secret_is_refused_before_it_is_copied_into_a_request() {
    let platform = ScriptedPlatform::new(Some(OK)).await;
    let host = TestHost::with(&["probe"]).toml(GRANTED).start().await;
    let long = "x".repeat(200 << 10);
    let config = json!({ "server_url": platform.url, "token": long });
    host.community("acme", "probe", config).await;
    for (place, what) in
        [("header", "headers"), ("basic", "headers"), ("query", "URL"), ("form", "body")]
    {
        let secret = json!({ "place": place, "name": "k", "pointer": "/token" });
        let carrying =
            json!({ "method": "POST", "url": platform.url, "secret": secret, "times": 6 });
        let refused = host.action("acme", "probe.fetch", carrying).await;
        let detail = refused.problem(400, "invalid");
        assert!(detail.contains("at most") && detail.contains(what), "{place}: {detail}");
    }
    let body = format!("{{\"note\":\"{}\"}}", "x".repeat(900 << 10));
    let secret = json!({ "place": "json", "name": "/k", "pointer": "/token" });
    let carrying = json!({ "method": "POST", "url": platform.url, "body": body, "secret": secret });
    let refused = host.action("acme", "probe.fetch", carrying).await;
    let detail = refused.problem(400, "invalid");
    assert!(detail.contains("the request's body has") && detail.contains("at most"), "{detail}");
    assert_eq!(platform.seen(), [""; 0]);
}

#[tokio::test]
async fn the_secrets_that_a_call_holds_are_its_plugin_s_memory() {
    let platform = ScriptedPlatform::new(Some(OK)).await;
    let limits = "[limits]\nmemory_per_plugin_bytes = 4600000\n";
    let host = TestHost::with(&["probe"]).toml(&format!("{limits}{GRANTED}")).start().await;
    let long = "x".repeat(240 << 10);
    host.community("acme", "probe", json!({ "server_url": platform.url, "token": long })).await;
    let secret = json!({ "place": "form", "name": "k", "pointer": "/token" });
    let carrying = |times: usize| json!({ "method": "POST", "url": platform.url, "secret": secret.clone(), "times": times });
    assert_eq!(fetch(&host, carrying(1)).await["status"], 200);
    let refused = host.action("acme", "probe.fetch", carrying(16)).await;
    let detail = refused.problem(503, "overloaded");
    assert!(detail.contains("memory_per_plugin_bytes"), "{detail}");
    assert_eq!(fetch(&host, carrying(1)).await["status"], 200, "it is given back");
}

#[tokio::test]
async fn a_dry_run_sends_only_what_it_is_asked_to() {
    let platform = ScriptedPlatform::new(Some(OK)).await;
    let host = host_with(GRANTED, &platform.url).await;
    let secret = json!({ "place": "query", "name": "key", "pointer": "/token" });
    let parameters = json!({ "url": platform.url, "secret": secret });
    let run = |query: &str| {
        let action = format!("probe.fetch?dry_run=true{query}");
        let (host, parameters) = (&host, parameters.clone());
        async move { host.action("acme", &action, parameters).await }
    };
    let detail = run("").await.problem(403, "forbidden");
    assert!(detail.contains("allow_http=true"), "{detail}");
    assert_eq!(platform.seen(), [""; 0]);
    let shown = run("&allow_http=true").await.expect(200);
    let url = format!("{}/", platform.url);
    let sent = json!([{ "method": "GET", "url": url, "status": 200 }]);
    assert_eq!(shown["effects"]["http"], sent);
}

#[tokio::test]
async fn a_slow_platform_holds_up_nobody_else() {
    let (slow, quick) = (ScriptedPlatform::new(None).await, ScriptedPlatform::new(Some(OK)).await);
    let host = host_with(GRANTED, &slow.url).await;
    host.community("quick", "probe", json!({ "server_url": quick.url })).await;
    let hung = host.action("acme", "probe.fetch", json!({ "url": slow.url, "timeout_ms": 1500 }));
    let others = async {
        until("the slow platform is asked", async || (!slow.seen().is_empty()).then_some(())).await;
        let quick = host.result("quick", "probe.fetch", json!({ "url": quick.url }));
        tokio::time::timeout(SOON, quick).await.expect("nothing waits for the slow platform")
    };
    let (hung, quick) = tokio::join!(hung, others);
    assert_eq!(quick["body"], "ok");
    let detail = hung.problem(503, "unavailable");
    assert!(detail.contains("out of time while waiting for the answer"), "{detail}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused() {
    let platform =
        ScriptedPlatform::new(Some("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\nx")).await;
    let host = host_with(GRANTED, &platform.url).await;
    let refused = host.action("acme", "probe.fetch", json!({ "url": platform.url })).await;
    let detail = refused.problem(503, "unavailable");
    assert!(detail.contains("more than 1048576 bytes"), "{detail}");
}

#[tokio::test]
async fn a_call_sends_no_more_requests_than_its_quota() {
    let platform = ScriptedPlatform::new(Some(OK)).await;
    let quota = format!("{GRANTED}\nlimits = {{ http_requests = 1 }}");
    let host = host_with(&quota, &platform.url).await;
    let two = json!({ "before": [platform.url], "url": platform.url });
    let refused = host.action("acme", "probe.fetch", two).await;
    let detail = refused.problem(409, "conflict");
    assert!(detail.contains("http_requests"), "{detail}");
    assert_eq!(platform.seen().len(), 1);
}
