//! A store that does not write for a while, does not come back, or fails for good: what happens to
//! work, how requests are answered, and what `/readyz` says. Another process that locks the
//! database stands for a disk that does not write: with a short `busy_ms` each write fails, with a
//! long one it hangs.

mod reads;

use std::time::Duration;

use moothall_tests::{Receiver, Reply, TestHost, until};
use rusqlite::Connection;
use serde_json::json;

/// Each write fails after a moment while another process holds the database.
const FAILS: &str = "[store]\nbusy_ms = 50";

/// Each write hangs, and is given up after a moment.
const HANGS: &str = "[store]\nbusy_ms = 600000\nstalled_ms = 500\nquiet_ms = 100";

const HOUR: Duration = Duration::from_secs(3600);

/// More than enough for an answer that waits for nothing.
const SOON: Duration = Duration::from_secs(5);

/// Locks the database: nobody else can write until this is dropped.
pub fn hold(host: &TestHost) -> Connection {
    let database = host.database();
    database.busy_timeout(Duration::from_secs(30)).expect("a connection");
    database.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes for long");
    database
}

async fn not_ready(host: &TestHost) -> String {
    let answer = until("the host is not ready", async || {
        let answer = host.get("/readyz").await;
        (answer.status != 200).then_some(answer)
    });
    answer.await.problem(503, "not_ready")
}

/// Makes this many writes fail. Each waits for the store, and meanwhile other work could have run.
async fn write_in_vain(host: &TestHost, times: usize) {
    for _ in 0..times {
        let refused = host.put_community("in-vain", json!([])).await;
        refused.problem(503, "store_unavailable");
    }
}

async fn publish(host: &TestHost, source: &str) {
    let event = json!({ "community": "acme", "source": source, "event_type": "posted", "data": 1 });
    host.post("/api/internal/events", event).await.expect(202);
}

