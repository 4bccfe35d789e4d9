//! What the host sends, checked by libraries that others wrote.

use std::path::Path;

use moothall_tests::node::{self, Script};
use moothall_tests::{Receiver, TestHost, python};
use serde_json::{Value, json};

#[tokio::test]
async fn the_reference_libraries_of_standard_webhooks_and_svix_accept_deliveries() {
    let receiver = Receiver::start().await;
    let setup = TestHost::with(&[]).env("DRIVER_EVENT_RECEIVER_URL", &receiver.url);
    let host = setup.start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let rotated = host.post("/api/internal/endpoints/driver/rotate-secret", json!({})).await;
    let secret = rotated.expect(200)["secret"].clone();
    let event = json!({ "community": "acme", "event_type": "noted", "data": { "text": "grüße" } });
    host.post("/api/internal/events", event).await.expect(202);
    let delivery = receiver.wait_for(1).await.remove(0);
    let input = json!({
        "secret": secret,
        "headers": delivery.headers,
        "body": String::from_utf8(delivery.body.clone()).expect("a body of JSON"),
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/verify_delivery.py");
    assert_eq!(python::run("python3", &[&script], &input.to_string()), Ok(()));
    assert_eq!(node::run("verify_delivery.mjs", &input.to_string()), Ok(()));
}

/// How often the host is started.
const STARTS: usize = 3;
/// Events of each of its runs.
const EVENTS: usize = 20;

#[tokio::test]
async fn a_real_event_source_hears_each_event_once_whatever_becomes_of_the_host() {
    let mut host = TestHost::with(&[]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let address = host.url.strip_prefix("http://").expect("a URL").to_owned();
    host.set_listen(&address);
    let url = format!("{}/api/internal/events", host.url);
    let mut source = Script::start("listen.mjs", &[&url]);
    assert_eq!(source.line().await, "open");
    let mut heard = Vec::new();
    for run in 0..STARTS {
        for number in 0..EVENTS {
            let data = json!({ "number": run * EVENTS + number, "text": "two\nlines" });
            let event = json!({ "community": "acme", "event_type": "noted", "data": data });
            host.post("/api/internal/events", event).await.expect(202);
        }
        match run {
            0 => host.terminate(),
            1 => host.kill_9(),
            _ => break,
        }
        host.restart().await;
    }
    while heard.len() < STARTS * EVENTS {
        let line = source.line().await;
        // It prints this each time that it has reconnected.
        if line != "open" {
            heard.push(line);
        }
    }
    for (at, line) in heard.iter().enumerate() {
        let (id, event) = line.split_once(' ').expect("an id and an event");
        let event: Value = serde_json::from_str(event).expect("JSON");
        assert_eq!((id, &event["data"]["number"]), (&*(at + 1).to_string(), &json!(at)), "{line}");
    }
}

#[tokio::test]
async fn the_openapi_document_is_valid_with_each_plugin() {
    let host = TestHost::with(&["tutorial", "randomness", "probe", "consent"]).start().await;
    let answer = host.get("/openapi.json").await;
    let document = answer.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().expect("paths");
    let own = "/api/internal/process/tutorial.my-gov-process";
    assert!(
        paths.contains_key("/api/internal/action/tutorial.times-two") && paths.contains_key(own)
    );
    let file = host.directory().join("openapi.json");
    std::fs::write(&file, &answer.text).expect("a file");
    assert_eq!(python::run("openapi-spec-validator", &[&file], ""), Ok(()));
}
