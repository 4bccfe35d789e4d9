//! Plugin files are replaced, broken, removed and duplicated while the host answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use moothall_tests::{Driver, TestHost, crafted, guests, until};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const QUICK: &str = "[directory]\nsettle_ms = 10\nremoval_ms = 200";
const REPLACEMENTS: u8 = 50;

/// Calls until it is stopped; no call may fail.
struct Load {
    clients: JoinSet<()>,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
}

impl Load {
    fn on(host: &TestHost, clients: usize) -> Self {
        let mut load =
            Self { clients: JoinSet::new(), stop: Arc::default(), answered: Arc::default() };
        for _ in 0..clients {
            let driver: Driver = (**host).clone();
            let (stop, answered) = (load.stop.clone(), load.answered.clone());
            load.clients.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let value = json!({ "value": 5 });
                    let answer = driver.result("acme", "tutorial.times-two", value).await;
                    assert_eq!(answer, json!({ "result": 10 }));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        load
    }

    /// Stops the load; returns how many calls were answered.
    async fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(client) = self.clients.join_next().await {
            client.expect("no request failed");
        }
        let answered = self.answered.load(Ordering::Relaxed);
        assert!(answered > 0, "there was no load");
        answered
    }
}

async fn tutorial(toml: &str) -> TestHost {
    let host = TestHost::with(&["tutorial"]).toml(toml).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    host
}

/// The listing of a file once the host has handled it: with this digest, or, given none, at all.
async fn looked_at(host: &TestHost, file: &str, before: &Value) -> Value {
    until("the file is looked at", async || {
        let report = host.file(file).await;
        let done = report["status"] == "ready" || report["status"] == "failed";
        (done && report["digest"] != *before).then_some(report)
    })
    .await
}

#[tokio::test]
async fn replacing_a_plugin_fifty_times_under_load_fails_no_request() {
    let host = tutorial(QUICK).await;
    let load = Load::on(&host, 4);
    let versions = [guests::with_another_digest("tutorial", 1), guests::bytes("tutorial")];
    for number in 0..REPLACEMENTS {
        let before = host.file("tutorial.wasm").await["digest"].clone();
        host.put_plugin("tutorial.wasm", &versions[usize::from(number % 2)]);
        let report = looked_at(&host, "tutorial.wasm", &before).await;
        assert_eq!(report["status"], "ready", "{report}");
        assert_eq!(report["serving"]["digest"], report["digest"]);
        if number == REPLACEMENTS / 2 {
            break_it(&host, &report).await;
        }
    }
    assert!(load.end().await > u64::from(REPLACEMENTS));
}

/// After a broken file the last good one goes on serving, and the listing says why.
async fn break_it(host: &TestHost, good: &Value) {
    host.put_plugin("tutorial.wasm", &guests::bytes("tutorial")[..5_000]);
    let report = looked_at(host, "tutorial.wasm", &good["digest"]).await;
    assert_eq!(report["status"], "failed");
    assert_eq!(report["serving"]["digest"], good["digest"]);
    assert!(!report["errors"][0]["message"].as_str().unwrap_or_default().is_empty(), "{report}");
}

#[tokio::test]
async fn of_two_files_with_one_name_the_one_that_serves_stays() {
    let host = tutorial(QUICK).await;
    let load = Load::on(&host, 2);
    // Its name is before the other's, but it came later.
    host.put_plugin("another.wasm", &guests::with_another_digest("tutorial", 2));
    let report = looked_at(&host, "another.wasm", &Value::Null).await;
    assert_eq!(report["status"], "failed");
    let reason = report["errors"][0].to_string();
    assert!(reason.contains("tutorial.wasm") && reason.contains("name_taken"), "{reason}");
    assert_eq!(host.file("tutorial.wasm").await["status"], "ready");
    load.end().await;

    std::fs::remove_file(host.plugin_file("tutorial.wasm")).expect("the file is there");
    until("the other file has its turn", async || {
        (host.file("another.wasm").await["status"] == "ready").then_some(())
    })
    .await;
    host.result("acme", "tutorial.times-two", json!({ "value": 1 })).await;
}

/// Waits until that file serves that plugin.
async fn serves(host: &TestHost, file: &str, plugin: &str) {
    until("the file serves its plugin", async || {
        let report = host.file(file).await;
        (report["status"] == "ready" && report["name"] == plugin).then_some(())
    })
    .await;
}