/// The sum of the samples with these labels.
async fn counted(host: &TestHost, labels: &[&str]) -> f64 {
    let metrics = host.get("/metrics").await.text;
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    let ours = lines.filter(|line| labels.iter().all(|label| line.contains(label)));
    ours.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

#[tokio::test]
async fn what_was_answered_while_the_store_did_not_write_is_not_sent_again() {
    let receiver = Receiver::start().await;
    let host = TestHost::with(&[])
        .toml(FAILS)
        .env("DRIVER_EVENT_RECEIVER_URL", &receiver.url)
        .start()
        .await;
    host.put_community("acme", json!([])).await.expect(201);
    receiver.script((0..5).map(|_| Reply::Held(200)));
    for source in ["a", "b", "c", "d", "e"] {
        publish(&host, source).await;
    }
    receiver.wait_for(5).await;
    let held = hold(&host);
    receiver.let_go();
    let said = not_ready(&host).await;
    assert!(said.contains("store"), "{said}");
    for _ in 0..3 {
        // No matter how much time passes for the host.
        host.advance(HOUR);
        write_in_vain(&host, 8).await;
    }
    assert_eq!(receiver.received().len(), 5, "nothing is sent while nothing can be stored");
    drop(held);
    host.ready().await;
    publish(&host, "f").await;
    until("everything is delivered", async || {
        let page = host.get("/api/internal/deliveries?state=delivered").await.expect(200);
        (page["deliveries"].as_array()?.len() == 6).then_some(())
    })
    .await;
    let received = receiver.received();
    assert_eq!(received.len(), 6, "each was sent once");
    assert!(received.iter().all(|one| one.header("webhook-attempt") == "1"));
}

#[tokio::test]
async fn nothing_is_begun_while_the_store_does_not_write_and_all_goes_on_by_itself() {
    let toml = format!("{FAILS}\n[plugins.probe]\nevery = {{ producer = \"1s\" }}");
    let host = TestHost::with(&["probe"]).toml(&toml).start().await;
    host.community("acme", "probe", json!({})).await;
    let ticks = ["moothall_calls_total", "origin=\"tick\""];
    until("it ticks", async || (counted(&host, &ticks).await > 0.0).then_some(())).await;
    let held = hold(&host);
    not_ready(&host).await;
    // Work that had begun by then ends.
    write_in_vain(&host, 20).await;
    let before = counted(&host, &ticks).await;
    for _ in 0..3 {
        host.advance(HOUR);
        write_in_vain(&host, 8).await;
    }
    assert_eq!(counted(&host, &ticks).await, before, "no tick that could not be stored");
    drop(held);
    host.ready().await;
    until("it ticks again", async || (counted(&host, &ticks).await > before).then_some(())).await;
}

#[tokio::test]
async fn a_write_that_hangs_is_answered_as_the_store_s_fault_and_the_host_is_not_ready() {
    let toml = format!("{HANGS}\n[limits]\nlock_wait_ms = 3000");
    let host = TestHost::with(&["probe"]).toml(&toml).start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    let held = hold(&host);
    let put = json!({ "key": "a", "value": 2 });
    host.action("acme", "probe.put", put.clone()).await.problem(503, "store_unavailable");
    let said = not_ready(&host).await;
    assert!(said.contains("store"), "{said}");
    // The hanging write holds the instance's lock.
    host.action("acme", "probe.put", put).await.problem(503, "store_unavailable");
    host.get("/healthz").await.expect(200);
    host.get("/api/internal/community/acme").await.expect(200);
    drop(held);
    host.ready().await;
    let found = host.result("acme", "probe.get", json!({ "key": "a" })).await;
    assert_eq!(found["value"], 1, "what was refused before it began is never stored");
    host.result("acme", "probe.put", json!({ "key": "a", "value": 3 })).await;
}

#[tokio::test]
async fn a_host_without_work_notices_that_its_store_does_not_write() {
    let host = TestHost::with(&[]).toml(HANGS).start().await;
    let held = hold(&host);
    let said = not_ready(&host).await;
    assert!(said.contains("store"), "{said}");
    drop(held);
    host.ready().await;
}

#[tokio::test]
async fn a_disk_that_fails_in_a_commit_ends_the_host_and_a_restart_has_what_was_answered() {
    // A write beyond the limit fails like one that the disk refuses, unless it ends the process.
    let mut host = TestHost::with(&["probe"]).after("trap '' XFSZ").start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    let log = std::fs::metadata(host.data().join("moothall.db-wal")).expect("a log").len();
    host.limit_files(log + 8_192);
    let large = json!({ "key": "b", "value": "x".repeat(200_000) });
    host.action("acme", "probe.put", large).await.problem(503, "store_unavailable");
    assert_eq!(host.ended(), Some(1), "it ended as a failure");
    assert!(host.logs().contains("the disk failed in a commit"), "{}", host.logs());
    host.restart().await;
    let found = host.result("acme", "probe.get", json!({ "key": "a" })).await;
    assert_eq!(found["value"], 1);
    assert_eq!(host.result("acme", "probe.get", json!({ "key": "b" })).await["value"], json!(null));
}

#[tokio::test]
async fn requests_that_the_host_fails_do_not_fill_its_log() {
    let few = "[log]\nfailed_requests_per_second = 1\nfailed_requests_at_once = 10";
    let host = TestHost::with(&[]).toml(FAILS).toml(few).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let held = hold(&host);
    not_ready(&host).await;
    let event = json!({ "community": "acme", "event_type": "posted", "data": 1 });
    for _ in 0..300 {
        let refused = host.post("/api/internal/events", event.clone()).await;
        refused.problem(503, "store_unavailable");
    }
    drop(held);
    let log = until("what has no line is logged", async || {
        let log = host.logs();
        log.contains("more requests than the log has lines about").then_some(log)
    })
    .await;
    let lines = log.matches("the host failed a request").count();
    assert!((10..200).contains(&lines), "{lines} lines");
}

#[tokio::test]
async fn a_start_while_nothing_can_be_stored_serves_and_stores_what_it_has_to_later() {
    let (before, after) = (Receiver::start().await, Receiver::start().await);
    let mut host = TestHost::with(&["probe"])
        .toml(FAILS)
        .env("DRIVER_EVENT_RECEIVER_URL", &before.url)
        .start()
        .await;
    host.community("acme", "probe", json!({})).await;
    host.terminate();
    let held = hold(&host);
    host.set_env("DRIVER_EVENT_RECEIVER_URL", &after.url);
    host.restart_without_waiting();
    host.get("/healthz").await.expect(200);
    let said = not_ready(&host).await;
    assert!(said.contains("store"), "{said}");
    host.action("acme", "probe.get", json!({ "key": "a" })).await.expect(200);
    drop(held);
    host.ready().await;
    until("the driver's URL is stored", async || {
        let driver = host.get("/api/internal/endpoints/driver").await.expect(200);
        (driver["url"] == *after.url).then_some(())
    })
    .await;
    publish(&host, "a").await;
    after.wait_for(1).await;
    assert_eq!(before.received().len(), 0, "nothing goes to a URL that the driver has no more");
    host.terminate();
}
