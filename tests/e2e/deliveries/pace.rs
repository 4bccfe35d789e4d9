//! Many machines that hang leave room for a quick one.

use moothall_tests::{Receiver, Reply, TestHost};
use serde_json::json;

async fn publish(host: &TestHost, event_type: &str) {
    let event = json!({ "community": "acme", "event_type": event_type, "data": 1 });
    host.post("/api/internal/events", event).await.expect(202);
}

#[tokio::test]
async fn machines_that_all_hang_leave_room_for_one_that_was_quick() {
    let quick = Receiver::start().await;
    let toml = "[egress]\nallow_cidr = [\"127.0.0.0/8\"]\n[delivery]\nin_flight = 8";
    let host = TestHost::with(&[]).toml(toml).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let endpoint = json!({ "url": quick.url, "event_types": ["driver:good"] });
    host.post("/api/internal/endpoints", endpoint).await.expect(201);
    publish(&host, "good").await;
    quick.wait_for(1).await;
    let mut hanging = Vec::new();
    for number in 2..6 {
        let receiver = Receiver::start_at([127, 0, 0, number].into()).await;
        receiver.otherwise(Reply::Hang);
        for url in 0..8 {
            let url = format!("{}/{url}", receiver.url);
            let endpoint =
                json!({ "url": url, "timeout_ms": 60_000, "event_types": ["driver:bad"] });
            host.post("/api/internal/endpoints", endpoint).await.expect(201);
        }
        hanging.push(receiver);
    }
    let hang = || hanging.iter().map(|receiver| receiver.received().len()).sum::<usize>();
    publish(&host, "bad").await;
    moothall_tests::until("as many hang as may", async || (hang() >= 7).then_some(())).await;
    publish(&host, "good").await;
    quick.wait_for(2).await;
    assert_eq!(hang(), 7, "one of eight is left to those that are known to be quick");
}
