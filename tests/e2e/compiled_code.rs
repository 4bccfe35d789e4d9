//! Native code is kept on disk: the host loads only what it compiled itself, whole and unchanged.

mod kept;

use moothall_tests::{TestHost, guests, until};
use serde_json::json;

async fn tutorial() -> TestHost {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    host
}

async fn times_two(host: &TestHost) {
    let doubled = host.result("acme", "tutorial.times-two", json!({ "value": 1 })).await;
    assert_eq!(doubled, json!({ "result": 2 }));
}

#[tokio::test]
async fn compiled_code_that_was_changed_on_disk_is_not_loaded() {
    let mut host = tutorial().await;
    host.terminate();
    let mut changed = 0;
    for entry in std::fs::read_dir(host.data().join("cache")).expect("a cache") {
        let path = entry.expect("a file").path();
        let mut code = std::fs::read(&path).expect("compiled code");
        let middle = code.len() / 2;
        code[middle] ^= 1;
        std::fs::write(&path, code).expect("it can be written");
        changed += 1;
    }
    assert!(changed > 0, "compiled code is kept in the cache");
    host.restart().await;
    times_two(&host).await;
    until("the log says it", async || host.logs().contains("compiling again").then_some(())).await;
}

#[tokio::test]
async fn a_host_that_was_killed_while_it_compiled_compiles_again() {
    let mut host = tutorial().await;
    host.put_plugin("tutorial.wasm", &guests::with_another_digest("tutorial", 5));
    until("it compiles", async || {
        (host.file("tutorial.wasm").await["status"] == "compiling").then_some(())
    })
    .await;
    host.restart().await;
    assert_eq!(host.file("tutorial.wasm").await["status"], "ready");
    times_two(&host).await;
}

#[tokio::test]
async fn a_lost_cache_is_made_again() {
    let mut host = tutorial().await;
    host.terminate();
    std::fs::remove_dir_all(host.data().join("cache")).expect("there is a cache");
    host.restart().await;
    times_two(&host).await;
    until("the log says how long it took", async || {
        let log = host.logs();
        let serves = |line: &str| line.contains("plugin serves") && line.contains("compile_ms=");
        log.lines().any(serves).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_compiled_serves_from_the_first_answer_on() {
    let mut host = tutorial().await;
    for _ in 0..5 {
        // The test does not wait for readiness between the start and the call.
        host.restart_without_waiting();
        times_two(&host).await;
    }
}

#[tokio::test]
async fn what_was_checked_is_loaded_whatever_becomes_of_the_file() {
    let mut host = tutorial().await;
    // The serving code was loaded from the cache.
    host.restart().await;
    let files = host.native_code();
    assert!(!files.is_empty(), "native code is kept");
    for file in files {
        let path = host.data().join("cache").join(file);
        let code = std::fs::File::options().write(true).open(path).expect("native code");
        code.set_len(0).expect("it can be cut off");
    }
    // It was not called before.
    times_two(&host).await;
    host.community("other", "tutorial", json!({ "api_key": "k" })).await;
}

/// The system's description of the process that compiles a file of this host.
async fn of_a_compiler(host: &TestHost, what: &str, has: impl Fn(&str) -> bool) -> String {
    until("a compiler is at work", async || {
        let said = |id: u32| std::fs::read_to_string(format!("/proc/{id}/{what}")).ok();
        host.compilers().into_iter().filter_map(said).find(|text| has(text))
    })
    .await
}

#[tokio::test]
async fn the_compiler_is_bounded_in_all_it_uses_and_in_what_it_may_ask_the_system() {
    let toml = "[limits]\ncompile_cpu_ms = 45_000\ncompile_output_bytes = 123_456_789";
    let host = TestHost::with(&["tutorial"]).toml(toml).start().await;
    host.put_plugin("probe.wasm", &guests::with_another_digest("probe", 21));
    let limits = of_a_compiler(&host, "limits", |text| {
        let line = |name: &str, soft: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.trim_start_matches(name).split_whitespace().next() == Some(soft)
        };
        line("Max cpu time", "45")
            && line("Max file size", "123456789")
            && line("Max core file size", "0")
            && line("Max address space", "1073741824")
    });
    limits.await;
    host.put_plugin("probe.wasm", &guests::with_another_digest("probe", 22));
    of_a_compiler(&host, "environ", |text| {
        let names = ["MALLOC_ARENA_MAX", "MIMALLOC_ARENA_RESERVE", "RAYON_NUM_THREADS"];
        let mut given: Vec<_> =
            text.split_terminator('\0').filter_map(|one| Some(one.split_once('=')?.0)).collect();
        given.sort_unstable();
        given == names
    })
    .await;
    host.put_plugin("probe.wasm", &guests::with_another_digest("probe", 24));
    of_a_compiler(&host, "status", |text| {
        text.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "2"]))
    })
    .await;
    until("it is compiled all the same", async || {
        (host.file("probe.wasm").await["status"] == "ready").then_some(())
    })
    .await;
}

