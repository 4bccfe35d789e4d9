//! The SDK's in-memory host, with which authors test, compared with the real one: the same calls of
//! the same plugin have the same results, except for documented differences.

mod configs;
mod platforms;
mod results;

use std::collections::BTreeMap;

use moothall_sdk::testing::{Answer as Scripted, Host, ProcessStatus};
use moothall_sdk::{ErrorKind, WebhookRequest, WebhookResponse};
use moothall_tests::{Receiver, TestHost};
use probe::Probe;
use serde_json::{Value, json};

const SECRET: &str = "hunter2-hunter2";

/// The result of a call: its answer, or the kind of its error.
type Outcome = Result<Value, String>;

fn code(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::Invalid => "invalid",
        ErrorKind::Unauthorized => "unauthorized",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::NotFound => "not_found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Internal => "internal",
        ErrorKind::Other(own) => own,
    }
    .to_owned()
}

/// There are fewer kinds of errors than codes: a refusal by a schema has one kind for each side.
fn in_short(code: &str) -> String {
    match code {
        "invalid_parameters" | "invalid_config" => "invalid",
        "plugin_bad_output" => "internal",
        other => other,
    }
    .to_owned()
}

struct Pair {
    real: TestHost,
    in_memory: Host<Probe>,
    platform: Receiver,
}

impl Pair {
    async fn new() -> Self {
        let platform = Receiver::start().await;
        let config = json!({ "server_url": platform.url, "token": SECRET, "note": "a note" });
        let toml = "[plugins.probe]\nsettings = { region = \"eu\", client_secret = \"s\" }\n\
                    grants = { reveal = [\"/token\"], http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }";
        let real = TestHost::with(&["probe"]).toml(toml).start().await;
        real.community("acme", "probe", config.clone()).await;
        let settings = json!({ "region": "eu", "client_secret": "s" });
        let mut in_memory = Host::new(Probe).config(config).settings(settings).community("acme");
        in_memory.enable().expect("it is enabled");
        Self { real, in_memory, platform }
    }

    /// Performs the same action on both.
    async fn action(&mut self, slug: &str, parameters: Value) -> (Outcome, Outcome) {
        let answer = self.real.action("acme", &format!("probe.{slug}"), parameters.clone()).await;
        let body = answer.json();
        let real = if answer.status == 200 {
            Ok(body)
        } else {
            Err(in_short(body["code"].as_str().unwrap_or_default()))
        };
        let in_memory = self.in_memory.action(slug, parameters);
        (real, in_memory.map_err(|error| code(error.kind())))
    }

    async fn agree(&mut self, slug: &str, parameters: Value) -> Outcome {
        let (real, in_memory) = self.action(slug, parameters.clone()).await;
        assert_eq!(in_memory, real, "{slug} {parameters}: in memory, and the real one");
        real
    }

    /// Checks that both have the same state, key by key.
    async fn agree_on_state(&mut self) {
        let keys = self.agree("keys", json!({})).await.expect("the keys");
        for key in keys["keys"].as_array().expect("a list").clone() {
            drop(self.agree("get", json!({ "key": key })).await);
        }
    }

    async fn agree_on_process(&self, location: &str, id: &str) {
        let real = self.real.get(location).await.expect(200);
        let one = self.in_memory.process(id).expect("the process");
        let status = match one.status {
            ProcessStatus::Created => "created",
            ProcessStatus::Pending => "pending",
            ProcessStatus::Completed => "completed",
        };
        // The real host shows a moment in milliseconds, the other as the plugin wrote it.
        let closing_at = one.closing_at.as_ref().map(|at| at.replace('Z', ".000Z"));
        assert_eq!(
            json!([status, one.outcome, one.errors, one.url, closing_at]),
            json!([
                real["status"],
                real["outcome"],
                real["errors"],
                real["url"],
                real["closing_at"]
            ])
        );
    }

    /// The type, data and initiator of each event, in order.
    async fn agree_on_events(&self) {
        let page = self.real.get("/api/internal/events?limit=100").await.expect(200);
        let real = page["events"].as_array().expect("a list").iter();
        let mut real: Vec<Value> =
            real.map(|one| json!([one["event_type"], one["data"], one["initiator"]])).collect();
        let in_memory = self.in_memory.events().iter();
        let mut in_memory: Vec<Value> =
            in_memory.map(|one| json!([one.event_type, one.data, one.initiator])).collect();
        // A page may begin with the newest.
        real.sort_by_key(Value::to_string);
        in_memory.sort_by_key(Value::to_string);
        assert_eq!(in_memory, real);
    }
}

