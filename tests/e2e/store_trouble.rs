//! A store that does not write for a while, does not come back, or fails for good: what becomes of work, what
//! is answered, and what `/readyz` says. Another process that holds the database stands for a disk that does
//! not write: with a short `busy_ms` each write fails, with a long one it hangs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use moothall_tests::{Driver, Receiver, Reply, TestHost, until};
use rusqlite::Connection;
use serde_json::json;

/// Each write fails after a moment while another process holds the database.
const FAILS: &str = "[store]\nbusy_ms = 50";
/// It hangs, and is given up after a moment.
const HANGS: &str = "[store]\nbusy_ms = 600000\nstalled_ms = 500\nquiet_ms = 100";
const HOUR: Duration = Duration::from_secs(3600);
/// Ample for an answer that nothing holds up.
const SOON: Duration = Duration::from_secs(5);

/// From now on nobody else writes, until this is dropped.
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

/// Writes that fail, so many: each has waited for the store, and meanwhile others could have.
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

/// How often the metric with these labels was counted.
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
        // However much time passes for the host.
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
    // What had begun by then ends.
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
    // The lock of the instance is with the write that hangs.
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

/// Holds what every read and write has to have, until it is dropped: as on a disk that does not answer.
struct HeldReads(Child);

fn hold_reads(host: &TestHost) -> HeldReads {
    // An index that is not valid has to be made anew under two locks, of which somebody else has both.
    const SCRIPT: &str = "import fcntl, sys\n\
                          index = open(sys.argv[1], 'r+b', buffering=0)\n\
                          fcntl.lockf(index, fcntl.LOCK_EX, 1, 120)\n\
                          fcntl.lockf(index, fcntl.LOCK_EX, 1, 122)\n\
                          index.write(bytes(96))\n\
                          print('held', flush=True)\n\
                          sys.stdin.read()";
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(host.data().join("moothall.db-shm"));
    python.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().expect("this test needs python3");
    let stdout = child.stdout.take().expect("standard output is piped");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    assert_eq!(line.trim(), "held");
    HeldReads(child)
}

