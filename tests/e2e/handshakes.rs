//! Handshakes: the host answers the unsigned requests by which platforms check a URL, and lets
//! nothing else in.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use moothall_tests::{Answer, TestHost, answer};
use reqwest::Method;
use serde_json::{Value, json};

const URL: &str = "/api/hooks/acme/signed";
const SECRET: &str = "It's a Secret to Everybody";

async fn host() -> TestHost {
    let host = TestHost::with(&["signed"]).start().await;
    let config = json!({ "webhook_secret": SECRET, "verify_token": "meatyhamhock" });
    host.community("acme", "signed", config).await;
    host
}

async fn ask(host: &TestHost, method: Method, query: &str, body: &str) -> Answer {
    answer(host.request(method, &format!("{URL}{query}")).body(body.to_owned())).await
}

fn hmac(secret: &str, text: &str) -> Vec<u8> {
    let mut mac =
        <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks that there was no event, and that the state is unchanged.
async fn nothing_happened(host: &TestHost) {
    let events = host.get("/api/internal/events?type=signed").await.expect(200);
    assert_eq!(events["events"], json!([]));
}

#[tokio::test]
async fn a_challenge_is_echoed_to_whoever_knows_the_communitys_token() {
    let mut host = host().await;
    let query =
        |token: &str| format!("?hub.mode=subscribe&hub.challenge=11%2B5&hub.verify_token={token}");
    let echoed = ask(&host, Method::GET, &query("meatyhamhock"), "").await;
    assert_eq!((echoed.status, echoed.text.as_str()), (200, "11+5"));
    assert_eq!(echoed.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(echoed.header("x-content-type-options"), "nosniff");
    let head = ask(&host, Method::HEAD, &query("meatyhamhock"), "").await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    for wrong in ["meatyhamhoc", "meatyhamhock2", ""] {
        ask(&host, Method::GET, &query(wrong), "").await.problem(403, "handshake_refused");
    }
    host.enable("acme", "signed", json!({ "webhook_secret": SECRET })).await.expect(200);
    let unset = ask(&host, Method::GET, &query(""), "").await;
    unset.problem(503, "webhook_secret_missing");
    nothing_happened(&host).await;
    host.terminate();
    assert!(!host.logs().contains("meatyhamhock"));
}

#[tokio::test]
async fn a_validation_token_comes_back_as_text_that_no_browser_runs() {
    let host = host().await;
    let query = "?validationToken=Validation%3a+Testing%20%3Cscript%3E";
    let echoed = ask(&host, Method::POST, query, "").await;
    assert_eq!((echoed.status, echoed.text.as_str()), (200, "Validation: Testing &lt;script&gt;"));
    assert_eq!(echoed.header("content-type"), "text/plain; charset=utf-8");
    assert!(echoed.header("content-security-policy").starts_with("sandbox"));
    let long = format!("?validationToken={}", "x".repeat(2_049));
    ask(&host, Method::POST, &long, "").await.problem(403, "handshake_refused");
    nothing_happened(&host).await;
}

#[tokio::test]
async fn an_hmac_is_made_of_a_word_and_never_of_what_could_be_a_webhook() {
    let host = host().await;
    let asking = |token: &str| {
        json!({ "event": "endpoint.url_validation", "payload": { "plainToken": token } })
            .to_string()
    };
    let answered =
        ask(&host, Method::POST, "", &asking("qgg8vlvZRS6UYooatFL8Aw")).await.expect(200);
    let right = hex(&hmac(SECRET, "qgg8vlvZRS6UYooatFL8Aw"));
    assert_eq!(
        answered,
        json!({ "plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": right })
    );
    for forged in [r#"{"text":"forged"}"#, "v0:1700000000:{}", "text=forged"] {
        ask(&host, Method::POST, "", &asking(forged)).await.problem(403, "handshake_refused");
    }
    nothing_happened(&host).await;
}

#[tokio::test]
async fn what_the_plugin_answers_itself_reads_and_changes_nothing() {
    let host = host().await;
    let greeted = ask(&host, Method::GET, "?greet=hello", "").await.expect(200);
    assert_eq!(greeted["greet"], "hello");
    for (tried, why) in [("wrote", "read"), ("emitted", "read-only"), ("sent", "handshake")] {
        let outcome = greeted[tried].as_str().expect("what became of it");
        assert!(outcome.starts_with("Err(") && outcome.contains(why), "{tried}: {outcome}");
    }
    assert_eq!(greeted["read"], "Ok(None)");
    nothing_happened(&host).await;
}

#[tokio::test]
async fn everything_else_has_to_be_signed() {
    let host = host().await;
    for (method, query, body) in [
        (Method::GET, "", ""),
        (Method::GET, "?hub.challenge=", ""),
        (Method::GET, "?validationToken=x", ""),
        (Method::POST, "?hub.challenge=x&hub.verify_token=meatyhamhock", "{}"),
        (Method::POST, "", r#"{"payload":{"plainToken":7}}"#),
        (Method::POST, "", r#"{"plainToken":"x"}"#),
        (Method::PUT, "?validationToken=x", ""),
        (Method::POST, "", "plainToken"),
    ] {
        ask(&host, method, query, body).await.problem(401, "bad_signature");
    }
    // Anybody who knows the URL may ask whether something is there.
    assert_eq!(ask(&host, Method::HEAD, "", "").await.status, 200);
    let options = ask(&host, Method::OPTIONS, "", "").await;
    assert_eq!(options.status, 204);
    assert!(options.header("allow").contains("POST"), "{}", options.header("allow"));
    assert_eq!(options.header("access-control-allow-origin"), "", "no browser calls it for a page");
    assert_eq!(ask(&host, Method::HEAD, "/elsewhere", "").await.status, 404);
    nothing_happened(&host).await;
}

#[tokio::test]
async fn a_whole_platform_asks_at_its_own_url() {
    const SIGNING: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    let toml = format!("[plugins.platform]\nsettings = {{ signing_secret = \"{SIGNING}\" }}");
    let host = TestHost::with(&["platform"]).toml(&toml).start().await;
    let url = "/api/hooks/platform?crc_token=foo&nonce=bar";
    let answered: Value = answer(host.request(Method::GET, url)).await.expect(200);
    let right = format!("sha256={}", BASE64_STANDARD.encode(hmac(SIGNING, "foo")));
    assert_eq!(answered, json!({ "response_token": right }));
    let other = answer(host.request(Method::GET, "/api/hooks/platform")).await;
    other.problem(401, "bad_signature");
    assert_eq!(answer(host.request(Method::HEAD, "/api/hooks/platform")).await.status, 200);
}