#[tokio::test]
async fn state_is_kept_alike() {
    let mut pair = Pair::new().await;
    let long = "k".repeat(600);
    for (slug, parameters) in [
        ("get", json!({ "key": "missing" })),
        ("put", json!({ "key": "a", "value": { "n": [1, 2.5, "x"], "e": {} } })),
        ("put", json!({ "key": "nothing", "value": null })),
        ("get", json!({ "key": "nothing" })),
        ("put", json!({ "key": "a%b", "value": 1 })),
        ("put", json!({ "key": "a_b", "value": 2 })),
        ("put", json!({ "key": "é", "value": "ü" })),
        ("put", json!({ "key": "Z", "value": 18_446_744_073_709_551_615_u64 })),
        ("put", json!({ "key": "", "value": 1 })),
        ("put", json!({ "key": long, "value": 1 })),
        ("put", json!({ "key": "large", "value": "x".repeat(300 << 10) })),
        ("keys", json!({})),
        ("keys", json!({ "prefix": "a" })),
        ("keys", json!({ "prefix": "a%" })),
        ("keys", json!({ "prefix": "a_" })),
        ("keys", json!({ "prefix": "none" })),
        ("remove", json!({ "key": "a_b" })),
        ("remove", json!({ "key": "a_b" })),
        ("increment", json!({ "key": "count", "by": 3 })),
        ("transfer", json!({ "from": "count", "to": "other", "amount": 2 })),
        ("transfer", json!({ "from": "count", "to": "other", "amount": 2 })),
    ] {
        drop(pair.agree(slug, parameters).await);
    }
    pair.agree_on_state().await;
}

#[tokio::test]
async fn events_are_emitted_alike() {
    let mut pair = Pair::new().await;
    let mut ids: BTreeMap<&str, Vec<(Outcome, Outcome)>> = BTreeMap::new();
    for (dedupe_key, number) in [("x", 1), ("y", 2), ("x", 3)] {
        let event = json!({
            "event_type": "counted", "data": { "value": number }, "dedupe_key": dedupe_key
        });
        ids.entry(dedupe_key).or_default().push(pair.action("emit", event).await);
    }
    let [(first, in_memory), (again, in_memory_again)] = &ids["x"][..] else { panic!("{ids:?}") };
    assert!(first == again && in_memory == in_memory_again, "{ids:?}");
    for parameters in [
        json!({ "event_type": "", "data": {} }),
        json!({ "event_type": "slash/ed", "data": {} }),
        json!({ "event_type": "t".repeat(101), "data": {} }),
        json!({ "event_type": "counted", "data": { "value": 4 }, "dedupe_key": "" }),
        json!({ "event_type": "counted", "data": { "value": 4 }, "dedupe_key": "d".repeat(201) }),
        json!({ "event_type": "free", "data": "x".repeat(300 << 10) }),
    ] {
        assert!(pair.agree("emit", parameters.clone()).await.is_err(), "{parameters}");
    }
    let failing = json!({ "event_type": "counted", "data": { "value": 5 } });
    assert_eq!(pair.agree("emit-then-fail", failing).await, Err("conflict".to_owned()));
    let data = json!({ "event_type": "free", "data": [1, null], "initiator": { "id": 7 } });
    assert!(pair.action("emit", data).await.1.is_ok());
    pair.agree_on_events().await;
    pair.agree_on_state().await;
}

#[tokio::test]
async fn the_surroundings_are_alike() {
    let mut pair = Pair::new().await;
    for slug in ["reveal", "settings"] {
        assert!(pair.agree(slug, json!({})).await.is_ok());
    }
    let (real, in_memory) = pair.action("whoami", json!({})).await;
    let (real, in_memory) = (real.expect("a plugin"), in_memory.expect("a plugin"));
    for field in ["community", "community_platform_id", "origin", "config"] {
        assert_eq!(in_memory[field], real[field], "{field}");
        assert_ne!(real[field], Value::Null, "{field}");
    }
    // One is named like its community, which the other host cannot know.
    for field in ["community_name", "call", "request_id"] {
        assert!(in_memory[field].is_string() && real[field].is_string(), "{field}");
    }
    for whoami in [&in_memory, &real] {
        assert!(whoami["instance"].as_u64() > Some(0), "{whoami}");
    }
}