impl Drop for HeldReads {
    fn drop(&mut self) {
        // One that has ended already holds nothing.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A host with one thread for HTTP, so that whoever is stuck is in everybody's way.
async fn host_of_one_thread(store: &str) -> TestHost {
    let toml = format!(
        "[http]\nthreads = 1\n[limits]\nwall_ms = 600000\n\
         [store]\nbusy_ms = 600000\nslow_read_ms = 100\n{store}"
    );
    let host = TestHost::with(&["probe", "tutorial"]).toml(&toml).start().await;
    for community in ["acme", "other"] {
        let config = json!([
            { "name": "probe", "config": {} },
            { "name": "tutorial", "config": { "api_key": "k" } },
        ]);
        host.put_community(community, config).await.expect(201);
    }
    host
}

/// A client whose connections are its own: those of others may be with a thread that is stuck.
fn newcomer(host: &TestHost) -> Driver {
    Driver::new(host.url.clone())
}

#[tokio::test]
async fn a_read_that_hangs_stops_nobody_who_needs_no_disk() {
    let host = host_of_one_thread("stalled_ms = 600000").await;
    let held = hold_reads(&host);
    let (one, two) = (newcomer(&host), newcomer(&host));
    let key = json!({ "key": "a" });
    let are_read_for = async |calls: u32| {
        until("so many are being read for", async || {
            // One that the thread took just before it got stuck has to come again.
            let asked = tokio::time::timeout(SOON, async { newcomer(&host).get("/metrics").await });
            let metrics = asked.await.ok()?.text;
            let line = format!("moothall_calls_in_flight {calls}");
            metrics.lines().any(|one| one == line).then_some(())
        })
        .await;
    };
    let mut first = std::pin::pin!(one.action("acme", "probe.get", key.clone()));
    tokio::select! {
        biased;
        _ = &mut first => panic!("the read that hangs was answered first"),
        () = are_read_for(1) => {}
    }
    // Its connection is taken by whoever stands in for the thread of the first, and it hangs as well.
    let mut second = std::pin::pin!(two.action("other", "probe.get", key));
    let others = async {
        are_read_for(2).await;
        for _ in 0..3 {
            newcomer(&host).get("/healthz").await.expect(200);
            newcomer(&host).get("/readyz").await.expect(200);
            let two = json!({ "value": 2 });
            newcomer(&host).result("acme", "tutorial.times-two", two).await;
        }
        // One client for all: it is never led to the thread that is stuck.
        let prober = newcomer(&host);
        for _ in 0..3 {
            let answer = prober.get("/healthz").await;
            assert_eq!(answer.header("connection"), "close");
        }
    };
    tokio::select! {
        biased;
        _ = &mut first => panic!("the read that hangs was answered first"),
        _ = &mut second => panic!("the other read that hangs was answered first"),
        () = others => {}
    }
    drop(held);
    first.await.expect(200);
    second.await.expect(200);
    for _ in 0..3 {
        newcomer(&host).action("acme", "probe.get", json!({ "key": "a" })).await.expect(200);
    }
}

#[tokio::test]
async fn readiness_tells_of_a_read_that_hangs_while_it_hangs() {
    let host = host_of_one_thread("stalled_ms = 3000").await;
    let held = hold_reads(&host);
    let one = newcomer(&host);
    let mut stuck = std::pin::pin!(one.get("/api/internal/deliveries"));
    let said = async {
        until("the read is seen to hang", async || {
            host.logs().contains("the store cannot be read").then_some(())
        })
        .await;
        // Whoever would have to read hears at once that nobody can.
        let reader = newcomer(&host).get("/api/internal/deliveries").await;
        reader.problem(503, "store_unavailable");
        newcomer(&host).get("/readyz").await.problem(503, "not_ready")
    };
    let said = tokio::select! {
        biased;
        _ = &mut stuck => panic!("the read that hangs was answered first"),
        said = said => said,
    };
    assert!(said.contains("The store does not come back"), "{said}");
    drop(held);
    stuck.await.problem(503, "store_unavailable");
    host.ready().await;
    newcomer(&host).action("acme", "probe.get", json!({ "key": "a" })).await.expect(200);
}

#[tokio::test]
async fn damage_that_a_read_meets_is_not_ready() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    let database = host.database();
    database
        .execute_batch(
            "PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = replace(sql, 'STRICT, WITHOUT ROWID', 'WITHOUT ROWID') WHERE name = 'state';",
        )
        .expect("a schema that can be written");
    drop(database);
    let other = host.database();
    other.execute("UPDATE state SET value = x'ff'", []).expect("a row that is not text");
    drop(other);
    host.action("acme", "probe.get", json!({ "key": "a" })).await.problem(503, "store_unavailable");
    let said = not_ready(&host).await;
    assert!(said.contains("store is damaged"), "{said}");
}

#[tokio::test]
async fn a_disk_that_fails_in_a_commit_ends_the_host_and_a_restart_has_what_was_answered() {
    // A write beyond the limit fails as one that the disk refuses, if it does not end the process.
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
async fn a_long_reader_that_lets_the_log_grow_is_named() {
    let toml = "[store]\ncheckpoint_bytes = 100000\nlog_keep_bytes = 400000\nlong_read_ms = 300";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    let write = async |times: usize| {
        for number in 0..times {
            let put = json!({ "key": "a", "value": format!("{number}{}", "x".repeat(50_000)) });
            host.result("acme", "probe.put", put).await;
        }
    };
    let log_bytes = async || counted(&host, &["moothall_store_log_bytes"]).await;
    write(1).await;
    let reader = host.database();
    reader.execute_batch("BEGIN; SELECT count(*) FROM state").expect("it can be read");
    until("the log has grown", async || {
        write(5).await;
        (log_bytes().await > 1_000_000.0).then_some(())
    })
    .await;
    let process = format!("process {}", std::process::id());
    until("the log says who reads", async || {
        write(1).await;
        let logs = host.logs();
        let line = logs.lines().find(|line| line.contains("the write-ahead log grows"))?;
        assert!(line.contains(&process), "{line}");
        Some(())
    })
    .await;
    assert!(counted(&host, &["moothall_store_checkpoint_age_seconds"]).await > 0.3);
    drop(reader);
    let log = host.data().join("moothall.db-wal");
    until("the log's file is short again", async || {
        write(1).await;
        (std::fs::metadata(&log).expect("a log").len() <= 400_000).then_some(())
    })
    .await;
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
    let log = until("what has no line is told", async || {
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
