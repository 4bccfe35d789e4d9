//! Deliveries: each event reaches the driver, in order, signed, at least once; or its delivery ends
//! where operators can see it and send it again.

mod answers;
mod held_back;
mod pace;
mod secrets;
mod witness;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use moothall_tests::{Received, Receiver, Reply, TestHost, until};
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_secs(3600);

async fn host_for(receiver: &Receiver) -> TestHost {
    let host = TestHost::with(&[]).env("DRIVER_EVENT_RECEIVER_URL", &receiver.url).start().await;
    for community in ["acme", "other"] {
        host.put_community(community, json!([])).await.expect(201);
    }
    host
}

async fn publish(host: &TestHost, community: &str, number: u32) -> String {
    let event = json!({
        "community": community,
        "source": "forum",
        "event_type": "post_created",
        "data": { "number": number },
        "initiator": { "user_id": "u1", "provider": "forum" },
    });
    let answer = host.post("/api/internal/events", event).await.expect(202);
    answer["id"].as_str().expect("an id").to_owned()
}

async fn deliveries(host: &TestHost, query: &str) -> Vec<Value> {
    let path = format!("/api/internal/deliveries{query}");
    let page = host.get(&path).await.expect(200);
    page["deliveries"].as_array().expect("a list").clone()
}

async fn delivered(host: &TestHost, count: usize) {
    until("everything is delivered", async || {
        (deliveries(host, "?endpoint=driver&state=delivered").await.len() >= count).then_some(())
    })
    .await;
}

fn numbers(received: &[Received], community: &str) -> Vec<i64> {
    let bodies = received.iter().map(Received::json);
    let own = bodies.filter(|body| body["community"] == community);
    own.filter_map(|body| body["data"]["number"].as_i64()).collect()
}

