//! The wall clock is set: nothing expires too early, and nothing waits for a time that was a
//! mistake.

use std::time::Duration;

use jiff::Timestamp;
use moothall_tests::{Receiver, Reply, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
const TEN_DAYS_S: i64 = 10 * 24 * 3600;
const FORTY_DAYS_S: i64 = 40 * 24 * 3600;

async fn publish(host: &TestHost, number: u32) {
    let event = json!({
        "community": "acme", "source": "forum", "event_type": "posted", "data": { "number": number }
    });
    host.post("/api/internal/events", event).await.expect(202);
}

async fn deliveries(host: &TestHost, state: &str) -> usize {
    let page = host.get(&format!("/api/internal/deliveries?state={state}")).await.expect(200);
    page["deliveries"].as_array().expect("a list").len()
}

async fn delivered(host: &TestHost, count: usize) {
    until("all are delivered", async || {
        (deliveries(host, "delivered").await >= count).then_some(())
    })
    .await;
}

fn numbers(receiver: &Receiver) -> Vec<i64> {
    let received = receiver.received();
    received.iter().filter_map(|one| one.json()["data"]["number"].as_i64()).collect()
}

async fn ticked(host: &TestHost, count: u64) {
    until("it has ticked", async || {
        let ticks = host.action("acme", "probe.get", json!({ "key": "ticks" })).await.json();
        (ticks["value"].as_u64() >= Some(count)).then_some(())
    })
    .await;
}

/// Checks that the producer is due within a minute.
async fn is_due_soon(host: &TestHost) {
    until("the next tick is a minute away at most", async || {
        let all = host.get("/api/internal/schedules").await.expect(200);
        let due: Timestamp = all["schedules"][0]["due_at"].as_str()?.parse().ok()?;
        let published = host.post(
            "/api/internal/events",
            json!({
                "community": "acme", "event_type": "what time is it", "data": null
            }),
        );
        published.await.expect(202);
        let events = host.get("/api/internal/events?type=what time is it").await.expect(200);
        let last = events["events"].as_array()?.last()?.clone();
        let now: Timestamp = last["time"].as_str()?.parse().ok()?;
        (due.duration_since(now).as_secs() <= 60).then_some(())
    })
    .await;
}

/// Sets the clock of a running host, and waits until the host notices.
async fn set_clock_ahead(host: &TestHost, seconds: i64) {
    let noticed = || host.logs().matches("the system's clock was set").count();
    let before = noticed();
    host.set_clock_ahead(seconds);
    until("the host notices", async || (noticed() > before).then_some(())).await;
}

/// Makes the host read its clock, which is ahead, a second time: a small step back shows that it
/// did.
async fn poll_again(host: &TestHost) {
    set_clock_ahead(host, TEN_DAYS_S - 10).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_no_ticks() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    set_clock_ahead(&host, TEN_DAYS_S).await;
    ticked(&host, 1).await;
    set_clock_ahead(&host, 0).await;
    is_due_soon(&host).await;
    host.advance(MINUTE);
    ticked(&host, 2).await;
}

#[tokio::test]
async fn a_clock_that_was_ahead_at_the_start_holds_up_nothing_when_it_is_right() {
    let receiver = Receiver::start().await;
    let setup = TestHost::with(&["probe"]).env("DRIVER_EVENT_RECEIVER_URL", &receiver.url);
    let mut host = setup.start().await;
    host.community("acme", "probe", json!({})).await;
    host.terminate();
    host.set_clock_ahead(TEN_DAYS_S);
    host.restart().await;
    receiver.script([Reply::Status(500)]);
    publish(&host, 1).await;
    receiver.wait_for(1).await;
    ticked(&host, 1).await;
    host.terminate();
    host.set_clock_ahead(0);
    host.restart().await;
    publish(&host, 2).await;
    delivered(&host, 2).await;
    assert_eq!(numbers(&receiver), [1, 1, 2]);
    is_due_soon(&host).await;
    host.advance(MINUTE);
    ticked(&host, 2).await;
}

#[tokio::test]
async fn a_jump_forward_ends_no_delivery_until_the_clock_has_been_steady() {
    let receiver = Receiver::start().await;
    let toml = "[egress]\nallow_cidr = [\"127.0.0.0/8\"]";
    let host = TestHost::with(&[]).toml(toml).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    publish(&host, 1).await;
    let endpoint = json!({ "url": receiver.url, "format": "metagov" });
    host.post("/api/internal/endpoints", endpoint).await.expect(201);
    set_clock_ahead(&host, TEN_DAYS_S).await;
    poll_again(&host).await;
    // Each poll begins with expired work.
    publish(&host, 2).await;
    delivered(&host, 1).await;
    assert_eq!((deliveries(&host, "waiting").await, deliveries(&host, "dead").await), (2, 0));

    host.advance(MINUTE);
    publish(&host, 3).await;
    delivered(&host, 2).await;
    assert_eq!(deliveries(&host, "dead").await, 0);
    host.advance(10 * MINUTE);
    until("the clock is trusted", async || (deliveries(&host, "dead").await == 1).then_some(()))
        .await;
}

#[tokio::test]
async fn a_jump_forward_makes_nothing_happen_twice() {
    let host = TestHost::with(&[]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let publish = async |key: &str| {
        let request = host.request(Method::POST, "/api/internal/events");
        let event = json!({ "community": "acme", "event_type": "paid", "dedupe_key": "payment 1" });
        answer(request.header("idempotency-key", key).json(&event)).await
    };
    let first = publish("a").await.expect(202);
    set_clock_ahead(&host, TEN_DAYS_S).await;
    poll_again(&host).await;
    let again = publish("a").await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(publish("b").await.expect(202), first, "its dedupe key still counts");
}

/// The time that the host trusted last, from its database.
fn trusted(host: &TestHost) -> i64 {
    let database = rusqlite::Connection::open(host.data().join("moothall.db")).expect("a database");
    let seen = database.query_row("SELECT seen_at FROM clock", (), |row| row.get(0));
    seen.unwrap_or(0)
}

/// Waits until the host has purged once.
pub async fn purged(host: &TestHost) {
    for _ in 0..2 {
        let before = trusted(host);
        until("the purge has begun", async || (trusted(host) != before).then_some(())).await;
    }
}

#[tokio::test]
async fn a_jump_forward_removes_no_history_until_the_clock_has_been_steady() {
    let host = TestHost::with(&[]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    host.put("/api/internal/endpoints/driver", json!({ "enabled": false })).await.expect(200);
    publish(&host, 1).await;
    let events = async || {
        let page = host.get("/api/internal/events").await.expect(200);
        page["events"].as_array().expect("a list").len()
    };
    set_clock_ahead(&host, FORTY_DAYS_S).await;
    purged(&host).await;
    assert_eq!(events().await, 1);
    set_clock_ahead(&host, 0).await;
    host.advance(35 * DAY);
    until("time has passed", async || (events().await == 0).then_some(())).await;
}

#[tokio::test]
async fn a_circuit_knows_nothing_of_the_wall_clock() {
    let mut receiver = Receiver::start().await;
    let host = TestHost::with(&[]).env("DRIVER_EVENT_RECEIVER_URL", &receiver.url).start().await;
    receiver.go_down().await;
    for number in 0..8 {
        let community = format!("c{number}");
        host.put_community(&community, json!([])).await.expect(201);
        let event = json!({ "community": community, "event_type": "posted", "data": null });
        host.post("/api/internal/events", event).await.expect(202);
    }
    until("the circuit is open", async || {
        let waiting = host.get("/api/internal/deliveries?state=waiting").await.expect(200);
        let all = waiting["deliveries"].as_array().expect("a list");
        (all.iter().filter(|one| one["attempts"] == 1).count() >= 5).then_some(())
    })
    .await;
    set_clock_ahead(&host, -TEN_DAYS_S).await;
    receiver.come_up().await;
    host.advance(Duration::from_secs(31));
    delivered(&host, 8).await;
}

#[tokio::test]
async fn a_jump_forward_closes_no_process_before_its_time() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let all = host.get("/api/internal/schedules").await.expect(200);
    let soon: Timestamp =
        all["schedules"][0]["due_at"].as_str().expect("a time").parse().expect("one");
    let closing_at = soon + jiff::Span::new().hours(72);
    let request = host.request(Method::POST, "/api/internal/process/probe.vote");
    let request = request.header("X-Metagov-Community", "acme");
    let vote = answer(request.json(&json!({ "closing_at": closing_at.to_string() }))).await;
    vote.expect(202);
    let status =
        async || -> Value { host.get(vote.header("location")).await.expect(200)["status"].clone() };
    set_clock_ahead(&host, TEN_DAYS_S).await;
    ticked(&host, 1).await;
    host.advance(MINUTE);
    ticked(&host, 2).await;
    assert_eq!(status().await, "pending");
    set_clock_ahead(&host, 0).await;
    host.advance(4 * DAY);
    until("it is closed", async || (status().await == "completed").then_some(())).await;
}

#[tokio::test]
async fn a_schedule_of_no_instance_is_removed() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host.terminate();
    let database = rusqlite::Connection::open(host.data().join("moothall.db")).expect("a database");
    let orphan = "INSERT INTO schedule (instance_id, process_id, kind, due_at, failures) VALUES (999, 0, 'producer', 1, 0)";
    assert_eq!(database.execute(orphan, ()).expect("a row"), 1);
    host.restart().await;
    until("it is gone", async || {
        let count = "SELECT count(*) FROM schedule WHERE instance_id = 999";
        let left: i64 = database.query_row(count, (), |row| row.get(0)).expect("a count");
        (left == 0).then_some(())
    })
    .await;
    let all = host.get("/api/internal/schedules").await.expect(200);
    assert_eq!(all["schedules"].as_array().expect("a list").len(), 1);
}
