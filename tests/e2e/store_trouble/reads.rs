//! Reads that hang, and damage that a read meets.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use moothall_tests::{Driver, TestHost, until};
use serde_json::json;

use super::{SOON, counted, not_ready};

/// Holds locks that every read and write needs until it is dropped, like a disk that does not
/// answer.
struct HeldReads(Child);

fn hold_reads(host: &TestHost) -> HeldReads {
    // SQLite rebuilds an invalid index under two locks, and another process has both.
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
        // A process that has ended already holds nothing.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A host with one thread for HTTP, so that one stuck request could block everybody.
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

/// A client with its own connections: those of others may belong to a thread that is stuck.
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
            // A connection that the thread accepted just before it got stuck has to be tried again.
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
    // The stand-in for the first thread takes its connection, and hangs as well.
    let mut second = std::pin::pin!(two.action("other", "probe.get", key));
    let others = async {
        are_read_for(2).await;
        for _ in 0..3 {
            newcomer(&host).get("/healthz").await.expect(200);
            newcomer(&host).get("/readyz").await.expect(200);
            let two = json!({ "value": 2 });
            newcomer(&host).result("acme", "tutorial.times-two", two).await;
        }
        // One client for all requests: it never reaches the thread that is stuck.
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
        // A request that would have to read is refused at once.
        let reader = newcomer(&host).get("/api/internal/deliveries").await;
        reader.problem(503, "store_unavailable");
        newcomer(&host).get("/readyz").await.problem(503, "not_ready")
    };
    let said = tokio::select! {
        biased;
        _ = &mut stuck => panic!("the read that hangs was answered first"),
        said = said => said,
    };
    assert!(said.contains("A read from the store hangs"), "{said}");
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
