//! `api.change`: which changes through the API emit it, with what, and who gets it.

use moothall_tests::guests::BACKSTAGE_GRANTS;
use moothall_tests::{Receiver, TestHost, until};
use serde_json::{Value, json};

const TOML: &str = "[egress]\nallow_cidr = [\"127.0.0.0/8\"]";

async fn host() -> TestHost {
    TestHost::with(&["backstage", "probe"]).toml(TOML).toml(BACKSTAGE_GRANTS).start().await
}

/// A host with an endpoint that subscribes to changes.
async fn subscribed() -> (TestHost, Receiver) {
    let (host, receiver) = (host().await, Receiver::start().await);
    let endpoint = json!({ "url": receiver.url, "event_types": ["api.change"], "format": "metagov", "ordering": "fifo" });
    host.post("/api/internal/endpoints", endpoint).await.expect(201);
    (host, receiver)
}

/// The last change of that resource by that method.
async fn change(receiver: &Receiver, method: &str, resource: &str, path: &str) -> Value {
    until(&format!("{method} {path} has a change event"), async || {
        receiver.received().iter().rev().map(|one| one.json()["data"].clone()).find(|data| {
            data["method"] == method
                && data["resource"] == resource
                && data["path"].as_str().is_some_and(|seen| seen.ends_with(path))
        })
    })
    .await
}