/// Replaces a file's content at once.
fn replace(host: &TestHost, file: &str, content: &[u8]) {
    let written = host.data().join(format!("{file}.new"));
    std::fs::write(&written, content).expect("written");
    std::fs::rename(written, host.plugin_file(file)).expect("moved");
}

#[tokio::test]
async fn a_name_that_becomes_free_by_another_plugin_in_its_file_is_taken_by_who_waits_for_it() {
    let host = tutorial(QUICK).await;
    host.put_plugin("waiting.wasm", &guests::with_another_digest("tutorial", 2));
    let report = looked_at(&host, "waiting.wasm", &Value::Null).await;
    assert_eq!(report["errors"][0]["code"], "name_taken");
    replace(&host, "tutorial.wasm", &guests::bytes("backstage"));
    serves(&host, "tutorial.wasm", "backstage").await;
    serves(&host, "waiting.wasm", "tutorial").await;
}

#[tokio::test]
async fn files_that_are_swapped_serve_each_others_plugin() {
    let host = tutorial(QUICK).await;
    for other in ["backstage", "ballot"] {
        host.put_guest(other);
        serves(&host, &format!("{other}.wasm"), other).await;
    }
    for (file, plugin) in
        [("tutorial.wasm", "backstage"), ("backstage.wasm", "ballot"), ("ballot.wasm", "tutorial")]
    {
        replace(&host, file, &guests::bytes(plugin));
    }
    serves(&host, "tutorial.wasm", "backstage").await;
    serves(&host, "backstage.wasm", "ballot").await;
    serves(&host, "ballot.wasm", "tutorial").await;
    host.result("acme", "tutorial.times-two", json!({ "value": 1 })).await;
}

#[tokio::test]
async fn at_the_start_the_first_file_by_name_serves() {
    let mut host = TestHost::with(&["tutorial"]).start().await;
    host.put_plugin("another.wasm", &guests::bytes("tutorial"));
    looked_at(&host, "another.wasm", &Value::Null).await;
    host.restart().await;
    assert_eq!(host.file("another.wasm").await["status"], "ready");
    assert_eq!(host.file("tutorial.wasm").await["status"], "failed");
}

#[tokio::test]
async fn calls_in_flight_finish_on_the_version_they_began_on() {
    let toml = format!("{QUICK}\n[limits]\nwall_ms = 60000");
    let host = TestHost::with(&["probe"]).toml(&toml).start().await;
    host.community("acme", "probe", json!({})).await;
    let driver: Driver = (*host).clone();
    let mut call = JoinSet::new();
    call.spawn(async move {
        // Longer than the compilation of the other version takes, unless the machine is very busy.
        let wait = json!({ "key": "initialized", "ms": 15_000 });
        driver.action("acme", "probe.read-then-wait", wait).await
    });
    until("the call is in flight", async || {
        let metrics = host.get("/metrics").await.text;
        metrics.lines().any(|line| line == "moothall_calls_in_flight 1").then_some(())
    })
    .await;
    let before = host.file("probe.wasm").await["digest"].clone();
    host.put_plugin("probe.wasm", &guests::with_another_digest("probe", 3));
    assert_eq!(looked_at(&host, "probe.wasm", &before).await["status"], "ready");
    assert!(call.try_join_next().is_none(), "it was in flight when the other version came");
    let answer = call.join_next().await.expect("one call").expect("it did not panic");
    assert_eq!(answer.expect(200), json!({ "value": true }));
}

#[tokio::test]
async fn a_file_that_is_renamed_serves_on_under_its_new_name() {
    let host = tutorial(QUICK).await;
    std::fs::rename(host.plugin_file("tutorial.wasm"), host.plugin_file("renamed.wasm"))
        .expect("a file can be renamed");
    until("the new file serves", async || {
        (host.file("renamed.wasm").await["status"] == "ready").then_some(())
    })
    .await;
    host.result("acme", "tutorial.times-two", json!({ "value": 1 })).await;
}

