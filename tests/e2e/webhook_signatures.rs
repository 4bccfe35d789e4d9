//! Signatures: a request without a valid signature reaches nobody.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
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

pub fn signature(secret: &str, body: &str) -> String {
    signature_of(secret, body.as_bytes())
}

fn signature_of(secret: &str, body: &[u8]) -> String {
    let mut mac =
        <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body);
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

/// Counts the webhooks that passed: each has emitted an event.
async fn received(host: &TestHost) -> usize {
    let events = host.get("/api/internal/events?type=signed").await.expect(200);
    events["events"].as_array().expect("a list").len()
}

#[tokio::test]
async fn a_right_signature_lets_the_request_in_and_a_wrong_one_reaches_nobody() {
    let mut host = host(json!({ "webhook_secret": SECRET })).await;
    let right = signature(SECRET, "{}");
    assert_eq!(send(&host, "{}", &[&right]).await.status, 200);
    assert_eq!(received(&host).await, 1);
    let (other, cut) = (signature("another secret of theirs", "{}"), right[..40].to_owned());
    let wrong: [&[&str]; 6] =
        [&[], &[&other], &[&cut], &["sha256=zz"], &[&right, &right], &[&right[7..]]];
    for signatures in wrong {
        send(&host, "{}", signatures).await.problem(401, "bad_signature");
    }
    send(&host, "{} ", &[&right]).await.problem(401, "bad_signature");
    assert_eq!(received(&host).await, 1);
    host.terminate();
    assert!(!host.logs().contains(SECRET));
}

#[tokio::test]
async fn without_a_secret_nothing_is_believed() {
    let host = host(json!({})).await;
    let signed = signature("", "{}");
    send(&host, "{}", &[&signed]).await.problem(503, "webhook_secret_missing");
    assert_eq!(received(&host).await, 0);
}

#[tokio::test]
async fn a_secret_that_cannot_sign_is_refused_where_it_is_set() {
    let host = TestHost::with(&["signed"]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    for short in ["", "fifteen letters", "fourteen there  \n"] {
        let refused = host.enable("acme", "signed", json!({ "webhook_secret": short })).await;
        refused.problem(400, "invalid_config");
        assert_eq!(refused.error_paths(), ["/webhook_secret"]);
        assert!(refused.text.contains("at least 16 bytes"), "{}", refused.text);
    }
    // A secret copied from a file, with a line break with which the platform does not sign.
    let pasted = json!({ "webhook_secret": format!("{SECRET}\n") });
    host.enable("acme", "signed", pasted).await.expect(201);
    assert_eq!(send(&host, "{}", &[&signature(SECRET, "{}")]).await.status, 200);
}

#[tokio::test]
async fn a_secret_of_the_settings_that_cannot_sign_is_told_with_its_place() {
    let toml = "[plugins.platform]\nsettings = { signing_secret = \"short\" }";
    let host = TestHost::with(&["platform"]).toml(toml).start().await;
    let plugins = host.get("/api/internal/plugins").await.expect(200);
    let failed = &plugins["plugins"][0];
    assert_eq!(
        (&failed["status"], &failed["errors"][0]["code"]),
        (&json!("failed"), &json!("bad_settings"))
    );
    assert!(failed["errors"].to_string().contains("at `/signing_secret`"), "{failed}");
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).expect("it is memory");
    encoder.finish().expect("it is memory")
}

async fn send_coded(host: &TestHost, coding: &str, body: Vec<u8>, signature: &str) -> Answer {
    let request = host.request(Method::POST, URL).header("Content-Encoding", coding);
    answer(request.header("X-Hub-Signature-256", signature).body(body)).await
}