#[tokio::test]
async fn a_community_is_told_with_what_was_before_and_after() {
    let (host, receiver) = subscribed().await;
    host.put_community("acme", json!([])).await.expect(201);
    let made = change(&receiver, "PUT", "community", "/acme").await;
    assert_eq!((&made["status"], &made["resource_id"]), (&json!(201), &json!("acme")));
    assert_eq!(made["resource_before"], Value::Null);
    assert_eq!(made["resource_after"]["slug"], "acme");
    assert!(made["request_id"].is_string() && made["url"].is_string());
    host.enable("acme", "probe", json!({ "webhook_secret": "hunter2" })).await.expect(201);
    let enabled = change(&receiver, "POST", "plugin", "/probe").await;
    assert_eq!(
        (&enabled["resource_id"], &enabled["sub_resource"]),
        (&json!("probe"), &json!("instance"))
    );
    assert!(enabled["sub_resource_id"].is_string(), "ids are strings: {enabled}");
    assert_eq!(enabled["resource_before"], Value::Null);
    assert_eq!(enabled["resource_after"]["name"], "probe");
    let id = enabled["sub_resource_id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(host.delete(&format!("/api/internal/plugin/probe/{id}")).await.status, 204);
    let disabled = change(&receiver, "DELETE", "plugin", &id).await;
    assert_eq!(
        (&disabled["sub_resource_id"], &disabled["resource_after"]),
        (&json!(id), &Value::Null)
    );
    assert_eq!(host.delete("/api/internal/community/acme").await.status, 204);
    let deleted = change(&receiver, "DELETE", "community", "/acme").await;
    assert_eq!(deleted["resource_before"]["slug"], "acme");
    assert_eq!(deleted["resource_after"], Value::Null);
    let all: Vec<_> = receiver.received().iter().map(|one| one.body.clone()).collect();
    assert!(
        !String::from_utf8_lossy(&all.concat()).contains("hunter2"),
        "no secret is in an event"
    );
}

#[tokio::test]
async fn processes_people_endpoints_and_hooks_are_told() {
    let (host, receiver) = subscribed().await;
    host.community("acme", "probe", json!({})).await;
    process_is_told(&host, &receiver).await;
    person_is_told(&host, &receiver).await;
    endpoint_is_told(&host, &receiver).await;
    hook_is_told(&host, &receiver).await;
    let all: Vec<_> = receiver.received().iter().map(|one| one.body.clone()).collect();
    let all = String::from_utf8_lossy(&all.concat()).into_owned();
    assert!(!all.contains("whsec_") && !all.contains("hunter2"), "no secret is in an event");
}

async fn process_is_told(host: &TestHost, receiver: &Receiver) {
    let request = host.request(reqwest::Method::POST, "/api/internal/process/probe.vote");
    let request = request.header("X-Metagov-Community", "acme").json(&json!({}));
    let process = moothall_tests::answer(request).await.expect(202);
    let id = process["id"].as_str().unwrap_or_default();
    let started = change(receiver, "POST", "process", "/probe.vote").await;
    assert_eq!((&started["resource_id"], &started["status"]), (&json!(id), &json!(202)));
    assert_eq!(started["resource_after"]["status"], "pending");
    host.delete(&format!("/api/internal/process/probe.vote/{id}")).await.expect(200);
    let closed = change(receiver, "DELETE", "process", id).await;
    assert_eq!(closed["resource_before"]["status"], "pending");
    assert_eq!(closed["resource_after"]["status"], "completed");
}

async fn person_is_told(host: &TestHost, receiver: &Receiver) {
    let body = json!({ "community_slug": "acme" });
    let people = host.post("/api/internal/identity/create_id", body).await.expect(201);
    let person = change(receiver, "POST", "person", "/create_id").await;
    assert_eq!(person["resource_id"], people[0].to_string());
    let link = json!({
        "community_slug": "acme", "external_id": people[0], "platform_type": "probe",
        "platform_identifier": "ann",
    });
    host.post("/api/internal/identity/link_account", link.clone()).await.expect(200);
    let linked = change(receiver, "POST", "person", "/link_account").await;
    assert_eq!(
        (&linked["sub_resource"], &linked["resource_before"]),
        (&json!("account"), &Value::Null)
    );
    host.post("/api/internal/identity/unlink_account", link).await.expect(200);
    let unlinked = change(receiver, "POST", "person", "/unlink_account").await;
    assert_eq!(unlinked["resource_after"], Value::Null);
}

async fn endpoint_is_told(host: &TestHost, receiver: &Receiver) {
    let endpoint = json!({ "url": "http://127.0.0.1:9/", "event_types": ["x"], "headers": { "x-key": "hunter2" } });
    let endpoint = host.post("/api/internal/endpoints", endpoint).await.expect(201);
    let path = format!("/api/internal/endpoints/{}", endpoint["id"].as_str().unwrap_or_default());
    host.post(&format!("{path}/rotate-secret"), json!({})).await.expect(200);
    let rotated = change(receiver, "POST", "endpoint", "/rotate-secret").await;
    assert_eq!(
        (&rotated["resource_id"], &rotated["sub_resource"]),
        (&endpoint["id"], &json!("secret"))
    );
    assert_eq!(host.delete(&path).await.status, 204);
    assert_eq!(change(receiver, "DELETE", "endpoint", &path).await["resource_after"], Value::Null);
}

async fn hook_is_told(host: &TestHost, receiver: &Receiver) {
    let hook = "/api/internal/hooks/org.example.thing.v1";
    host.put(hook, json!({})).await.expect(201);
    let declared = change(receiver, "PUT", "hook", hook).await;
    assert_eq!(declared["resource_after"]["name"], "org.example.thing.v1");
    let step = host
        .post(&format!("{hook}/steps"), json!({ "target": "http://127.0.0.1:9/" }))
        .await
        .expect(201);
    let added = change(receiver, "POST", "hook", "/steps").await;
    assert_eq!((&added["sub_resource"], &added["sub_resource_id"]), (&json!("step"), &step["id"]));
    assert_eq!(host.delete(hook).await.status, 204);
    assert_eq!(change(receiver, "DELETE", "hook", hook).await["resource_after"], Value::Null);
}

#[tokio::test]
async fn what_changes_nothing_tells_nothing() {
    let (host, receiver) = subscribed().await;
    host.community("acme", "backstage", json!({})).await;
    change(&receiver, "PUT", "community", "/acme").await;
    let before = receiver.received().len();
    host.put_community("acme", json!([{ "name": "nobody" }])).await.problem(400, "unknown_plugin");
    host.action("acme", "backstage.echo", json!({})).await.expect(200);
    let event = json!({ "community": "acme", "event_type": "x", "data": {} });
    host.post("/api/internal/events", event).await.expect(202);
    let hook = "/api/internal/hooks/org.example.course.listed.v1/run";
    host.post(hook, json!({ "data": {} })).await.expect(200);
    host.post("/api/internal/endpoints/driver/ping", json!({})).await.expect(202);
    host.post("/api/internal/workers/backstage/recorder/retry", json!({})).await.expect(200);
    host.post("/api/internal/workers/backstage/recorder/skip", json!({})).await.expect(200);
    host.put_community("last", json!([])).await.expect(201);
    change(&receiver, "PUT", "community", "/last").await;
    let since = &receiver.received()[before..];
    let of_source = |one: &&moothall_tests::Received| one.json()["source"] == "api";
    assert_eq!(since.iter().filter(of_source).count(), 1, "only the last one");
}

#[tokio::test]
async fn nothing_is_written_where_nobody_names_it() {
    let (host, receiver) = (host().await, Receiver::start().await);
    let endpoint = json!({ "url": receiver.url, "event_types": ["*"] });
    host.post("/api/internal/endpoints", endpoint).await.expect(201);
    host.put_community("acme", json!([])).await.expect(201);
    let event = json!({ "community": "acme", "event_type": "x", "data": {} });
    host.post("/api/internal/events", event).await.expect(202);
    receiver.wait_for(1).await;
    let events = host.get("/api/internal/events").await.expect(200);
    assert_eq!(events["events"].as_array().map(Vec::len), Some(1), "`*` names no change");
}

#[tokio::test]
async fn a_worker_is_told_by_whom() {
    let host = host().await;
    host.community("acme", "backstage", json!({})).await;
    let key = host.create_key("the driver");
    let driver = until("the key is noticed", async || {
        let driver = host.with_key(&key);
        (host.get("/api/internal/community").await.status == 401).then_some(driver)
    })
    .await;
    driver
        .put("/api/internal/community/acme", json!({ "readable_name": "Acme" }))
        .await
        .expect(200);
    let handled = until("the worker has it", async || {
        let state = driver.action("acme", "backstage.get", json!({ "key": "handled" })).await;
        let list = state.json()["value"].as_array().cloned().unwrap_or_default();
        list.into_iter().find(|one| one["data"]["method"] == "PUT")
    })
    .await;
    let data = &handled["data"];
    assert_eq!((&data["author"], &data["resource"]), (&json!("the driver"), &json!("community")));
    assert_eq!(data["resource_before"]["readable_name"], "");
    assert_eq!(data["resource_after"]["readable_name"], "Acme");
}

#[tokio::test]
async fn drivers_publish_changes_of_their_own() {
    let host = host().await;
    host.community("acme", "backstage", json!({})).await;
    let change = json!({
        "community": "acme", "method": "PUT", "path": "/v1/stories/12", "resource": "story",
        "resource_id": 12, "resource_before": { "title": "a" }, "resource_after": { "title": "b" },
    });
    let published = host.post("/api/internal/changes", change).await.expect(202);
    assert!(published["id"].as_str().is_some_and(|id| id.starts_with("evt_")));
    let handled = until("the worker has it", async || {
        let state = host.action("acme", "backstage.get", json!({ "key": "handled" })).await;
        let list = state.json()["value"].as_array().cloned().unwrap_or_default();
        list.into_iter().find(|one| one["data"]["resource"] == "story")
    })
    .await;
    assert_eq!(handled["data"]["resource_id"], "12", "ids are strings");
    assert_eq!(handled["id"], published["id"]);
    host.post("/api/internal/changes", json!({})).await.problem(400, "bad_request");
    let bogus = json!({ "resource": "story", "bogus": 1 });
    assert_eq!(host.post("/api/internal/changes", bogus).await.status, 400);
    let nobody = json!({ "resource": "story", "community": "nobody" });
    host.post("/api/internal/changes", nobody).await.problem(400, "unknown_community");
}