fn signature(secret: &str, one: &Received) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(&key).expect("a key");
    let signed = format!("{}.{}.", one.header("webhook-id"), one.header("webhook-timestamp"));
    mac.update(signed.as_bytes());
    mac.update(&one.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn the_driver_gets_the_body_that_it_always_got() {
    let receiver = Receiver::start().await;
    let host = host_for(&receiver).await;
    let id = publish(&host, "acme", 1).await;
    let received = receiver.wait_for(1).await.remove(0);
    let body = received.json();
    let mut keys: Vec<&String> = body.as_object().expect("an object").keys().collect();
    keys.sort();
    assert_eq!(keys, ["community", "data", "event_type", "initiator", "source", "timestamp"]);
    assert_eq!(body["community"], "acme");
    assert_eq!(body["source"], "forum");
    assert_eq!(body["event_type"], "post_created");
    assert_eq!(body["data"], json!({ "number": 1 }));
    assert_eq!(body["initiator"]["user_id"], "u1");
    let timestamp = body["timestamp"].as_str().expect("a text");
    assert!(timestamp.contains('.') && timestamp.parse::<f64>().expect("a number") > 1.6e9);
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(received.header("webhook-id"), id);
    assert_eq!(received.header("webhook-attempt"), "1");
    delivered(&host, 1).await;
}

#[tokio::test]
async fn a_failing_head_holds_back_its_own_key_alone() {
    let receiver = Receiver::start().await;
    let host = host_for(&receiver).await;
    receiver.script([Reply::Status(500)]);
    let first = publish(&host, "acme", 1).await;
    receiver.wait_for(1).await;
    for number in 2..=5 {
        publish(&host, "acme", number).await;
        publish(&host, "other", number).await;
    }
    delivered(&host, 4).await;
    assert_eq!(numbers(&receiver.received(), "acme"), [1]);
    assert_eq!(numbers(&receiver.received(), "other"), [2, 3, 4, 5]);

    host.advance(Duration::from_secs(7));
    delivered(&host, 9).await;
    let received = receiver.received();
    assert_eq!(numbers(&received, "acme"), [1, 1, 2, 3, 4, 5]);
    let tries: Vec<&Received> =
        received.iter().filter(|one| one.header("webhook-id") == first).collect();
    assert_eq!(tries[1].header("webhook-attempt"), "2");
}

#[tokio::test]
async fn after_the_last_attempt_a_delivery_is_dead_and_can_be_sent_again() {
    let receiver = Receiver::start().await;
    let host = host_for(&receiver).await;
    receiver.otherwise(Reply::Status(500));
    publish(&host, "acme", 1).await;
    for attempt in 1..=11 {
        receiver.wait_for(attempt).await;
        until("the attempt is stored", async || {
            let id = deliveries(&host, "").await[0]["id"].clone();
            let shown = host.get(&format!("/api/internal/deliveries/{id}")).await.expect(200);
            (shown["attempts"].as_array().expect("a list").len() == attempt).then_some(())
        })
        .await;
        if attempt < 11 {
            // The longest possible waits, which together are less than what ends the delivery.
            let waits = [7, 37, 370, 2170, 8700, 21700, 43300, 60500, 86500, 103700];
            host.advance(Duration::from_secs(waits[attempt - 1]));
        }
    }
    let dead = until("it is dead", async || deliveries(&host, "?state=dead").await.pop()).await;
    let path = format!("/api/internal/deliveries/{}", dead["id"]);
    let shown = host.get(&path).await.expect(200);
    let last = &shown["attempts"][10];
    assert_eq!((&last["status"], &last["response"]), (&json!(500), &json!("ok")));

    receiver.otherwise(Reply::Status(200));
    host.post(&format!("{path}/resend"), json!({})).await.expect(202);
    delivered(&host, 1).await;
    let received = receiver.received();
    assert_eq!(received.last().expect("one").header("webhook-attempt"), "12");
    assert_eq!(received[0].header("webhook-id"), received[11].header("webhook-id"));
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_leads_nowhere() {
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let host = host_for(&receiver).await;
    receiver.script([Reply::With(302, "Location", elsewhere.url.clone())]);
    publish(&host, "acme", 1).await;
    receiver.wait_for(1).await;
    host.advance(Duration::from_secs(7));
    delivered(&host, 1).await;
    assert_eq!(receiver.received().len(), 2);
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn what_is_disabled_gets_nothing_more_of_a_lane_under_way() {
    const EVENTS: u32 = 300;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let setup = TestHost::with(&[]).env("DRIVER_EVENT_RECEIVER_URL", &receiver.url);
    let host = setup.toml("[egress]\nallow_cidr = [\"127.0.0.0/8\"]").start().await;
    for community in ["acme", "other"] {
        host.put_community(community, json!([])).await.expect(201);
    }
    let driver = "/api/internal/endpoints/driver";
    host.put(driver, json!({ "enabled": false })).await.expect(200);
    for number in 0..EVENTS {
        publish(&host, "acme", number).await;
    }
    host.put(driver, json!({ "enabled": true })).await.expect(200);
    receiver.wait_for(5).await;
    host.put(driver, json!({ "enabled": false })).await.expect(200);
    let other = json!({ "url": elsewhere.url, "community": "other", "event_types": ["*"] });
    host.post("/api/internal/endpoints", other).await.expect(201);
    publish(&host, "other", 1).await;
    elsewhere.wait_for(1).await;
    // By now the host has noticed the change; one delivery may still be on its way.
    let seen = receiver.received().len();
    assert!(seen + 10 < EVENTS as usize, "{seen} were delivered before it was disabled");
    publish(&host, "other", 2).await;
    elsewhere.wait_for(2).await;
    assert!(receiver.received().len() <= seen + 1, "{seen} before");
    host.put(driver, json!({ "enabled": true })).await.expect(200);
    let all = receiver.wait_for(EVENTS as usize + 2).await;
    assert_eq!(numbers(&all, "acme"), (0..i64::from(EVENTS)).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_committed_is_delivered_after_a_crash() {
    let receiver = Receiver::start().await;
    let mut host = host_for(&receiver).await;
    receiver.script((0..2).map(|_| Reply::Hang));
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(publish(&host, ["acme", "other"][number as usize % 2], number).await);
    }
    receiver.wait_for(2).await;
    host.kill_9();
    host.restart().await;
    delivered(&host, 20).await;
    let received = receiver.received();
    // Also those two whose attempts the crash cut off, with their own ids.
    for id in ids {
        let sent = received[2..].iter().any(|one| one.header("webhook-id") == id);
        assert!(sent, "{id} was not sent after the crash");
    }
    assert_eq!(numbers(&received[2..], "acme"), (0..20).step_by(2).collect::<Vec<i64>>());
}

#[tokio::test]
async fn what_is_recovered_into_a_busy_lane_goes_first_and_alone() {
    let receiver = Receiver::start().await;
    let host = TestHost::with(&[]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    for number in 0..20 {
        publish(&host, "acme", number).await;
    }
    host.advance(97 * HOUR);
    until("they are dead", async || {
        (deliveries(&host, "?state=dead").await.len() == 20).then_some(())
    })
    .await;
    for number in 20..400 {
        publish(&host, "acme", number).await;
    }
    let endpoint = "/api/internal/endpoints/driver";
    host.put(endpoint, json!({ "url": receiver.url })).await.expect(200);
    receiver.wait_for(5).await;
    let since = json!({ "since": "2020-01-01T00:00:00Z", "states": ["dead"] });
    host.post(&format!("{endpoint}/recover"), since).await.expect(202);
    let received = numbers(&receiver.wait_for(400).await, "acme");
    let begin = received.iter().position(|number| *number == 0).expect("the first of all");
    assert!(begin < 380, "the lane was busy");
    assert_eq!(received[begin..begin + 20], (0..20).collect::<Vec<_>>(), "from {begin} on");
    let others: Vec<i64> = received.into_iter().filter(|number| *number >= 20).collect();
    assert_eq!(others, (20..400).collect::<Vec<_>>());
}

#[tokio::test]
async fn metrics_tell_what_became_of_deliveries() {
    let receiver = Receiver::start().await;
    let host = host_for(&receiver).await;
    receiver.script([Reply::Status(500)]);
    publish(&host, "acme", 1).await;
    publish(&host, "other", 2).await;
    delivered(&host, 1).await;
    until("both outcomes are counted", async || {
        let text = host.get("/metrics").await.text;
        let has = |outcome: &str| {
            text.contains(&format!("moothall_deliveries_total{{outcome=\"{outcome}\"}} 1"))
        };
        (has("delivered") && has("failed") && text.contains("moothall_deliveries_waiting"))
            .then_some(())
    })
    .await;
}

// The receiver answers while the test waits for the host to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_sigterm_no_attempt_begins_and_what_is_under_way_counts() {
    let receiver = Receiver::start().await;
    let mut host = host_for(&receiver).await;
    receiver.script([Reply::Held(200)]);
    publish(&host, "acme", 1).await;
    publish(&host, "acme", 2).await;
    receiver.wait_for(1).await;
    host.begin_to_terminate();
    until("the host stops", async || {
        host.logs().contains("stopping: no new connections").then_some(())
    })
    .await;
    receiver.let_go();
    host.terminated();
    assert_eq!(receiver.received().len(), 1, "the next of the lane waits for the next start");
    host.restart().await;
    delivered(&host, 2).await;
    assert_eq!(numbers(&receiver.received(), "acme"), [1, 2], "each once");
}

#[tokio::test]
async fn what_is_sent_again_is_not_ended_by_an_attempt_from_before() {
    let receiver = Receiver::start().await;
    let host = host_for(&receiver).await;
    receiver.script([Reply::Held(500)]);
    publish(&host, "acme", 1).await;
    receiver.wait_for(1).await;
    host.advance(97 * HOUR);
    let dead = until("it is dead", async || deliveries(&host, "?state=dead").await.pop()).await;
    host.post(&format!("/api/internal/deliveries/{}/resend", dead["id"]), json!({}))
        .await
        .expect(202);
    receiver.let_go();
    delivered(&host, 1).await;
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_machine_that_hangs_under_many_urls_leaves_room_for_others() {
    let hanging = Receiver::start().await;
    hanging.otherwise(Reply::Hang);
    let other = Receiver::start_at([127, 0, 0, 2].into()).await;
    let toml = "[egress]\nallow_cidr = [\"127.0.0.0/8\"]\n[delivery]\nin_flight = 8";
    let host = TestHost::with(&[]).toml(toml).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    for number in 0..20 {
        let url = format!("{}/{number}", hanging.url);
        let endpoint = json!({ "url": url, "timeout_ms": 60_000 });
        host.post("/api/internal/endpoints", endpoint).await.expect(201);
    }
    publish(&host, "acme", 1).await;
    hanging.wait_for(6).await;
    let endpoint = json!({ "url": other.url, "format": "metagov" });
    host.post("/api/internal/endpoints", endpoint).await.expect(201);
    publish(&host, "acme", 2).await;
    assert_eq!(numbers(&other.wait_for(1).await, "acme"), [2]);
    assert_eq!(hanging.received().len(), 6, "three quarters of all");
}