#[tokio::test]
async fn a_compressed_body_may_be_signed_before_or_after_and_is_delivered_plain() {
    let host = host(json!({ "webhook_secret": SECRET })).await;
    let (plain, coded) = (r#"{"text":"zipped"}"#, gzip(br#"{"text":"zipped"}"#));
    let (before, after) = (signature(SECRET, plain), signature_of(SECRET, &coded));
    for right in [&before, &after] {
        assert_eq!(send_coded(&host, "gzip", coded.clone(), right).await.status, 200);
    }
    let events = host.get("/api/internal/events?type=signed").await.expect(200);
    let bodies =
        events["events"].as_array().expect("a list").iter().map(|event| &event["data"]["body"]);
    assert_eq!(bodies.collect::<Vec<_>>(), [plain, plain]);

    let other = signature("another secret of theirs", plain);
    send_coded(&host, "gzip", coded.clone(), &other).await.problem(401, "bad_signature");
    send_coded(&host, "gzip", coded[..20].to_vec(), &before).await.problem(401, "bad_signature");
    send_coded(&host, "br", coded, &before).await.problem(415, "unknown_encoding");
    assert_eq!(received(&host).await, 2);
}

#[tokio::test]
async fn a_body_that_swells_is_too_large_whoever_has_signed_it() {
    let host = TestHost::with(&["signed"]).toml("[http]\nbody_bytes = 65536").start().await;
    host.community("acme", "signed", json!({ "webhook_secret": SECRET })).await;
    let bomb = gzip(&vec![0; 20 << 20]);
    assert!(bomb.len() < 65_536, "{}", bomb.len());
    let right = signature_of(SECRET, &bomb);
    for signed in [&right, &signature(SECRET, "other")] {
        send_coded(&host, "gzip", bomb.clone(), signed).await.problem(413, "body_too_large");
    }
    assert_eq!(received(&host).await, 0);
}

#[tokio::test]
async fn what_is_decoded_counts_with_the_bodies_of_all_requests() {
    let host = TestHost::with(&["signed"]).toml("[http]\nbodies_bytes = 60000").start().await;
    host.community("acme", "signed", json!({ "webhook_secret": SECRET })).await;
    let much = vec![b' '; 65_000];
    let (coded, right) = (gzip(&much), signature_of(SECRET, &much));
    send_coded(&host, "gzip", coded, &right).await.problem(503, "overloaded");
    let little = vec![b' '; 50_000];
    let (coded, right) = (gzip(&little), signature_of(SECRET, &little));
    assert_eq!(send_coded(&host, "gzip", coded, &right).await.status, 200);
    assert_eq!(received(&host).await, 1);
}

#[tokio::test]
async fn a_new_secret_and_a_new_url_count_at_once() {
    let host = host(json!({ "webhook_secret": SECRET })).await;
    let (old, new) = (signature(SECRET, "{}"), signature("another secret of theirs", "{}"));
    assert_eq!(send(&host, "{}", &[&old]).await.status, 200);
    host.enable("acme", "signed", json!({ "webhook_secret": "another secret of theirs" }))
        .await
        .expect(200);
    send(&host, "{}", &[&old]).await.problem(401, "bad_signature");
    assert_eq!(send(&host, "{}", &[&new]).await.status, 200);
    let config = json!({ "webhook_secret": "another secret of theirs", "webhook_slug": "here" });
    host.enable("acme", "signed", config).await.expect(201);
    send(&host, "{}", &[&new]).await.problem(404, "not_found");
    let there = host.request(Method::POST, &format!("{URL}/here")).body("{}");
    assert_eq!(answer(there.header("X-Hub-Signature-256", &new)).await.status, 200);
    assert_eq!(received(&host).await, 3);
}

#[expect(clippy::disallowed_methods, reason = "a platform signs with the time that it is")]
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[tokio::test]
async fn svix_s_headers_and_a_secret_as_it_was_pasted_are_understood() {
    let host = TestHost::with(&["fetcher"]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let key: Vec<u8> = (231..=255).collect();
    let text = BASE64_STANDARD.encode(&key);
    let url_safe = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    for (pasted, status) in [
        (format!("whsec_{text}"), 201),
        (format!("v1,whsec_{text}\n"), 200),
        (format!("whsec_{url_safe}"), 200),
    ] {
        let config = json!({ "server_url": "http://platform.example", "webhook_secret": pasted });
        // Another secret does not make another instance.
        host.enable("acme", "fetcher", config).await.expect(status);
        for family in ["svix", "webhook"] {
            let time = now().to_string();
            let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(&key).expect("a key");
            mac.update(format!("msg_1.{time}.{{}}").as_bytes());
            let right = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
            let send = |signature: String| {
                let request = host.request(Method::POST, "/api/hooks/acme/fetcher").body("{}");
                let request = request.header(format!("{family}-id"), "msg_1");
                let request = request.header(format!("{family}-timestamp"), &time);
                answer(request.header(format!("{family}-signature"), signature))
            };
            let passed = send(right).await;
            assert_eq!((passed.status, passed.text.as_str()), (200, "{}"), "{family} {pasted}");
            send("v1,AAAA".to_owned()).await.problem(401, "bad_signature");
        }
    }
    for wrong in ["whsec_not base64", "whsec_c2hvcnQ=", "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        let config = json!({ "server_url": "http://platform.example", "webhook_secret": wrong });
        let refused = host.enable("acme", "fetcher", config).await;
        refused.problem(400, "invalid_config");
        assert_eq!(refused.error_paths(), ["/webhook_secret"], "{wrong}");
    }
}
