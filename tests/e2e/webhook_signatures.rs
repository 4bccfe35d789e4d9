//! Signatures: a request that is not signed right reaches nobody.

use hmac::{Hmac, KeyInit, Mac};
use moothall_tests::{Answer, TestHost, answer};
use reqwest::Method;
use serde_json::{Value, json};

const URL: &str = "/api/hooks/acme/signed";
const SECRET: &str = "It's a Secret to Everybody";

async fn host(config: Value) -> TestHost {
    let host = TestHost::with(&["signed"]).start().await;
    host.community("acme", "signed", config).await;
    host
}

fn signature(secret: &str, body: &str) -> String {
    let mut mac =
        <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    let bytes = mac.finalize().into_bytes();
    format!("sha256={}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

async fn send(host: &TestHost, body: &str, signatures: &[&str]) -> Answer {
    let mut request = host.request(Method::POST, URL).body(body.to_owned());
    for signature in signatures {
        request = request.header("X-Hub-Signature-256", *signature);
    }
    answer(request).await
}

/// Each that passed has emitted an event.
async fn received(host: &TestHost) -> usize {
    let events = host.get("/api/internal/events?type=signed").await.expect(200);
    events["events"].as_array().expect("a list").len()
}

#[tokio::test]
async fn a_right_signature_lets_the_request_in_and_a_wrong_one_reaches_nobody() {
    let host = host(json!({ "webhook_secret": SECRET })).await;
    let right = signature(SECRET, "{}");
    assert_eq!(send(&host, "{}", &[&right]).await.status, 200);
    assert_eq!(received(&host).await, 1);
    let (other, cut) = (signature("another secret", "{}"), right[..40].to_owned());
    let wrong: [&[&str]; 6] =
        [&[], &[&other], &[&cut], &["sha256=zz"], &[&right, &right], &[&right[7..]]];
    for signatures in wrong {
        send(&host, "{}", signatures).await.problem(401, "bad_signature");
    }
    send(&host, "{} ", &[&right]).await.problem(401, "bad_signature");
    assert_eq!(received(&host).await, 1);
    assert!(!host.logs().contains(SECRET));
}

#[tokio::test]
async fn without_a_secret_nothing_is_believed() {
    for config in [json!({}), json!({ "webhook_secret": "" })] {
        let host = host(config).await;
        let signed = signature("", "{}");
        send(&host, "{}", &[&signed]).await.problem(503, "webhook_secret_missing");
        assert_eq!(received(&host).await, 0);
    }
}

#[tokio::test]
async fn a_new_secret_and_a_new_url_count_at_once() {
    let host = host(json!({ "webhook_secret": SECRET })).await;
    let (old, new) = (signature(SECRET, "{}"), signature("another secret", "{}"));
    assert_eq!(send(&host, "{}", &[&old]).await.status, 200);
    host.enable("acme", "signed", json!({ "webhook_secret": "another secret" })).await.expect(201);
    send(&host, "{}", &[&old]).await.problem(401, "bad_signature");
    assert_eq!(send(&host, "{}", &[&new]).await.status, 200);
    let config = json!({ "webhook_secret": "another secret", "webhook_slug": "here" });
    host.enable("acme", "signed", config).await.expect(201);
    send(&host, "{}", &[&new]).await.problem(404, "not_found");
    let there = host.request(Method::POST, &format!("{URL}/here")).body("{}");
    assert_eq!(answer(there.header("X-Hub-Signature-256", &new)).await.status, 200);
    assert_eq!(received(&host).await, 3);
}