#[tokio::test]
async fn native_code_that_is_too_large_is_not_kept() {
    let toml = "[limits]\ncompile_output_bytes = 10_000\nunused_code_bytes = 0";
    let host = TestHost::with(&["tutorial"]).toml(toml).start().await;
    host.put_plugin("probe.wasm", &guests::with_another_digest("probe", 23));
    let report = until("the file is looked at", async || {
        let report = host.file("probe.wasm").await;
        (report["status"] == "failed").then_some(report)
    })
    .await;
    let reason = report["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(reason.contains("compile_output_bytes"), "{report}");
    assert_eq!(host.native_code().len(), 1, "of the tutorial, and nothing half");
}

#[tokio::test]
async fn native_code_of_a_version_that_serves_no_more_is_removed_where_none_is_kept() {
    let toml = "[directory]\nsettle_ms = 10\nrescan_ms = 50\n[limits]\nunused_code_bytes = 0";
    let host = TestHost::with(&["tutorial"]).toml(toml).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    until("what other tests compiled is removed", async || {
        (host.native_code().len() == 1).then_some(())
    })
    .await;
    for mark in [31, 32] {
        let before = host.native_code();
        host.put_plugin("tutorial.wasm", &guests::with_another_digest("tutorial", mark));
        until("the code of the new version is all there is", async || {
            let (now, report) = (host.native_code(), host.file("tutorial.wasm").await);
            let digest = report["serving"]["digest"].as_str().unwrap_or_default().to_owned();
            (now.len() == 1 && now != before && now[0].starts_with(&digest)).then_some(())
        })
        .await;
        times_two(&host).await;
    }
    let database = rusqlite::Connection::open(host.data().join("moothall.db")).expect("a database");
    until("nor is anything else known of it", async || {
        let rows: Result<u32, _> =
            database.query_row("SELECT count(*) FROM compiled", [], |row| row.get(0));
        (rows == Ok(1)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn as_many_files_are_compiled_at_a_time_as_may_be() {
    let host = TestHost::with(&["tutorial"]).toml("[limits]\ncompilations = 3").start().await;
    let files: Vec<String> = (41..49).map(|mark| format!("probe-{mark}.wasm")).collect();
    for (mark, file) in (41..49).zip(&files) {
        host.put_plugin(file, &guests::with_another_digest("probe", mark));
    }
    let mut most = 0;
    until("all are looked at, three at a time", async || {
        most = most.max(host.compilers().len());
        let mut are_done = true;
        for file in &files {
            are_done &=
                matches!(host.file(file).await["status"].as_str(), Some("ready" | "failed"));
        }
        are_done.then_some(())
    })
    .await;
    assert_eq!(most, 3);
}

#[tokio::test]
async fn a_plugin_that_is_being_compiled_says_so_and_no_other_does() {
    let mut host = tutorial().await;
    host.terminate();
    std::fs::remove_dir_all(host.data().join("cache")).expect("there is a cache");
    // Another plugin's file also compiles, for longer than the test watches.
    host.put_guest("probe");
    host.restart_without_waiting();
    let mut seen = 0;
    until("it is compiled", async || {
        let before = host.file("tutorial.wasm").await["status"].clone();
        let (own, unknown) = (
            host.action("acme", "tutorial.times-two", json!({ "value": 1 })).await,
            host.action("acme", "nothing.at-all", json!({})).await,
        );
        unknown.problem(404, "unknown_plugin");
        if own.status == 200 {
            return Some(());
        }
        assert_eq!(before, "compiling");
        own.problem(503, "compiling");
        assert_eq!(own.header("retry-after"), "1");
        seen += 1;
        None
    })
    .await;
    assert!(seen > 0, "it was asked for while it was compiled");
}
