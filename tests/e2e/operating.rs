//! What supervisors and operators rely on: health, metrics, backups, and a store that cannot be
//! written.

use std::fs::File;
use std::io::{BufRead, BufReader};

use moothall_tests::{Answer, TestHost, crafted, guests, until};
use serde_json::json;

#[tokio::test]
async fn health_and_readiness_are_told() {
    let host = TestHost::with(&["tutorial"]).start().await;
    assert_eq!(host.get("/healthz").await.expect(200), json!({ "status": "ok" }));
    assert_eq!(host.get("/readyz").await.expect(200), json!({ "status": "ready" }));
}

#[tokio::test]
async fn one_line_at_the_start_says_what_the_host_works_on_and_what_it_may_use() {
    let toml = "[limits]\nguest_memory_bytes = 268435456";
    let mut host = TestHost::with(&["probe", "tutorial"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    host.community("other", "probe", json!({})).await;
    host.restart().await;
    let line = until("the second start is logged", async || {
        let log = host.logs();
        log.lines().filter(|line| line.contains("started")).nth(1).map(str::to_owned)
    })
    .await;
    for said in [
        format!("version=\"{}\"", env!("CARGO_PKG_VERSION")).as_str(),
        "data=data ",
        "plugins=data/plugins ",
        "schema=",
        "files=2 communities=2 instances=2 ",
        "cores=",
        "descriptors=",
        "guest_memory_mib=256 memory_per_plugin_mib=192 resident_memory_mib=128 ",
        "calls=128 calls_per_plugin=64 warm_slots=16 ",
        &format!("address={}", host.url),
    ] {
        assert!(line.contains(said), "{said} is not in {line}");
    }
}

#[tokio::test]
async fn metrics_count_calls_by_plugin_and_outcome() {
    let host = TestHost::with(&["tutorial", "misbehaving"]).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    host.community("other", "misbehaving", json!({})).await;
    for _ in 0..3 {
        host.result("acme", "tutorial.times-two", json!({ "value": 1 })).await;
    }
    host.action("other", "misbehaving.panic-now", json!({})).await.expect(502);
    let metrics = host.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain"));
    let count = |parts: &[&str]| {
        let mut lines = metrics.text.lines().filter(|line| !line.starts_with('#'));
        let line = lines.find(|line| parts.iter().all(|part| line.contains(part)));
        line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
    };
    let calls = "moothall_calls_total{";
    assert_eq!(count(&[calls, "name=\"times-two\"", "outcome=\"ok\""]), Some(3.0));
    assert_eq!(count(&[calls, "name=\"panic-now\"", "outcome=\"failed\""]), Some(1.0));
    assert_eq!(count(&["moothall_call_seconds_count", "name=\"times-two\""]), Some(3.0));
    assert_eq!(count(&["moothall_communities"]), Some(2.0));
    assert_eq!(count(&["moothall_calls_in_flight"]), Some(0.0));
    assert_eq!(count(&["moothall_http_requests_total", "status=\"502\""]), Some(1.0));
    until("the failed call is recorded, and holds no memory any more", async || {
        let metrics = host.get("/metrics").await.text;
        metrics.lines().any(|line| line == "moothall_guest_memory_bytes 0").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_file_that_comes_later_and_compiles_leaves_the_host_ready() {
    let host = TestHost::with(&["tutorial"]).start().await;
    for (file, mark) in [("tutorial.wasm", 51), ("another.wasm", 52)] {
        host.put_plugin(file, &guests::with_another_digest("tutorial", mark));
        until("the listing says that it compiles", async || {
            (host.file(file).await["status"] == "compiling").then_some(())
        })
        .await;
        until("it is looked at, and the host is ready all the time", async || {
            host.get("/readyz").await.expect(200);
            (host.file(file).await["status"] != "compiling").then_some(())
        })
        .await;
    }
    host.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn a_start_is_over_when_every_file_is_compiled_or_has_failed() {
    let mut host = TestHost::with(&["tutorial"]).start().await;
    host.terminate();
    for (file, mark) in [("one.wasm", 53), ("two.wasm", 54)] {
        host.put_plugin(file, &guests::with_another_digest("probe", mark));
    }
    host.put_plugin("broken.wasm", &guests::bytes("probe")[..20_000]);
    host.restart_without_waiting();
    let detail = host.get("/readyz").await.problem(503, "not_ready");
    assert!(detail.contains("/api/internal/plugins"), "{detail}");
    host.ready().await;
    let listed = host.get("/api/internal/plugins").await.expect(200);
    let files = listed["plugins"].as_array().cloned().unwrap_or_default();
    let states: Vec<&str> = files.iter().filter_map(|file| file["status"].as_str()).collect();
    assert_eq!(states.len(), 4);
    assert!(!states.contains(&"compiling"), "{listed}");
}

#[tokio::test]
async fn a_plugin_directory_that_was_emptied_is_not_ready_while_plugins_are_enabled() {
    let toml = "[directory]\nsettle_ms = 10\nremoval_ms = 100";
    let mut host = TestHost::with(&["tutorial"]).toml(toml).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    let emptied = async |host: &TestHost| {
        until("the directory is seen to be empty", async || {
            let answer = host.get("/readyz").await;
            let empty = answer.status == 503 && answer.text.contains("plugin directory has no");
            empty.then_some(())
        })
        .await;
    };
    std::fs::remove_file(host.plugin_file("tutorial.wasm")).expect("the file is there");
    emptied(&host).await;
    // This happens at a start without the volume.
    host.restart_without_waiting();
    emptied(&host).await;
    host.put_guest("tutorial");
    host.ready().await;
    std::fs::remove_file(host.plugin_file("tutorial.wasm")).expect("the file is there");
    emptied(&host).await;
    // If nothing is enabled, an empty directory is fine.
    host.put_community("acme", json!([])).await.expect(200);
    host.ready().await;
}

/// The lines of `/metrics` that are samples.
fn numbers(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[tokio::test]
async fn metrics_say_only_what_happened_with_help_and_unit() {
    let host = TestHost::with(&["tutorial", "misbehaving", "probe", "resident"]).start().await;
    let before = host.get("/metrics").await.text;
    for line in numbers(&before) {
        let zero = line.ends_with(" 0");
        assert!(!(zero && line.contains("plugin=")), "nothing of that happened: {line}");
        assert!(!line.contains("\"probe\""), "nobody has called it: {line}");
    }
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.whoami", json!({})).await;

    let text = host.get("/metrics").await.text;
    let of_probe: Vec<&str> =
        numbers(&text).into_iter().filter(|line| line.contains("\"probe\"")).collect();
    let counters = of_probe.iter().filter(|line| line.starts_with("moothall_calls_total"));
    assert_eq!(counters.count(), 2, "initialize and whoami, each with one outcome: {of_probe:#?}");
    for line in numbers(&text) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let declared = ["", "_bucket", "_sum", "_count"].iter().any(|part| {
            let name = name.strip_suffix(part).unwrap_or_default();
            let help = text.lines().find(|line| line.starts_with(&format!("# HELP {name} ")));
            let kind = text.lines().any(|line| line.starts_with(&format!("# TYPE {name} ")));
            kind && help.is_some_and(|help| help.contains(". Unit: ") && help.ends_with('.'))
        });
        assert!(declared, "{name} has no type, no help or no unit");
    }
}

#[tokio::test]
async fn one_plugin_cannot_make_metrics_as_long_as_it_likes() {
    let toml = "[metrics]\nlines = 200\nplugin_lines = 50";
    let host = TestHost::with(&["tutorial"]).toml(toml).start().await;
    let slugs: Vec<String> = (0..60).map(|number| format!("do-{number}")).collect();
    let actions: Vec<_> = slugs.iter().map(|slug| json!({ "slug": slug })).collect();
    let manifest = json!({ "name": "many", "actions": actions });
    host.put_plugin("many.wasm", &crafted::plugin(&manifest, crafted::ANSWER_NOTHING));
    until("the plugin serves", async || {
        (host.file("many.wasm").await["status"] == "ready").then_some(())
    })
    .await;
    host.community("acme", "many", json!({})).await;
    for slug in &slugs {
        assert_eq!(host.action("acme", &format!("many.{slug}"), json!({})).await.status, 200);
    }
    host.community("other", "tutorial", json!({ "api_key": "k" })).await;
    host.result("other", "tutorial.times-two", json!({ "value": 1 })).await;

    let text = host.get("/metrics").await.text;
    let lines = numbers(&text);
    // Series without labels, and the series `other`, are not counted.
    assert!(lines.len() < 300, "{} lines", lines.len());
    let of_many = lines.iter().filter(|line| line.contains("plugin=\"many\""));
    assert!(of_many.clone().count() < 100, "a plugin's own lines are bounded");
    let calls = of_many.filter(|line| line.starts_with("moothall_calls_total"));
    let calls = calls.filter(|line| line.contains("origin=\"action\"") || line.contains("other"));
    let sum: f64 = calls.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum();
    assert_eq!(sum, 60.0, "what has no line of its own is counted under `other`");
    let own = |line: &&&str| line.contains("tutorial") && line.contains("times-two");
    assert!(lines.iter().any(|line| own(&line)), "another plugin has its own lines still");
}

#[tokio::test]
async fn a_backup_opens_and_serves_as_of_its_moment() {
    let toml = "[plugins.probe]\ngrants = { reveal = [\"/token\"] }";
    let mut host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({ "token": "t" })).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": "before" })).await;
    let partial = host.directory().join("copy.db.partial");
    std::fs::write(&partial, "what one that was cut off has left").expect("a file");
    host.command(&["backup", "copy.db"]).succeeded();
    assert!(!partial.exists(), "it was written anew and got its name");
    host.result("acme", "probe.put", json!({ "key": "a", "value": "after" })).await;
    let again = host.command(&["backup", "copy.db"]).failed_with(1);
    assert!(again.contains("copy.db"), "{again}");

    host.terminate();
    let data = host.data();
    for left in ["moothall.db-wal", "moothall.db-shm"] {
        // Absent after a good end.
        drop(std::fs::remove_file(data.join(left)));
    }
    std::fs::rename(host.directory().join("copy.db"), data.join("moothall.db")).expect("moved");
    host.restart().await;
    let found = host.result("acme", "probe.get", json!({ "key": "a" })).await;
    assert_eq!(found["value"], "before");
    assert_eq!(host.result("acme", "probe.reveal", json!({})).await["token"], "t");
    host.result("acme", "probe.put", json!({ "key": "a", "value": "later" })).await;
}

/// Writes until not even a small value can be written.
async fn fill(host: &TestHost) -> Answer {
    let mut number = 0;
    let mut full = None;
    for bytes in [50_000, 5_000, 50] {
        let refused = until("the store is full", async || {
            number += 1;
            let put = json!({ "key": format!("filling-{number}"), "value": "x".repeat(bytes) });
            let answer = host.action("acme", "probe.put", put).await;
            (answer.status != 200).then_some(answer)
        });
        full = Some(refused.await);
    }
    full.expect("the last write was refused")
}

#[tokio::test]
async fn on_a_full_disk_writes_are_refused_and_reads_go_on() {
    let toml = "[store]\ndatabase_bytes = 2000000";
    let mut host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    let full = fill(&host).await;
    let detail = full.problem(503, "store_unavailable");
    assert!(!detail.contains("full"), "what the operator needs is in the log: {detail}");
    assert_eq!(full.header("retry-after"), "1");

    assert_eq!(host.result("acme", "probe.get", json!({ "key": "a" })).await["value"], 1);
    host.result("acme", "probe.whoami", json!({})).await;
    let not_ready = until("not even the row of a failed call can be written", async || {
        fill(&host).await;
        let answer = host.get("/readyz").await;
        (answer.status != 200).then_some(answer)
    });
    not_ready.await.problem(503, "not_ready");
    host.get("/healthz").await.expect(200);
    until("the log says why", async || host.logs().contains("full").then_some(())).await;
    let plugins = json!([{ "name": "probe", "config": { "note": "x".repeat(200_000) } }]);
    host.put_community("more", plugins).await.problem(503, "store_unavailable");
    host.get("/api/internal/community/more").await.expect(404);

    // There is room again: accepted writes are there, refused ones are not.
    host.set_toml("");
    host.restart().await;
    assert_eq!(host.result("acme", "probe.get", json!({ "key": "a" })).await["value"], 1);
    host.result("acme", "probe.put", json!({ "key": "a", "value": 2 })).await;
}

#[tokio::test]
async fn a_store_that_has_room_again_is_written_without_a_restart() {
    let toml = "[store]\ndatabase_bytes = 2000000";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    fill(&host).await.problem(503, "store_unavailable");
    for number in 1..=4 {
        let key = json!({ "key": format!("filling-{number}") });
        until("a value is removed", async || {
            (host.action("acme", "probe.remove", key.clone()).await.status == 200).then_some(())
        })
        .await;
    }
    host.result("acme", "probe.put", json!({ "key": "a", "value": 2 })).await;
    host.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn a_damaged_database_is_reported_and_written_no_more() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    host.terminate();
    damage_table(&host, "state");

    host.restart().await;
    let read = host.action("acme", "probe.get", json!({ "key": "a" })).await;
    read.problem(503, "store_unavailable");
    let not_ready = host.get("/readyz").await.problem(503, "not_ready");
    assert!(not_ready.contains("store is damaged"), "what a read has met counts: {not_ready}");
    let write = host.action("acme", "probe.put", json!({ "key": "a", "value": 2 })).await;
    write.problem(503, "store_unavailable");
    // Requests for undamaged data are answered.
    host.get("/api/internal/community/acme").await.expect(200);
    host.result("acme", "probe.whoami", json!({})).await;
}

#[tokio::test]
async fn a_damaged_database_that_cannot_be_read_at_the_start_is_refused() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host.terminate();
    damage_table(&host, "community");
    let said = host.command(&["serve", "--listen", "127.0.0.1:0"]).failed_with(1);
    assert!(said.contains("malformed") || said.contains("damaged"), "{said}");
}

/// Overwrites the first page of a table with bytes that no table begins with.
fn damage_table(host: &TestHost, table: &str) {
    use std::os::unix::fs::FileExt;
    let path = host.data().join("moothall.db");
    let database = rusqlite::Connection::open(&path).expect("a database");
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page: u32 = database.query_row(sql, [table], |row| row.get(0)).expect("a table");
    let size: u32 =
        database.pragma_query_value(None, "page_size", |row| row.get(0)).expect("a size");
    drop(database);
    let file = std::fs::File::options().write(true).open(&path).expect("a file");
    let garbage = vec![0xff; usize::try_from(size).expect("a page fits into memory")];
    file.write_all_at(&garbage, u64::from(page - 1) * u64::from(size)).expect("it can be written");
}

#[tokio::test]
async fn lines_of_the_log_that_are_lost_are_counted_and_told() {
    // Nobody reads the host's log until the test does.
    let host = TestHost::with(&["misbehaving"])
        .toml("[log]\nqueued_lines = 4")
        .after("mkfifo log && exec 2<>log")
        .start()
        .await;
    host.community("acme", "misbehaving", json!({})).await;
    let lost = async || {
        let metrics = host.get("/metrics").await.text;
        let line = metrics.lines().find(|line| line.starts_with("moothall_log_lines_lost_total "));
        line.is_some()
    };
    until("lines are lost", async || {
        host.action("acme", "misbehaving.panic-now", json!({})).await.problem(502, "plugin_trap");
        lost().await.then_some(())
    })
    .await;
    let pipe = File::open(host.directory().join("log")).expect("the pipe");
    let (found, line) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(pipe).lines().map_while(Result::ok);
        // The test may have ended reading.
        lines.for_each(|line| drop(found.send(line)));
    });
    let line = until("it is logged", async || {
        line.try_iter().find(|line| line.contains("lines of the log were lost"))
    });
    assert!(line.await.contains("queued_lines"));
}
