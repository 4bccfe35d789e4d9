//! What `moothall plugin dev` shows while a plugin serves: its log, its failed calls, its events and their deliveries.

use moothall_tests::{Author, Driver, Receiver, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::host;
use crate::plugin_new::templates::signature;

const SECRET: &str = "a secret of at least 16 bytes";
/// In the template: what happens to a post of an ignored account, and to one that becomes an event.
const IGNORED: &str = "log::info(format_args!(\"post {id} of {account} is ignored\"));";
const COUNTED: &str = "let posts = ";

/// The lines of a kind.
fn lines<'a>(said: &'a str, kind: &str) -> Vec<&'a str> {
    said.lines().filter(|line| line.get(9..).is_some_and(|rest| rest.starts_with(kind))).collect()
}

async fn post(host: &Driver, id: &str, account: &str) -> u16 {
    let body = json!({ "id": id, "account": account, "text": "Tea?" }).to_string();
    let signed = format!("sha256={}", signature(SECRET, &body));
    let request = host.request(Method::POST, "/api/hooks/dev/teller").body(body);
    answer(request.header("X-Signature-256", signed)).await.status
}

#[tokio::test]
async fn what_happens_to_the_plugin_is_shown_as_it_happens() {
    let (author, receiver) = (Author::new("dev-shown"), Receiver::start().await);
    author.plugin("", &["new", "teller", "--template", "webhook"]).succeeded();
    let source = author.read("teller/src/lib.rs");
    assert!(source.contains(IGNORED) && source.contains(COUNTED), "{source}");
    let flood = "for n in 0..200 { log::info(format_args!(\"line {n}\")); }";
    let source = source.replace(IGNORED, flood).replace(
        COUNTED,
        "assert!(id != \"bad\", \"planted\"); log::warn(format_args!(\"counting {id}\")); let posts = ",
    );
    author.write("teller/src/lib.rs", &source);
    // Loopback, where the endpoint is.
    let dev = author.read("teller/dev.toml");
    author.write("teller/dev.toml", &format!("{dev}\n[egress]\nallow_cidr = [\"127.0.0.0/8\"]\n"));
    let mut developing = author.dev("teller");
    let host = host(&developing.says("serves at", 1).await);
    let endpoint = json!({ "url": receiver.url, "event_types": ["teller:*"] });
    host.post("/api/internal/endpoints", endpoint).await.expect(201);

    assert_eq!(post(&host, "7", "ann").await, 200);
    let said = developing.says("delivered after 1 attempt", 1).await;
    assert!(lines(&said, "log").iter().any(|line| line.contains("warn  counting 7")), "{said}");
    let [event] = lines(&said, "event")[..] else { panic!("{said}") };
    let id = receiver.wait_for(1).await[0].json()["data"]["id"].clone();
    let id = id.as_str().expect("the delivered event has an id");
    assert!(event.contains(r#"teller:posted {"id":"7","text":"Tea?"}"#), "{event}");
    assert!(event.contains(id), "{id} is not in {event}");
    let delivered = lines(&said, "delivery").into_iter().next_back().expect("a delivery");
    assert!(delivered.contains("teller:posted to ") && delivered.contains(id), "{delivered}");

    assert!(post(&host, "bad", "ann").await >= 500);
    let said = developing.says("failed   ", 1).await;
    let failed = lines(&said, "failed")[0];
    let calls = host.get("/api/internal/calls").await.expect(200);
    let calls = calls["calls"].as_array().cloned().unwrap_or_default();
    let is_it = |call: &&Value| call["id"].as_str().is_some_and(|id| failed.contains(id));
    let call = calls.iter().find(is_it).unwrap_or_else(|| panic!("{failed} has no call's id"));
    for field in ["request_id", "code"] {
        let value = call[field].as_str().expect("a text");
        assert!(failed.contains(value), "{field} {value} is not in {failed}");
    }

    // `bot` is ignored by dev.toml: 200 lines at once.
    assert_eq!(post(&host, "8", "bot").await, 200);
    let said = developing.says("left out", 1).await;
    assert!(said.contains("info  line 0"), "{said}");
    until("each line is shown or counted", async || {
        (told(&developing.said()) >= 200).then_some(())
    })
    .await;
    assert_eq!(developing.terminate(), Some(0));
}

/// How many lines of the flood were shown, or counted as left out.
fn told(said: &str) -> usize {
    let shown = said.matches("info  line ").count();
    let counted = said.lines().filter(|line| line.ends_with("left out"));
    let counted =
        counted.filter_map(|line| line.get(18..)?.split(' ').next()?.parse::<usize>().ok());
    shown + counted.sum::<usize>()
}
