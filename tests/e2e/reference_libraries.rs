//! What the host sends and says, judged by libraries that others wrote.

use std::path::Path;

use moothall_tests::{Receiver, TestHost, python};
use serde_json::json;

#[tokio::test]
async fn the_reference_library_of_standard_webhooks_accepts_deliveries() {
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
