//! The host dies after a guest has returned and before the commit of its call: nothing is stored,
//! nobody was told that it was, and after the next start it is done once.
//!
//! Another connection locks the database, so that the writer waits. The guests may log nothing, and
//! log something all the same: the host logs, when a guest has returned, how much was left out, and
//! so shows that it has returned.

use std::time::Duration;

use moothall_tests::guests::BACKSTAGE_GRANTS;
use moothall_tests::{Answer, Receiver, Reply, TestHost, answer, until};
use reqwest::{Method, RequestBuilder};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::events;
use crate::store_trouble::hold;

/// The writer waits for the database without limit.
const WAITS: &str = "[limits]\nlog_bytes = 1\n[store]\nbusy_ms = 600000\nstalled_ms = 600000";
/// The log line that the host writes when a guest has returned.
const RETURNED: &str = "bytes more were logged than a call may";
const MINUTE: Duration = Duration::from_secs(60);

/// A request to a host that may die meanwhile.
type Sent = JoinSet<Result<Answer, reqwest::Error>>;

fn send(request: RequestBuilder) -> Sent {
    let mut sent = JoinSet::new();
    sent.spawn(async move { Answer::read(request.send().await?).await });
    sent
}

async fn is_unanswered(mut sent: Sent) -> bool {
    sent.join_next().await.expect("one request").expect("it did not panic").is_err()
}

/// The value of a metric; 0 if nothing was counted yet.
async fn number(host: &TestHost, name: &str) -> f64 {
    let metrics = host.get("/metrics").await.text;
    let number = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    number.unwrap_or(0.0)
}

/// Waits until a guest of this plugin has returned for the first time, and the writer waits for the
/// database.
async fn returned(host: &TestHost, plugin: &str) {
    let of_plugin = format!("plugin=\"{plugin}\"");
    until("the guest has returned", async || {
        let log = host.logs();
        log.lines().any(|line| line.contains(RETURNED) && line.contains(&of_plugin)).then_some(())
    })
    .await;
    writer_waits(host).await;
}

async fn writer_waits(host: &TestHost) {
    until("the writer waits for the database", async || {
        (number(host, "moothall_store_oldest_write_seconds").await > 0.0).then_some(())
    })
    .await;
}

/// Kills the host, and only then unlocks the database.
fn dies(host: &mut TestHost, held: Connection) {
    host.kill_9();
    drop(held);
}

/// How many rows there are `FROM` this.
fn rows(host: &TestHost, from: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {from}");
    host.database().query_row(&count, (), |row| row.get(0)).expect("a table")
}

async fn value(host: &TestHost, action: &str, key: &str) -> Value {
    host.result("acme", action, json!({ "key": key })).await["value"].clone()
}

async fn probe(config: Value) -> TestHost {
    let host = TestHost::with(&["probe"]).toml(WAITS).start().await;
    host.community("acme", "probe", config).await;
    host
}

#[tokio::test]
async fn a_call_that_has_returned_leaves_nothing_and_its_repetition_is_done_once() {
    let mut host = probe(json!({})).await;
    let increment = |host: &TestHost| {
        let request = host.action_request("acme", "probe.increment", json!({ "key": "n" }));
        request.header("Idempotency-Key", "a")
    };
    let held = hold(&host);
    let sent = send(increment(&host));
    returned(&host, "probe").await;
    assert_eq!(number(&host, "moothall_calls_in_flight").await, 1.0, "it waits for its commit");
    dies(&mut host, held);
    assert!(is_unanswered(sent).await, "nobody was told that it was stored");
    assert_eq!((rows(&host, "state WHERE key = 'n'"), rows(&host, "idempotent_response")), (0, 0));

    host.restart().await;
    let first = answer(increment(&host)).await;
    assert_eq!(first.expect(200), json!({ "value": 1 }));
    assert_eq!(first.header("idempotency-replayed"), "", "it was never done");
    let again = answer(increment(&host)).await;
    assert_eq!((again.text.as_str(), again.header("idempotency-replayed")), (&*first.text, "true"));
    assert_eq!(value(&host, "probe.get", "n").await, 1);
}

#[tokio::test]
async fn a_webhook_that_was_received_leaves_nothing_and_its_repetition_counts_once() {
    let mut host = probe(json!({})).await;
    let vote = host.request(Method::POST, "/api/internal/process/probe.vote");
    let vote = answer(vote.header("X-Metagov-Community", "acme").json(&json!({}))).await;
    vote.expect(202);
    let webhook = |host: &TestHost| host.request(Method::POST, "/api/hooks/acme/probe").body("{}");
    let held = hold(&host);
    let sent = send(webhook(&host));
    returned(&host, "probe").await;
    assert_eq!(number(&host, "moothall_calls_in_flight").await, 1.0, "it waits for its commit");
    dies(&mut host, held);
    assert!(is_unanswered(sent).await, "the platform was not told that it was received");
    let stored = ["state WHERE key = 'webhooks'", "webhook_request", "webhook_item"];
    assert_eq!(stored.map(|from| rows(&host, from)), [0; 3]);

    host.restart().await;
    answer(webhook(&host)).await.expect(200);
    assert_eq!(value(&host, "probe.get", "webhooks").await, 1);
    let closed = host.delete(vote.header("location")).await.expect(200);
    assert_eq!(closed["outcome"]["webhooks"], 1, "the process has seen the one that was received");
}

