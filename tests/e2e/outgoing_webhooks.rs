//! Outgoing webhooks as in openedx-webhooks: several URLs for one event, each with its own switch,
//! description and encoding, and the metadata that their receivers know.

use moothall_tests::{Receiver, Reply, TestHost, until};
use serde_json::{Value, json};

const TOML: &str = "[egress]\nallow_cidr = [\"127.0.0.0/8\"]";

async fn host() -> TestHost {
    let host = TestHost::with(&[]).toml(TOML).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    host
}

async fn receiver() -> Receiver {
    let receiver = Receiver::start().await;
    receiver.otherwise(Reply::Status(200));
    receiver
}

async fn endpoint(host: &TestHost, url: &str, more: Value) -> Value {
    let mut body = json!({
        "url": url, "event_types": ["SESSION_LOGIN_COMPLETED"], "format": "openedx"
    });
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        body[key] = value;
    }
    host.post("/api/internal/endpoints", body).await.expect(201)
}

async fn publish(host: &TestHost, data: Value) {
    let event = json!({
        "community": "acme", "source": "lms", "event_type": "SESSION_LOGIN_COMPLETED", "data": data
    });
    host.post("/api/internal/events", event).await.expect(202);
}

#[tokio::test]
async fn every_enabled_url_of_an_event_is_called_whatever_the_others_do() {
    let host = host().await;
    let (broken, good, off) = (Receiver::start().await, receiver().await, receiver().await);
    broken.otherwise(Reply::Status(500));
    endpoint(&host, &broken.url, json!({ "description": "the first, which fails" })).await;
    endpoint(&host, &good.url, json!({})).await;
    endpoint(&host, &off.url, json!({ "enabled": false })).await;
    for number in [1, 2] {
        publish(&host, json!({ "user": { "id": number } })).await;
        good.wait_for(number).await;
    }
    broken.wait_for(1).await;
    // When the second event arrives, the first was on its way to all.
    assert!(off.received().is_empty(), "a disabled endpoint is not called");
    let all = host.get("/api/internal/endpoints").await.expect(200);
    let described = all["endpoints"].as_array().into_iter().flatten();
    assert!(described.clone().any(|one| one["description"] == "the first, which fails"));
}

#[tokio::test]
async fn what_an_endpoint_subscribes_to_changes_with_it_at_once() {
    let (host, receiver) = (host().await, receiver().await);
    let announced = async || {
        let page = host.get("/api/internal/deliveries?limit=100").await.expect(200);
        let deliveries = page["deliveries"].as_array().expect("a list").clone();
        deliveries.iter().filter(|one| one["endpoint"] != "driver").count()
    };
    publish(&host, json!({ "user": 1 })).await;
    assert_eq!(announced().await, 0, "nobody subscribes");
    let made = endpoint(&host, &receiver.url, json!({})).await;
    publish(&host, json!({ "user": 2 })).await;
    assert_eq!(announced().await, 1);
    let path = format!("/api/internal/endpoints/{}", made["id"].as_str().expect("an id"));
    host.put(&path, json!({ "event_types": ["OTHER"], "format": "openedx" })).await.expect(200);
    publish(&host, json!({ "user": 3 })).await;
    assert_eq!(announced().await, 1);
    host.put(&path, json!({ "event_types": ["lms:*"], "format": "openedx" })).await.expect(200);
    publish(&host, json!({ "user": 4 })).await;
    assert_eq!(announced().await, 2);
    let received = receiver.wait_for(2).await;
    let users: Vec<Value> =
        received.iter().map(|one| one.json()["SESSION_LOGIN_COMPLETED"]["user"].clone()).collect();
    assert_eq!(users, [2, 4]);
    host.delete(&path).await.expect(204);
    publish(&host, json!({ "user": 5 })).await;
    assert_eq!(announced().await, 2);
}

#[tokio::test]
async fn a_json_body_has_the_data_beside_seven_keys_of_metadata() {
    let (host, receiver) = (host().await, receiver().await);
    endpoint(&host, &receiver.url, json!({})).await;
    publish(&host, json!({ "user": { "id": 1, "pii": { "name": "Ann" } }, "tags": ["a"] })).await;
    let received = receiver.wait_for(1).await;
    let body: Value = serde_json::from_slice(&received[0].body).expect("JSON");
    assert_eq!(
        body["SESSION_LOGIN_COMPLETED"],
        json!({ "user": { "id": 1, "pii": { "name": "Ann" } }, "tags": ["a"] })
    );
    let metadata = body["event_metadata"].as_object().expect("metadata");
    let mut keys: Vec<_> = metadata.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected =
        ["event_type", "id", "minorversion", "source", "sourcehost", "sourcelib", "time"];
    assert_eq!(keys, expected);
    assert_eq!(metadata["event_type"], "lms.SESSION_LOGIN_COMPLETED");
    assert!(metadata["time"].as_str().is_some_and(|time| time.ends_with("+00:00")));
}

#[tokio::test]
async fn a_form_is_flattened_byte_for_byte_as_the_original_does() {
    let (host, receiver) = (host().await, receiver().await);
    let endpoint = endpoint(&host, &receiver.url, json!({ "use_www_form_encoding": true })).await;
    let data = json!({
        "user": { "id": 1, "email": "a@b.test", "is_active": true, "pii": { "name": "Ann B" } },
        "nothing": null, "tags": ["a", "b"], "empty": {}, "a_b": 1, "a": { "b": 2 }
    });
    publish(&host, data).await;
    let received = receiver.wait_for(1).await;
    let body = String::from_utf8(received[0].body.to_vec()).expect("text");
    let pairs: Vec<_> = body.split('&').collect();
    let of_data = "SESSION_LOGIN_COMPLETED";
    for expected in [
        "user_id=1",
        "user_email=a%40b.test",
        "user_is_active=True",
        "user_pii_name=Ann+B",
        "nothing=None",
        "tags=%5B%27a%27%2C+%27b%27%5D",
    ] {
        let expected = format!("{of_data}_{expected}");
        assert!(pairs.contains(&expected.as_str()), "no {expected} in {body}");
    }
    assert!(!body.contains(&format!("{of_data}_empty")), "an empty object disappears");
    assert!(body.contains("event_metadata_event_type=lms.SESSION_LOGIN_COMPLETED"));
    // If two values have one key, one is lost; here the attempt says so.
    let id = endpoint["id"].as_str().unwrap_or_default();
    let detail = until("the attempt is stored", async || {
        let list = host.get(&format!("/api/internal/deliveries?endpoint={id}")).await.expect(200);
        let delivery = list["deliveries"][0]["id"].clone();
        let shown = host.get(&format!("/api/internal/deliveries/{delivery}")).await;
        shown.json()["attempts"][0]["detail"].as_str().map(str::to_owned)
    })
    .await;
    assert!(detail.contains(&format!("{of_data}_a_b")), "{detail}");
}
