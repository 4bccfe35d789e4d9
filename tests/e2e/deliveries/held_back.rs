//! Deliveries that wait: for a receiver that is paused, is down, hangs, named a time, or has no
//! address.

use std::time::Duration;

use moothall_tests::{Receiver, Reply, TestHost, until};
use serde_json::{Value, json};

use super::witness::Witness;
use super::{HOUR, delivered, deliveries, host_for, numbers, publish};

const DRIVER: &str = "/api/internal/endpoints/driver";

/// The deliveries that wait for the driver.
async fn waiting(host: &TestHost) -> Vec<Value> {
    deliveries(host, "?endpoint=driver&state=waiting").await
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_is_paused_until_it_is_enabled() {
    let receiver = Receiver::start().await;
    let host = host_for(&receiver).await;
    let witness = Witness::of(&host).await;
    receiver.script([Reply::Status(410)]);
    publish(&host, "acme", 1).await;
    let shown = until("the endpoint is disabled", async || {
        let shown = host.get(DRIVER).await.expect(200);
        (shown["enabled"] == false).then_some(shown)
    })
    .await;
    assert!(shown["disabled_reason"].as_str().expect("a reason").contains("410"));
    publish(&host, "other", 2).await;
    witness.has_seen_a_poll(&host).await;
    assert_eq!(waiting(&host).await.len(), 2);
    assert_eq!(receiver.received().len(), 1, "nothing more was sent");

    let put = host.put(DRIVER, json!({})).await.expect(200);
    assert_eq!(put["enabled"], false, "what a PUT leaves out stays");
    host.put(DRIVER, json!({ "enabled": true })).await.expect(200);
    host.advance(Duration::from_secs(7));
    delivered(&host, 2).await;
    assert_eq!(receiver.received().len(), 3);
}

#[tokio::test]
async fn a_receiver_may_say_when_to_come_back() {
    let receiver = Receiver::start().await;
    let host = host_for(&receiver).await;
    let witness = Witness::of(&host).await;
    receiver.script([Reply::With(429, "Retry-After", "3600".into())]);
    publish(&host, "acme", 1).await;
    let waits = until("the attempt is stored", async || {
        waiting(&host).await.pop().filter(|one| one["attempts"] == 1)
    })
    .await;
    // Without `Retry-After` the host would have sent it again by now.
    host.advanced(Duration::from_secs(60)).await;
    witness.has_seen_a_poll(&host).await;
    assert_eq!(numbers(&receiver.received(), "acme"), [1], "{waits}");
    host.advance(HOUR);
    delivered(&host, 1).await;
    assert_eq!(numbers(&receiver.received(), "acme"), [1, 1]);
}

#[tokio::test]
async fn a_receiver_that_is_down_is_left_alone_and_probed() {
    let mut receiver = Receiver::start().await;
    let host = host_for(&receiver).await;
    let witness = Witness::of(&host).await;
    receiver.go_down().await;
    // Eight keys, so that there are five failures without a retry.
    for number in 0..8 {
        let community = format!("c{number}");
        host.put_community(&community, json!([])).await.expect(201);
        publish(&host, &community, number).await;
    }
    until("the failures are stored", async || {
        let waiting = waiting(&host).await;
        (waiting.iter().filter(|one| one["attempts"] == 1).count() >= 5).then_some(())
    })
    .await;
    host.advanced(Duration::from_secs(7)).await;
    receiver.come_up().await;
    publish(&host, "acme", 100).await;
    witness.has_seen_a_poll(&host).await;
    // The circuit is open: due deliveries wait and use up no attempts.
    let waiting = waiting(&host).await;
    let is_tried_once = |one: &Value| one["attempts"].as_u64().is_some_and(|tries| tries <= 1);
    assert!(waiting.len() == 9 && waiting.iter().all(is_tried_once), "{waiting:?}");
    assert!(receiver.received().is_empty());
    host.advance(Duration::from_secs(30));
    delivered(&host, 9).await;
    let first = &receiver.received()[0];
    assert_eq!(first.json()["community"], "c0", "the probe is the oldest");
}

#[tokio::test]
async fn without_an_address_events_wait_four_days() {
    let host = TestHost::with(&[]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let witness = Witness::of(&host).await;
    publish(&host, "acme", 1).await;
    publish(&host, "acme", 2).await;
    assert_eq!(deliveries(&host, "?state=waiting&community=acme").await.len(), 2);
    host.advanced(95 * HOUR).await;
    // Each poll begins with expired deliveries.
    witness.has_seen_a_poll(&host).await;
    let waiting = waiting(&host).await;
    assert_eq!(waiting.len(), 2);
    assert!(waiting.iter().all(|one| one["attempts"] == 0), "nothing is tried: {waiting:?}");
    host.advance(2 * HOUR);
    until("they are dead", async || {
        (deliveries(&host, "?state=dead").await.len() == 2).then_some(())
    })
    .await;

    // The driver comes back, and asks for what it missed.
    let receiver = Receiver::start().await;
    host.put(DRIVER, json!({ "url": receiver.url })).await.expect(200);
    let since = json!({ "since": "2020-01-01T00:00:00Z", "states": ["dead"] });
    let answer = host.post(&format!("{DRIVER}/recover"), since).await.expect(202);
    assert_eq!(answer["recovered"], 2);
    delivered(&host, 2).await;
    assert_eq!(numbers(&receiver.received(), "acme"), [1, 2]);
}

#[tokio::test]
async fn a_receiver_that_hangs_gets_so_many_at_once_and_holds_nobody_up() {
    let receiver = Receiver::start().await;
    // The default limit of connections to one machine is the same.
    let setup = TestHost::with(&[]).toml("[egress]\nconnections_per_host = 100");
    let host = setup.env("DRIVER_EVENT_RECEIVER_URL", &receiver.url).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let witness = Witness::of(&host).await;
    host.put(DRIVER, json!({ "timeout_ms": 60_000 })).await.expect(200);
    receiver.otherwise(Reply::Hang);
    for number in 0..40 {
        let community = format!("c{number}");
        host.put_community(&community, json!([])).await.expect(201);
        publish(&host, &community, number).await;
    }
    receiver.wait_for(32).await;
    // Publishing still succeeds, but the host sends nothing more to the receiver.
    publish(&host, "acme", 41).await;
    witness.has_seen_a_poll(&host).await;
    assert_eq!(waiting(&host).await.len(), 41);
    assert_eq!(receiver.received().len(), 32);
}

#[tokio::test]
async fn an_unordered_endpoint_gets_eight_at_once_of_one_key() {
    let receiver = Receiver::start().await;
    let host = host_for(&receiver).await;
    let witness = Witness::of(&host).await;
    let change = json!({ "ordering": "unordered", "timeout_ms": 60_000 });
    host.put(DRIVER, change).await.expect(200);
    receiver.script((0..8).map(|_| Reply::Hang));
    for number in 0..8 {
        publish(&host, "acme", number).await;
    }
    receiver.wait_for(8).await;
    publish(&host, "acme", 8).await;
    witness.has_seen_a_poll(&host).await;
    assert_eq!(waiting(&host).await.len(), 9);
    assert_eq!(receiver.received().len(), 8);
}