#[tokio::test]
async fn an_event_whose_worker_has_returned_is_handled_again_and_counts_once() {
    let setup = TestHost::with(&["backstage"]).toml(WAITS).toml(BACKSTAGE_GRANTS);
    let mut host = setup.start().await;
    host.community("acme", "backstage", json!({})).await;
    // An event of the driver, for which there is one worker: several would wait for each other.
    let publish = async |host: &TestHost, data: Value| {
        let event = json!({ "community": "acme", "event_type": "note", "data": data });
        host.post("/api/internal/events", event).await.expect(202);
    };
    // The host stores which workers are enabled before it calls them.
    until("the workers were asked", async || {
        (rows(&host, "worker WHERE asked_digest_id = 0") == 0).then_some(())
    })
    .await;
    // It sleeps for longer than the test needs to lock the database.
    publish(&host, json!({ "worker": "sleep" })).await;
    let held = hold(&host);
    returned(&host, "backstage").await;
    dies(&mut host, held);
    assert_eq!(rows(&host, "state WHERE key IN ('handled', 'count')"), 0);

    host.restart().await;
    // A later event was handled, so nothing more comes of this one.
    publish(&host, json!({})).await;
    let handled = until("both are handled", async || {
        let handled = value(&host, "backstage.get", "handled").await.as_array().cloned()?;
        (handled.len() >= 2).then_some(handled)
    })
    .await;
    let slept: Vec<_> = handled.iter().map(|one| one["data"]["worker"] == "sleep").collect();
    assert_eq!(slept, [true, false], "{handled:?}");
    assert_eq!(value(&host, "backstage.get", "count").await, 2);
}

#[tokio::test]
async fn a_tick_that_has_returned_is_due_again_and_counts_once() {
    let mut host = probe(json!({ "emit_ticks": true })).await;
    let held = hold(&host);
    host.advance(MINUTE);
    returned(&host, "probe").await;
    dies(&mut host, held);
    let stored = ["state WHERE key = 'ticks'", "event", "schedule WHERE last_at IS NOT NULL"];
    assert_eq!(stored.map(|from| rows(&host, from)), [0; 3]);

    host.restart().await;
    let ticks = async |count: u64| {
        until("it has ticked", async || {
            let ticks = value(&host, "probe.get", "ticks").await.as_u64();
            ticks.filter(|ticks| *ticks >= count)
        })
        .await
    };
    assert_eq!(ticks(1).await, 1);
    let advanced = "schedule WHERE last_at IS NOT NULL AND due_at > last_at";
    assert_eq!(rows(&host, advanced), 1, "what it stored and when it is due next are one");
    host.advance(MINUTE);
    assert_eq!(ticks(2).await, 2, "the next one comes a minute later");
    let counts: Vec<_> =
        events(&host, "ticked").await.iter().map(|event| event["data"]["count"].clone()).collect();
    assert_eq!(counts, [1, 2], "each has emitted what it stored");
}

#[tokio::test]
async fn a_delivery_whose_answer_was_not_stored_is_sent_again_as_the_same() {
    let receiver = Receiver::start().await;
    let setup = TestHost::with(&[]).toml(WAITS).env("DRIVER_EVENT_RECEIVER_URL", &receiver.url);
    let mut host = setup.start().await;
    host.put_community("acme", json!([])).await.expect(201);
    receiver.script([Reply::Held(200)]);
    let event = json!({ "community": "acme", "event_type": "noted", "data": 1 });
    host.post("/api/internal/events", event).await.expect(202);
    receiver.wait_for(1).await;
    let held = hold(&host);
    receiver.let_go();
    until("the host has the answer", async || {
        let delivered = "moothall_deliveries_total{outcome=\"delivered\"}";
        (number(&host, delivered).await == 1.0).then_some(())
    })
    .await;
    writer_waits(&host).await;
    dies(&mut host, held);
    // It has no row yet, or one that waits.
    let attempted = "delivery WHERE state <> 'waiting' OR attempts > 0";
    assert_eq!((rows(&host, attempted), rows(&host, "delivery_attempt")), (0, 0));

    host.restart().await;
    until("it is delivered", async || {
        let page = host.get("/api/internal/deliveries?state=delivered").await.expect(200);
        (page["deliveries"].as_array()?.len() == 1).then_some(())
    })
    .await;
    let sent: Vec<_> = receiver
        .received()
        .iter()
        .map(|one| {
            let header = |name: &str| one.header(name).to_owned();
            (header("webhook-id"), header("webhook-attempt"), one.json())
        })
        .collect();
    assert_eq!(sent.len(), 2, "at least once: {sent:?}");
    assert_eq!(sent[0], sent[1]);
    assert_eq!(sent[0].1, "1", "the attempt before was never stored");
}
