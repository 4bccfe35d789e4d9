//! Receivers' answers, and which parts of them count.

use super::*;

#[tokio::test]
async fn an_answer_counts_by_its_status_whatever_becomes_of_its_body() {
    let receiver = Receiver::start().await;
    let setup = TestHost::with(&[]).env("DRIVER_EVENT_RECEIVER_URL", &receiver.url);
    let host = setup.toml("[delivery]\nbody_ms = 50").start().await;
    host.put_community("acme", json!([])).await.expect(201);
    // The body would take twenty seconds.
    let bodies = [Reply::BodyHangs(200), Reply::BodyBreaksOff(202), Reply::BodyDrips(201)];
    receiver.script(bodies);
    for number in 1..=3 {
        publish(&host, "acme", number).await;
    }
    delivered(&host, 3).await;
    for one in deliveries(&host, "").await {
        let path = format!("/api/internal/deliveries/{}", one["id"]);
        let attempts = host.get(&path).await.expect(200)["attempts"].clone();
        assert_eq!(attempts.as_array().map(Vec::len), Some(1), "{attempts}");
        assert!((200..300).contains(&attempts[0]["status"].as_u64().expect("a status")));
        assert_eq!(attempts[0].get("error"), Some(&Value::Null));
        assert!(attempts[0]["response"].as_str().is_some_and(|body| body.starts_with("half")));
        assert!(attempts[0]["detail"].to_string().contains("was cut off"), "{attempts}");
    }
    assert_eq!(receiver.received().len(), 3, "none is sent again");

    // A refusal counts, too: an endpoint that answers 410 is not tried again.
    receiver.script([Reply::BodyHangs(410)]);
    publish(&host, "acme", 4).await;
    until("the endpoint is disabled", async || {
        let driver = host.get("/api/internal/endpoints/driver").await.expect(200);
        (driver["enabled"] == false).then_some(())
    })
    .await;
}
