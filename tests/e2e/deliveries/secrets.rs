//! Which of an endpoint's secrets sign, and for how long.

use moothall_tests::{Receiver, TestHost, until};
use serde_json::json;

use super::{HOUR, host_for, publish, signature};

#[tokio::test]
async fn every_secret_that_was_replaced_signs_for_a_day() {
    let receiver = Receiver::start().await;
    let host = host_for(&receiver).await;
    let rotate = "/api/internal/endpoints/driver/rotate-secret";
    let mut secrets = Vec::new();
    for _ in 0..3 {
        let shown = host.post(rotate, json!({})).await.expect(200);
        secrets.insert(0, shown["secret"].as_str().expect("shown once").to_owned());
    }
    publish(&host, "acme", 1).await;
    let first = receiver.wait_for(1).await.remove(0);
    let given: Vec<_> = first.header("webhook-signature").split(' ').collect();
    let known: Vec<_> = secrets.iter().map(|secret| signature(secret, &first)).collect();
    assert_eq!(given.len(), 4, "the three, and the one that nobody has seen");
    assert_eq!(given[..3], known);

    host.advance(25 * HOUR);
    until("the clock has moved", async || {
        publish(&host, "acme", 2).await;
        let last = receiver.received().pop()?;
        (last.header("webhook-signature") == signature(&secrets[0], &last)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_later_rotation_does_not_prolong_an_earlier_secret() {
    let receiver = Receiver::start().await;
    let host = host_for(&receiver).await;
    let rotated = async || {
        let rotate = "/api/internal/endpoints/driver/rotate-secret";
        let shown = host.post(rotate, json!({})).await.expect(200);
        shown["secret"].as_str().expect("shown once").to_owned()
    };
    let second = rotated().await;
    host.advanced(20 * HOUR).await;
    let third = rotated().await;
    host.advanced(5 * HOUR).await;
    publish(&host, "acme", 1).await;
    let event = receiver.wait_for(1).await.remove(0);
    let given: Vec<_> = event.header("webhook-signature").split(' ').collect();
    let known = [signature(&third, &event), signature(&second, &event)];
    assert_eq!(given, known, "the first was good until an hour ago, the second has 19 hours");
}

#[tokio::test]
async fn so_many_secrets_sign_at_once_and_no_more() {
    let host = TestHost::with(&[]).toml("[delivery]\nendpoint_secrets = 2").start().await;
    let rotate = "/api/internal/endpoints/driver/rotate-secret";
    host.post(rotate, json!({})).await.expect(200);
    let detail = host.post(rotate, json!({})).await.problem(409, "too_many_secrets");
    assert!(detail.contains("endpoint_secrets"), "{detail}");
}