#[tokio::test]
async fn requests_are_sent_alike() {
    let mut pair = Pair::new().await;
    let url = pair.platform.url.clone();
    let secret = |place: &str, name: &str, pointer: &str| json!({ "place": place, "name": name, "prefix": "", "pointer": pointer });
    let places = [
        ("header", "x-key"),
        ("query", "key"),
        ("form", "key"),
        ("basic", "me"),
        ("basic-user", "pw"),
        ("json", "/auth/key"),
    ];
    for (place, name) in places {
        let (body, kind) = match place {
            "json" => (r#"{"auth":{ "n":1.10 }}"#, "application/json"),
            _ => ("a=1", "application/x-www-form-urlencoded"),
        };
        pair.in_memory.script("POST", &url, Scripted::ok().body("ok"));
        let asked = json!({
            "method": "POST", "url": url, "body": body, "secret": secret(place, name, "/token"),
            "headers": { "x-asked": "1", "content-type": kind }
        });
        let (real, in_memory) = pair.action("fetch", asked).await;
        let (real, in_memory) = (real.expect("an answer"), in_memory.expect("an answer"));
        assert_eq!((&in_memory["status"], &in_memory["body"]), (&real["status"], &real["body"]));
        let received = pair.platform.received().pop().expect("a request");
        let sent = pair.in_memory.sent().last().expect("a request");
        assert!(sent.url.ends_with(&received.path), "{place}: {} {}", sent.url, received.path);
        assert_eq!(sent.body, received.body, "{place}");
        for (name, value) in &sent.headers {
            assert_eq!(
                received.header(&name.to_ascii_lowercase()),
                value.as_str(),
                "{place}: {name}"
            );
        }
    }
    let capitals = url.replacen("http", "HTTP", 1);
    pair.in_memory.script("GET", &capitals, Scripted::ok().body("ok"));
    let (real, in_memory) = pair.action("fetch", json!({ "url": capitals })).await;
    assert_eq!(in_memory.expect("an answer")["status"], real.expect("an answer")["status"]);
    for parameters in [
        json!({ "url": "https://elsewhere.example/" }),
        json!({ "url": "ftp://127.0.0.1/" }),
        json!({ "url": "nonsense" }),
        json!({ "url": url, "secret": secret("header", "x-key", "/missing") }),
        json!({ "url": url, "secret": secret("header", "x-key", "missing") }),
        json!({ "url": url, "body": "a=1", "secret": secret("json", "/key", "/token") }),
        json!({ "url": url, "body": "{}", "secret": secret("json", "/a/key", "/token") }),
        json!({ "url": url, "body": r#"{"key":1}"#, "secret": secret("json", "/key", "/token") }),
    ] {
        assert!(pair.agree("fetch", parameters.clone()).await.is_err(), "{parameters}");
    }
}

#[tokio::test]
async fn webhooks_are_received_alike() {
    let mut pair = Pair::new().await;
    for (kind, says) in [("echo", 201), ("none", 200), ("emit", 200)] {
        let request = pair.real.request(reqwest::Method::POST, "/api/hooks/acme/probe?a=1&a=2");
        let request = request.header("x-probe", kind).body("hello");
        let real = moothall_tests::answer(request).await;
        assert_eq!(real.status, says, "{}", real.text);
        let headers = vec![("x-probe".to_owned(), kind.to_owned())];
        let request = WebhookRequest {
            method: "POST".into(),
            path: "/api/hooks/acme/probe".into(),
            query: "a=1&a=2".into(),
            headers,
            body: b"hello".to_vec(),
        };
        let in_memory = pair.in_memory.webhook(request).expect("it is received");
        let echo = WebhookResponse::status(real.status).header("x-probe-answer", "echo");
        let echo = echo.body(real.text.as_bytes());
        assert_eq!(in_memory, (kind == "echo").then_some(echo));
    }
    pair.agree("get", json!({ "key": "webhooks" })).await.expect("a count");
    pair.agree_on_events().await;
}

#[tokio::test]
async fn processes_run_alike() {
    let mut pair = Pair::new().await;
    for (parameters, starts, closes) in [
        (json!({ "note": true }), true, true),
        (json!({ "url": "https://vote.example/1" }), true, true),
        (json!({ "closing_at": "2100-01-01T00:00:00Z" }), true, true),
        (json!({ "closing_at": "soon" }), false, false),
        (json!({ "complete_in_start": true }), true, false),
        (json!({ "fail": "start" }), false, false),
        (json!({ "fail": "close" }), true, false),
    ] {
        let request = pair.real.request(reqwest::Method::POST, "/api/internal/process/probe.vote");
        let request = request.header("X-Metagov-Community", "acme").json(&parameters);
        let real = moothall_tests::answer(request).await;
        let in_memory = pair.in_memory.start("vote", &parameters);
        assert_eq!((real.status < 300, in_memory.is_ok()), (starts, starts), "{}", real.text);
        let Ok(id) = in_memory else {
            let kind = in_memory.map_err(|error| code(error.kind()));
            assert_eq!(kind.err().as_deref(), real.json()["code"].as_str(), "{parameters}");
            continue;
        };
        let location = real.header("location");
        pair.agree_on_process(location, &id).await;
        assert_eq!(pair.in_memory.close(&id).is_ok(), closes, "{parameters}");
        assert_eq!(pair.real.delete(location).await.status == 200, closes, "{parameters}");
        pair.agree_on_process(location, &id).await;
    }
    // What the first one wrote with its plugin's configuration, settings and events.
    pair.agree_on_events().await;
    pair.agree_on_state().await;
    let noted = pair.agree("get", json!({ "key": "noted" })).await;
    assert_eq!(noted, Ok(json!({ "value": ["a note", "eu", "/token"] })));
}

/// Schemas of parameters and events have the same effect in both hosts.
#[tokio::test]
async fn parameters_are_checked_and_filled_in_alike() {
    let mut pair = Pair::new().await;
    for (slug, parameters) in [
        ("increment", json!({ "key": "count" })),
        ("increment", json!({ "key": 1 })),
        ("increment", json!({})),
        ("keys", json!({})),
        ("put", json!({ "key": "a" })),
        ("transfer", json!({ "from": "count", "to": "other", "amount": "1" })),
        ("emit", json!({ "event_type": "counted", "data": { "value": "x" } })),
    ] {
        drop(pair.agree(slug, parameters).await);
    }
    pair.agree_on_state().await;
    pair.agree_on_events().await;
}
