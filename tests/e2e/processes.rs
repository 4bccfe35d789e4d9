//! Governance processes: started, polled, updated, closed, reported to their driver; completed when
//! their instance is removed.

use std::time::Duration;

use moothall_tests::{Answer, Receiver, Reply, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const EIGHTY_YEARS: Duration = Duration::from_secs(80 * 365 * 24 * 3600);

async fn host() -> TestHost {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host
}

async fn start(host: &TestHost, process: &str, parameters: Value) -> Answer {
    let path = format!("/api/internal/process/{process}");
    let request = host.request(Method::POST, &path).header("X-Metagov-Community", "acme");
    answer(request.json(&parameters)).await
}

/// The URL of a started process.
async fn started(host: &TestHost, process: &str, parameters: Value) -> String {
    let answer = start(host, process, parameters).await;
    assert_eq!(answer.expect(202)["status"], "pending");
    answer.header("location").to_owned()
}

async fn pending(host: &TestHost) -> usize {
    let page = host.get("/api/internal/process?status=pending").await.expect(200);
    page["processes"].as_array().expect("a list").len()
}

async fn completed(host: &TestHost, location: &str) -> Value {
    until("the process is completed", async || {
        let process = host.get(location).await.expect(200);
        (process["status"] == "completed").then_some(process)
    })
    .await
}

#[tokio::test]
async fn a_process_is_started_polled_and_closed() {
    let host = host().await;
    let parameters =
        json!({ "url": "https://vote.example/1", "closing_at": "2100-01-01T00:00:00Z" });
    let location = started(&host, "probe.vote", parameters).await;
    let process = host.get(&location).await.expect(200);
    assert_eq!(process["name"], "probe.vote");
    assert_eq!(process["community"], "acme");
    assert_eq!(process["url"], "https://vote.example/1");
    assert_eq!(process["closing_at"], "2100-01-01T00:00:00.000Z");
    assert_eq!((&process["outcome"], &process["errors"]), (&json!({}), &json!({})));
    let other = location.replace("probe.vote", "probe.no-close");
    host.get(&other).await.problem(404, "not_found");

    let closed = host.delete(&location).await.expect(200);
    assert_eq!(
        (&closed["status"], &closed["outcome"]["closed_by"]),
        (&json!("completed"), &json!("close"))
    );
    let again = host.delete(&location).await.problem(400, "already_completed");
    assert_eq!(again, "Can't close process, it has already completed");
    assert_eq!(host.get(&location).await.expect(200), closed);
}

#[tokio::test]
async fn what_cannot_be_started_leaves_nothing_behind() {
    let host = host().await;
    let refused = start(&host, "probe.vote", json!({ "updates": "many" })).await;
    refused.problem(400, "invalid_parameters");
    assert!(!refused.error_paths().is_empty());
    start(&host, "probe.nothing", json!({})).await.problem(404, "unknown_process");
    start(&host, "nobody.vote", json!({})).await.problem(404, "unknown_plugin");
    host.put_community("bare", json!([])).await.expect(201);
    let request = host.request(Method::POST, "/api/internal/process/probe.vote");
    let request = request.header("X-Metagov-Community", "bare").json(&json!({}));
    answer(request).await.problem(400, "plugin_not_enabled");
    let refused = start(&host, "probe.vote", json!({ "callback_url": "ftp://driver" })).await;
    refused.problem(400, "bad_request");
    let failed = start(&host, "probe.vote", json!({ "fail": "start" })).await;
    failed.problem(500, "internal");
    let all = host.get("/api/internal/process").await.expect(200);
    assert_eq!(all["processes"], json!([]));
}

#[tokio::test]
async fn a_plugin_without_close_or_that_does_not_complete_says_so() {
    let host = host().await;
    let location = started(&host, "probe.no-close", json!({})).await;
    let refused = host.delete(&location).await.problem(501, "no_close");
    assert_eq!(refused, "probe.no-close does not support manually closing the process.");
    let location = started(&host, "probe.vote", json!({ "fail": "close" })).await;
    host.delete(&location).await.problem(500, "internal");
    assert_eq!(host.get(&location).await.expect(200)["status"], "pending");
    assert_eq!(pending(&host).await, 2);
}

/// The plugin's schedules except the producer's.
async fn process_schedules(host: &TestHost) -> Vec<Value> {
    let all = host.get("/api/internal/schedules").await.expect(200);
    let all = all["schedules"].as_array().expect("a list").clone();
    all.into_iter().filter(|one| one["kind"] != "producer").collect()
}

#[tokio::test]
async fn updates_complete_it_minute_by_minute() {
    let host = host().await;
    let location = started(&host, "probe.vote", json!({ "updates": 2 })).await;
    host.advance(MINUTE);
    until("the first update was made", async || {
        (process_schedules(&host).await[0]["last_at"] != Value::Null).then_some(())
    })
    .await;
    assert_eq!(host.get(&location).await.expect(200)["status"], "pending");
    host.advance(MINUTE);
    assert_eq!(completed(&host, &location).await["outcome"]["updates"], 2);
    assert_eq!(process_schedules(&host).await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_host_keeps_the_closing_time() {
    let mut host = host().await;
    let at = "2000-01-01T00:00:00Z";
    let passed = started(&host, "probe.vote", json!({ "closing_at": at })).await;
    assert_eq!(completed(&host, &passed).await["outcome"]["closed_by"], "close");

    let later = json!({ "closing_at": "2090-01-01T00:00:00Z" });
    let location = started(&host, "probe.vote", later).await;
    host.kill_9();
    host.advance(EIGHTY_YEARS);
    host.restart().await;
    assert_eq!(completed(&host, &location).await["outcome"]["closed_by"], "close");
}

/// A plugin of the SDK cannot hand over anything else than a moment.
#[tokio::test]
async fn a_plugin_hears_what_a_closing_time_looks_like() {
    let host = TestHost::with(&["raw"]).start().await;
    host.community("acme", "raw", json!({})).await;
    for (text, says) in [("tomorrow", 400), ("2100-01-01", 400), ("2100-01-01T00:00:00Z", 202)] {
        let parameters = json!({ "to": "closing-at", "text": text });
        let started = start(&host, "raw.hand-over", parameters).await;
        assert_eq!(started.status, says, "{}", started.text);
        if says == 400 {
            let detail = started.problem(400, "invalid");
            let expected = format!("`{text}` is not a time as RFC 3339 has it");
            assert!(detail.contains(&expected), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_close_may_move_the_closing_time() {
    let host = host().await;
    let parameters =
        json!({ "closing_at": "2090-01-01T00:00:00Z", "extend": "2150-01-01T00:00:00Z" });
    let location = started(&host, "probe.vote", parameters).await;
    host.advance(EIGHTY_YEARS);
    until("it is moved", async || {
        let process = host.get(&location).await.expect(200);
        (process["closing_at"] == "2150-01-01T00:00:00.000Z").then_some(())
    })
    .await;
    assert_eq!(host.get(&location).await.expect(200)["status"], "pending");
    host.advance(EIGHTY_YEARS);
    assert_eq!(completed(&host, &location).await["outcome"]["closed_by"], "close");
}

#[tokio::test]
async fn whoever_disables_the_plugin_completes_its_processes() {
    let host = host().await;
    let location = started(&host, "probe.vote", json!({})).await;
    host.put_community("acme", json!([])).await.expect(200);
    let process = host.get(&location).await.expect(200);
    assert_eq!(process["errors"], json!({ "code": "instance_disabled" }));
    assert_eq!(process["status"], "completed");

    host.delete("/api/internal/community/acme").await.expect(204);
    host.get(&location).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_driver_is_told_after_the_commit_and_however_long_it_is_down() {
    let receiver = Receiver::start().await;
    let host = host().await;
    let callback = json!({ "callback_url": receiver.url });
    let location = started(&host, "probe.vote", callback.clone()).await;
    let closed = host.delete(&location).await.expect(200);
    let notified =
        until("the driver is notified", async || receiver.received().first().cloned()).await;
    assert_eq!(notified.json(), closed);
    assert_eq!(notified.header("content-type"), "application/json");
    assert!(notified.header("webhook-signature").starts_with("v1,"));

    receiver.script([Reply::Close, Reply::Status(500)]);
    let location = started(&host, "probe.vote", callback).await;
    let closed = host.delete(&location).await.expect(200);
    until("one try has failed", async || {
        let waiting = host.get("/api/internal/deliveries?state=waiting").await.expect(200);
        (waiting["deliveries"][0]["attempts"].as_i64() >= Some(1)).then_some(())
    })
    .await;
    let notified = until("the driver is notified", async || {
        host.advance(MINUTE);
        receiver.received().get(3).cloned()
    })
    .await;
    assert_eq!(notified.json(), closed);
    assert_eq!(notified.header("webhook-attempt"), "3");
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let host = host().await;
    for _ in 0..3 {
        started(&host, "probe.vote", json!({})).await;
    }
    host.community("other", "probe", json!({})).await;
    let request = host.request(Method::POST, "/api/internal/process/probe.vote");
    let request = request.header("X-Metagov-Community", "other").json(&json!({}));
    answer(request).await.expect(202);
    assert_eq!(pending(&host).await, 4);
    let first = host.get("/api/internal/process?community=acme&limit=2").await.expect(200);
    assert_eq!(first["processes"].as_array().map(Vec::len), Some(2));
    let next = first["next"].as_str().expect("more").to_owned();
    let rest = host
        .get(&format!("/api/internal/process?community=acme&limit=2&after={next}"))
        .await
        .expect(200);
    assert_eq!(rest["processes"].as_array().map(Vec::len), Some(1));
    assert_eq!(rest["next"], Value::Null);
    let none = host.get("/api/internal/process?status=completed").await.expect(200);
    assert_eq!(none["processes"], json!([]));
    host.get("/api/internal/process?status=lost").await.problem(400, "bad_request");
    host.get("/api/internal/process?community=nobody").await.problem(400, "unknown_community");
}

/// More processes than one write completes.
const MANY: usize = 2_600;

/// A host whose one process was copied many times in the database while it was down; nobody listens
/// at their callbacks.
async fn host_with_many() -> TestHost {
    let mut host = host().await;
    started(&host, "probe.vote", json!({ "callback_url": "http://127.0.0.1:9/done" })).await;
    host.put_community("other", json!([])).await.expect(201);
    host.terminate();
    let database = rusqlite::Connection::open(host.data().join("moothall.db")).expect("a database");
    let copies = "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
                  INSERT INTO process SELECT i, public_id || i, community_id, instance_id, plugin, name, status, outcome, \
                  errors, url, callback_url, NULL, state_bytes, created_at, completed_at, written_by FROM process, n";
    assert_eq!(database.execute(copies, [MANY as i64]).expect("copies"), MANY - 1);
    drop(database);
    host.restart().await;
    host
}

async fn database(host: &mut TestHost) -> rusqlite::Connection {
    host.terminate();
    rusqlite::Connection::open(host.data().join("moothall.db")).expect("a database")
}

fn count(database: &rusqlite::Connection, sql: &str) -> usize {
    let number: i64 = database.query_row(sql, (), |row| row.get(0)).expect("a number");
    usize::try_from(number).expect("a count")
}

const PENDING: &str = "SELECT count(*) FROM process WHERE status <> 'completed'";

#[tokio::test]
async fn a_mutation_that_fails_completes_no_process_however_many_there_are() {
    let mut host = host_with_many().await;
    let taken = json!({ "slug": "other", "plugins": [] });
    let refused = host.put("/api/internal/community/acme", taken).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    let database = database(&mut host).await;
    assert_eq!(count(&database, PENDING), MANY);
    let notices = "SELECT count(*) FROM event WHERE event_type = 'process.updated'";
    assert_eq!(count(&database, notices), 0, "nobody was notified of what did not happen");
}

#[tokio::test]
async fn deleting_a_community_completes_and_tells_all_its_processes_however_many_there_are() {
    let mut host = host_with_many().await;
    assert_eq!(host.delete("/api/internal/community/acme").await.status, 204);
    assert_eq!(host.get("/api/internal/process").await.expect(200)["processes"], json!([]));
    let database = database(&mut host).await;
    assert_eq!(count(&database, PENDING), 0);
    let notices = "SELECT count(*) FROM event WHERE event_type = 'process.updated' AND community = 'acme' \
                AND data LIKE '%instance_disabled%' AND data LIKE '%completed%'";
    assert_eq!(count(&database, notices), MANY);
}
