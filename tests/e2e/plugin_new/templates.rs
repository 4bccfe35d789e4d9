//! What the plugin of each template does on a host, in whatever language it is written.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use moothall_tests::{Receiver, Reply, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

/// Puts a component on a host, and enables it for a community.
async fn enabled(host: &TestHost, name: &str, component: &[u8], config: Value) {
    let file = format!("{name}.wasm");
    host.put_plugin(&file, component);
    until("it serves", async || (host.file(&file).await["status"] == "ready").then_some(())).await;
    host.community(name, name, config).await;
}

/// `hello` greets.
pub async fn hello(name: &str, component: &[u8]) {
    let host = TestHost::with(&[]).start().await;
    enabled(&host, name, component, json!({ "greeting": "Ahoy" })).await;
    for greeted in 1..=2 {
        let greeting = host.result(name, &format!("{name}.greet"), json!({ "name": "Ann" })).await;
        assert_eq!(greeting, json!({ "text": "Ahoy, Ann!", "greeted": greeted }));
    }
}

/// `webhook` turns signed webhooks into events.
pub async fn webhook(name: &str, component: &[u8]) {
    let host = TestHost::with(&[]).start().await;
    let secret = "another secret of 16 bytes and more";
    enabled(&host, name, component, json!({ "signing_secret": secret })).await;
    let body = r#"{"id":"1","account":"ann","text":"Tea?"}"#;
    let send = async |signature: &str| {
        let request = host.request(Method::POST, &format!("/api/hooks/{name}/{name}")).body(body);
        answer(request.header("X-Signature-256", format!("sha256={signature}"))).await.status
    };
    assert_eq!(send(&"0".repeat(64)).await, 401, "a wrong signature");
    assert_eq!(send(&signature(secret, body)).await, 200);
    let posts = host.result(name, &format!("{name}.received"), json!({})).await;
    assert_eq!(posts, json!({ "posts": 1 }));
    let page = host.get(&format!("/api/internal/events?type={name}:posted")).await.expect(200);
    assert_eq!(page["events"][0]["data"], json!({ "id": "1", "text": "Tea?" }));
}

/// The signature of a webhook's body, in hex.
pub fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `process` votes.
pub async fn process(name: &str, component: &[u8]) {
    let host = TestHost::with(&[]).start().await;
    enabled(&host, name, component, json!({ "webhook_slug": "s3cret" })).await;
    let path = format!("/api/internal/process/{name}.vote");
    let started = host.request(Method::POST, &path).header("X-Metagov-Community", name);
    let started = answer(started.json(&json!({ "title": "Tea?" }))).await.expect(202);
    let ballot = json!({ "account": "ann", "choice": "yes" });
    let cast = host.request(Method::POST, &format!("/api/hooks/{name}/{name}/s3cret"));
    assert_eq!(answer(cast.json(&ballot)).await.status, 200);
    let id = started["id"].as_str().expect("an id");
    let closed = host.delete(&format!("{path}/{id}")).await.expect(200);
    let outcome = json!({ "title": "Tea?", "votes": { "no": 0, "yes": 1 } });
    assert_eq!((&closed["status"], &closed["outcome"]), (&json!("completed"), &outcome));
}

/// `background` asks its feed, and counts what it found.
pub async fn background(name: &str, component: &[u8], feed: &Receiver) {
    let grants = format!(
        "[plugins.{name}]\ngrants = {{ http = [\"config:/feed_url\"], cidr = [\"127.0.0.0/8\"] }}"
    );
    let host = TestHost::with(&[]).toml(&grants).start().await;
    feed.otherwise(Reply::Body(200, r#"[{ "id": 1, "title": "Tea" }]"#.to_owned()));
    let config = json!({ "feed_url": format!("{}/items", feed.url) });
    enabled(&host, name, component, config).await;
    host.advance(Duration::from_secs(70));
    until("the item was found, and counted by the worker", async || {
        let report = host.result(name, &format!("{name}.report"), json!({})).await;
        (report["today"].as_u64() > Some(0)).then_some(())
    })
    .await;
}
