//! The host's own HTTPS requests: it sends nothing to a server whose certificate it cannot verify.

use moothall_tests::{Authority, Receiver, TestHost, until};
use serde_json::{Value, json};

const TOML: &str = "[egress]\nallow_cidr = [\"127.0.0.0/8\"]";

/// Starts a host that trusts this authority.
async fn host(trusted: &Authority) -> (TestHost, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("authority.pem");
    trusted.write_to(&file);
    let file = file.to_str().expect("a path of text");
    let host = TestHost::with(&[]).toml(TOML).env("SSL_CERT_FILE", file).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    (host, folder)
}

async fn publish_to(host: &TestHost, receiver: &Receiver) {
    let endpoint = json!({ "url": receiver.url, "event_types": ["brewed"] });
    host.post("/api/internal/endpoints", endpoint).await.expect(201);
    let event = json!({ "community": "acme", "source": "lms", "event_type": "brewed", "data": 1 });
    host.post("/api/internal/events", event).await.expect(202);
}

/// The error of the first attempt.
async fn first_attempt(host: &TestHost) -> Value {
    until("an attempt is stored", async || {
        let page = host.get("/api/internal/deliveries").await.expect(200);
        let tried = |one: &&Value| one["attempts"].as_u64() > Some(0);
        let id = page["deliveries"].as_array()?.iter().find(tried)?["id"].clone();
        let path = format!("/api/internal/deliveries/{}", id);
        Some(host.get(&path).await.expect(200))
    })
    .await
}

#[tokio::test]
async fn an_endpoint_of_the_operators_own_authority_is_delivered_to() {
    let authority = Authority::new("Acme");
    let receiver = Receiver::start_tls(authority.server("127.0.0.1")).await;
    let (host, _folder) = host(&authority).await;
    publish_to(&host, &receiver).await;
    let received = receiver.wait_for(1).await;
    assert_eq!(received[0].json()["data"]["data"], 1);
}

#[tokio::test]
async fn an_endpoint_that_nobody_vouches_for_gets_nothing_and_the_attempt_says_what_to_do() {
    let (trusted, other) = (Authority::new("Acme"), Authority::new("Nobody"));
    let receiver = Receiver::start_tls(other.server("127.0.0.1")).await;
    let (host, _folder) = host(&trusted).await;
    publish_to(&host, &receiver).await;
    let attempt = first_attempt(&host).await.to_string();
    assert!(attempt.contains("UnknownIssuer") && attempt.contains("SSL_CERT_FILE"), "{attempt}");
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_none() {
    let authority = Authority::new("Acme");
    let receiver = Receiver::start_tls(authority.server("127.0.0.2")).await;
    let (host, _folder) = host(&authority).await;
    publish_to(&host, &receiver).await;
    let attempt = first_attempt(&host).await.to_string();
    assert!(attempt.contains("not valid for name"), "{attempt}");
    assert!(receiver.received().is_empty());
}