#[tokio::test]
async fn active_plugins_choose_which_files_serve_and_sighup_reads_them_again() {
    let toml = "active_plugins = [\"tutorial\"]\n";
    let mut host = TestHost::with(&["tutorial", "raw"]).toml(toml).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    assert_eq!(host.file("raw.wasm").await["status"], "inactive");
    host.put_community("other", json!([{ "name": "raw" }])).await.problem(400, "unknown_plugin");

    host.set_toml("active_plugins = [\"raw\"]\n");
    host.reload();
    until("raw serves", async || (host.file("raw.wasm").await["status"] == "ready").then_some(()))
        .await;
    until("the tutorial does not", async || {
        (host.file("tutorial.wasm").await["status"] == "inactive").then_some(())
    })
    .await;
    host.community("other", "raw", json!({})).await;
    let stopped = host.action("acme", "tutorial.times-two", json!({ "value": 1 })).await;
    stopped.problem(503, "plugin_unavailable");
}

#[tokio::test]
async fn sighup_reads_grants_and_limits_again() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({ "token": "t" })).await;
    host.action("acme", "probe.reveal", json!({})).await.problem(403, "forbidden");
    host.set_toml("[plugins.probe]\ngrants = { reveal = [\"/token\"] }\nlimits = { cpu_ms = 60 }");
    host.reload();
    until("the grant counts", async || {
        (host.action("acme", "probe.reveal", json!({})).await.status == 200).then_some(())
    })
    .await;
    let spun = host.action("acme", "probe.spin", json!({ "ms": 800 })).await;
    spun.problem(504, "plugin_timeout");

    host.set_toml("[limits]\ncpu_sm = 5");
    host.reload();
    until("the mistake is logged", async || {
        host.logs().contains("did you mean `cpu_ms`").then_some(())
    })
    .await;
    host.result("acme", "probe.reveal", json!({})).await;
}

#[tokio::test]
async fn a_file_that_is_copied_slowly_is_taken_when_it_is_whole() {
    use std::io::Write;
    let host = tutorial("").await;
    let load = Load::on(&host, 2);
    let whole = guests::with_another_digest("tutorial", 4);
    let before = host.file("tutorial.wasm").await["digest"].clone();
    let mut file = std::fs::File::create(host.plugin_file("tutorial.wasm")).expect("a file");
    for part in whole.chunks(whole.len() / 8) {
        file.write_all(part).expect("a part is written");
        file.sync_all().expect("a part is on disk");
        host.file("tutorial.wasm").await;
    }
    until("the whole file serves", async || {
        let report = host.file("tutorial.wasm").await;
        (report["status"] == "ready" && report["serving"]["digest"] != before).then_some(())
    })
    .await;
    load.end().await;
}

#[tokio::test]
async fn a_new_file_serves_without_a_restart() {
    let host = TestHost::with(&[]).toml(QUICK).start().await;
    let manifest = json!({ "name": "fresh", "actions": [{ "slug": "do", "public": true }] });
    host.put_plugin("any-name.wasm", &crafted::plugin(&manifest, crafted::ANSWER_NOTHING));
    let report = looked_at(&host, "any-name.wasm", &Value::Null).await;
    assert_eq!((&report["status"], &report["name"]), (&json!("ready"), &json!("fresh")));
    host.community("acme", "fresh", json!({})).await;
    assert_eq!(host.action("acme", "fresh.do", json!({})).await.text, "");
}

#[tokio::test]
async fn a_file_that_changes_and_keeps_its_size_and_its_time_is_noticed() {
    // Both steps of the change are done before the host polls.
    let toml = "[directory]\nsettle_ms = 3000\nrescan_ms = 100";
    let host = TestHost::with(&[]).toml(toml).start().await;
    host.put_plugin("probe.wasm", &guests::with_another_digest("probe", 41));
    let serves = async |digest_before: Value| {
        until("the content serves", async || {
            let report = host.file("probe.wasm").await;
            let serves =
                report["status"] == "ready" && report["digest"] == report["serving"]["digest"];
            (serves && report["digest"] != digest_before).then(|| report["digest"].clone())
        })
        .await
    };
    let before = serves(Value::Null).await;
    let file = host.plugin_file("probe.wasm");
    let modified = std::fs::metadata(&file).and_then(|one| one.modified()).expect("a time");
    std::fs::write(&file, guests::with_another_digest("probe", 42)).expect("it can be written");
    let opened = std::fs::File::options().write(true).open(&file).expect("a file");
    opened.set_modified(modified).expect("a time can be set");
    let after = std::fs::metadata(&file).and_then(|one| one.modified()).expect("a time");
    assert_eq!(after, modified, "by its time nothing has changed");
    assert_ne!(serves(before.clone()).await, before);
}
