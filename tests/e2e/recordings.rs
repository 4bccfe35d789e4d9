//! What is recorded of calls, how much, and for how long; and that what was recorded runs again as it ran.

use std::path::Path;
use std::time::Duration;

use moothall_tests::command_line::{Ended, command};
use moothall_tests::{Answer, Receiver, Reply, TestHost, answer, guests, until};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

const ALL: &str = "[calls]\nrecord = \"all\"\n";

async fn listed(host: &TestHost, query: &str) -> Vec<Value> {
    let path = format!("/api/internal/recordings{query}");
    let listed = host.get(&path).await.expect(200);
    listed["recordings"].as_array().expect("a list").clone()
}

/// The recording of an action, once it is there.
async fn of_action(host: &TestHost, action: &str) -> Value {
    until("the call is recorded", async || {
        listed(host, "").await.into_iter().find(|row| row["name"] == action)
    })
    .await
}

/// The recordings, the newest first, once there are so many.
async fn recorded(host: &TestHost, count: usize) -> Vec<Value> {
    until("calls are recorded", async || {
        let listed = listed(host, "").await;
        (listed.len() >= count).then_some(listed)
    })
    .await
}

fn id(row: &Value) -> &str {
    row["id"].as_str().expect("an id")
}

async fn shown(host: &TestHost, row: &Value) -> Value {
    host.get(&format!("/api/internal/recordings/{}", id(row))).await.expect(200)
}

/// Repeats a call of the host, with a guest's file.
fn replay(host: &TestHost, id: &str, guest: &str) -> Ended {
    let folder = TempDir::new().expect("a folder");
    let file = guests::file(guest);
    let file = file.to_str().expect("a path of text");
    let arguments = ["plugin", "replay", id, "--host", &host.url, "--with", file, "--json"];
    command(folder.path(), &arguments)
}

/// Repeats the newest calls of `misbehaving` with its own file.
fn shadow(host: &TestHost, more: &[&str]) -> Ended {
    let folder = TempDir::new().expect("a folder");
    let file = guests::file("misbehaving");
    let file = file.to_str().expect("a path of text");
    command(folder.path(), &[&["plugin", "shadow", file, "--host", &host.url], more].concat())
}

/// What came of it, of a repetition that ran as it was recorded.
#[track_caller]
fn same(ended: Ended) -> Value {
    let said = ended.succeeded();
    let said: Value = serde_json::from_str(&said).expect("one JSON object");
    assert_eq!((&said["outcome"], &said["with_the_recorded_file"]), (&json!("same"), &json!(true)));
    said
}

async fn misbehaving(toml: &str) -> TestHost {
    let host = TestHost::with(&["misbehaving"]).toml(toml).start().await;
    host.community("acme", "misbehaving", json!({})).await;
    host
}

async fn fail(host: &TestHost) -> Answer {
    let parameters = json!({ "kind": "internal", "message": "as it was told" });
    host.action("acme", "misbehaving.fail", parameters).await
}

#[tokio::test]
async fn whatever_way_a_call_fails_its_repetition_fails_the_same_way() {
    let host = misbehaving("[plugins.misbehaving]\nlimits = { cpu_ms = 300 }").await;
    for (action, parameters, code) in [
        ("panic-now", json!({}), "plugin_trap"),
        ("deep-recursion", json!({}), "plugin_trap"),
        ("memory-bomb", json!({}), "plugin_limit"),
        ("infinite-loop", json!({}), "plugin_timeout"),
        ("huge-output", json!({ "bytes": 2 << 20 }), "plugin_limit"),
        ("schema-breaking-out", json!({}), "plugin_bad_output"),
        ("trap-after-write", json!({}), "plugin_trap"),
        ("fail", json!({ "kind": "mine", "message": "no" }), "plugin:mine"),
    ] {
        let failed = host.action("acme", &format!("misbehaving.{action}"), parameters).await;
        let call = failed.json()["call_id"].as_str().expect("a failed call").to_owned();
        until("it is recorded", async || {
            listed(&host, "").await.first().is_some_and(|row| id(row) == call).then_some(())
        })
        .await;
        let said = same(replay(&host, &call, "misbehaving"));
        assert_eq!(said["now"]["failure"]["code"], code, "{action}: {said}");
    }
    // A call that its caller got wrong is no failure of the plugin's, and is not recorded.
    host.action("acme", "misbehaving.error-after-write", json!({})).await.problem(409, "conflict");
    fail(&host).await.problem(500, "internal");
    let rows = recorded(&host, 9).await;
    assert_eq!((rows.len(), &rows[0]["code"]), (9, &json!("internal")));
    // Each under its own limits: the call that was stopped for its time is stopped again, and the others have time.
    let said: Value = serde_json::from_str(&shadow(&host, &["--json"]).succeeded()).expect("JSON");
    assert_eq!((&said["repeated"], &said["differ"]), (&json!(9), &json!(0)), "{said}");
}

#[tokio::test]
async fn operators_say_which_calls_of_which_plugin_are_recorded() {
    let toml = "[calls]\nrecord = \"off\"\n[plugins.probe]\nrecord = \"all\"";
    let host = TestHost::with(&["misbehaving", "probe"]).toml(toml).start().await;
    let plugins = json!([{ "name": "misbehaving" }, { "name": "probe" }]);
    host.put_community("acme", plugins).await.expect(201);
    let enabled = recorded(&host, 1).await.len();
    fail(&host).await.problem(500, "internal");
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    let rows = recorded(&host, enabled + 1).await;
    assert!(rows.iter().all(|row| row["plugin"] == "probe"), "{rows:?}");
    assert_eq!((&rows[0]["name"], &rows[0]["code"]), (&json!("put"), &Value::Null));
    assert_eq!(listed(&host, "?plugin=misbehaving").await.len(), 0);
    // Of the plugin that is in the file, whatever was recorded last.
    let refused = shadow(&host, &[]).failed_with(1);
    assert!(refused.contains("has recorded no call of `misbehaving`"), "{refused}");
    host.get("/api/internal/recordings/call_nobody").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_large_call_is_cut_and_says_so() {
    let host = misbehaving(&format!("{ALL}recording_bytes = 2000\n")).await;
    let flood = json!({ "bytes": 100, "writes": 50 });
    host.result("acme", "misbehaving.state-flood", flood).await;
    let row = of_action(&host, "state-flood").await;
    let reason = row["not_replayable"].as_str().expect("a reason");
    assert!(reason.contains("2000 bytes (recording_bytes in [calls])"), "{reason}");
    let imports = shown(&host, &row).await["imports"].as_array().expect("imports").len();
    assert!((1..20).contains(&imports), "{imports} of 50 are kept");
    let refused = replay(&host, id(&row), "misbehaving").failed_with(1);
    assert!(refused.contains("it was cut"), "{refused}");
    let unknown = shadow(&host, &["--last", "1"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    let said = "none of the 1 recorded calls could be repeated";
    assert!(unknown.stderr.contains(said), "{unknown:?}");
    for wrong in [
        &["shadow", "x.wasm", "--last", "0"][..],
        &["recordings", "--last", "0"],
        &["dev", "--replay", "0"],
    ] {
        let refused = command(Path::new("."), &[&["plugin"], wrong].concat()).failed_with(2);
        assert!(refused.contains("0 is not in 1.."), "{refused}");
    }
}

#[tokio::test]
async fn a_plugin_has_a_rate_of_recordings_and_keeps_its_newest() {
    let few = "[calls]\nrecordings_per_second = 1\nrecordings_at_once = 4\nrecordings = 2";
    let host = misbehaving(few).await;
    let mut last = String::new();
    for _ in 0..4 {
        last = fail(&host).await.json()["call_id"].as_str().expect("an id").to_owned();
    }
    for _ in 0..20 {
        fail(&host).await;
    }
    until("those beyond the rate are counted", async || {
        let metrics = host.get("/metrics").await;
        let line = "moothall_recordings_dropped_total{plugin=\"misbehaving\"}";
        metrics.text.lines().any(|one| one.starts_with(line)).then_some(())
    })
    .await;
    until("the purge leaves the newest two", async || {
        let rows = listed(&host, "").await;
        (rows.len() == 2).then_some(())
    })
    .await;
    assert!(host.get(&format!("/api/internal/calls/{last}")).await.status == 200);
}

#[tokio::test]
async fn recordings_go_with_their_community() {
    let host = misbehaving("").await;
    fail(&host).await;
    let rows = recorded(&host, 1).await;
    host.delete("/api/internal/community/acme").await.expect(204);
    until("they are purged", async || listed(&host, "").await.is_empty().then_some(())).await;
    host.get(&format!("/api/internal/recordings/{}", id(&rows[0]))).await.problem(404, "not_found");
}

#[tokio::test]
async fn requests_of_other_languages_are_answered_from_the_recording() {
    let mut platform = Receiver::start().await;
    let toml = format!(
        "{ALL}[plugins.fetcher]\ngrants = {{ http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }}\n"
    );
    let host = TestHost::with(&["fetcher"]).toml(&toml).start().await;
    host.community("acme", "fetcher", json!({ "server_url": platform.url })).await;
    platform.script([Reply::With(201, "x-said", "hello".into()), Reply::BodyBreaksOff(200)]);
    let asked = json!({ "url": platform.url, "method": "POST", "body": "tea" });
    host.result("acme", "fetcher.fetch", asked.clone()).await;
    assert_eq!(host.action("acme", "fetcher.fetch", asked).await.status, 503);
    platform.go_down().await;
    for row in recorded(&host, 2).await.iter().take(2) {
        let said = same(replay(&host, id(row), "fetcher"));
        assert_eq!(said["imports"].as_array().map(Vec::len), Some(1), "{said}");
    }
    assert_eq!(platform.received().len(), 2);
}

#[tokio::test]
async fn processes_and_workers_run_again_as_they_ran() {
    let host = TestHost::with(&["probe"]).toml(ALL).start().await;
    host.community("acme", "probe", json!({})).await;
    let path = "/api/internal/process/probe.vote";
    let start = host.request(Method::POST, path).header("X-Metagov-Community", "acme");
    let started = answer(start.json(&json!({}))).await.expect(202);
    let process = started["id"].as_str().expect("an id");
    host.delete(&format!("{path}/{process}")).await;
    let is_of_process = |row: &&Value| row["name"] == "vote";
    let rows = until("both are recorded", async || {
        let rows = listed(&host, "").await;
        (rows.iter().filter(is_of_process).count() >= 2).then_some(rows)
    })
    .await;
    for row in rows.iter().filter(is_of_process) {
        let said = same(replay(&host, id(row), "probe"));
        assert_ne!(said["imports"], json!([]), "{said}");
    }
}

#[tokio::test]
async fn another_file_shows_the_first_difference_and_goes_on_from_there() {
    let host = TestHost::with(&["probe"]).toml(ALL).start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.increment", json!({ "key": "n" })).await;
    let row = of_action(&host, "increment").await;
    let mut recording = shown(&host, &row).await;
    // As if the recorded version had read another key first.
    let imports = recording["imports"].as_array_mut().expect("imports");
    imports.insert(
        0,
        json!({ "import": "state.get", "arguments": ["old"], "answer": { "ok": null } }),
    );
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("call.json");
    std::fs::write(&file, recording.to_string()).expect("written");
    let guest = guests::file("probe");
    let guest = guest.to_str().expect("a path of text");
    let ended = command(folder.path(), &["plugin", "replay", "call.json", "--with", guest]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stdout.contains("the first difference: import 1"), "{ended:?}");
    assert!(ended.stdout.contains(r#"recorded: state.get("old")"#), "{ended:?}");
    assert!(ended.stdout.contains(r#"now:      state.get("n")"#), "{ended:?}");
    let refused = command(folder.path(), &["plugin", "replay", "call.json"]).failed_with(1);
    assert!(refused.contains("--with FILE") && refused.contains("`probe`"), "{refused}");
    std::fs::write(folder.path().join("pyproject.toml"), "").expect("written");
    let kept = command(folder.path(), &["plugin", "replay", "call.json", "--as-test"]);
    let refused = kept.failed_with(1);
    assert!(
        refused.contains("only in a project in Rust") && refused.contains("--save"),
        "{refused}"
    );
    let help = command(folder.path(), &["plugin", "replay", "--help"]).succeeded();
    assert!(help.contains("Exit codes:"), "{help}");
    std::fs::write(&file, "{}").expect("written");
    let refused = command(folder.path(), &["plugin", "replay", "call.json", "--with", guest]);
    assert!(refused.failed_with(1).contains("no recording"));
}

/// Repeats a recording that is in no host.
fn repeat(recording: &Value, guest: &str) -> Ended {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("call.json"), recording.to_string()).expect("written");
    let file = guests::file(guest);
    let file = file.to_str().expect("a path of text");
    command(folder.path(), &["plugin", "replay", "call.json", "--with", file, "--json"])
}

#[tokio::test]
async fn a_call_that_the_store_ended_ends_so_again_whatever_the_guest_was_told() {
    let toml = format!("{ALL}[store]\nstate_cache_bytes = 0\n");
    let host = TestHost::with(&["probe"]).toml(&toml).start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    let database = host.database();
    database.busy_timeout(Duration::from_secs(30)).expect("a connection");
    let damage = "UPDATE state SET value = CAST(x'ff' AS TEXT) WHERE key = 'a'";
    assert_eq!(database.execute(damage, []), Ok(1));
    let failed = host.action("acme", "probe.get", json!({ "key": "a" })).await;
    failed.problem(503, "store_unavailable");
    let row = of_action(&host, "get").await;
    let recording = shown(&host, &row).await;
    assert_eq!(recording["imports"][0]["answer"], Value::Null, "{recording}");
    let said = same(replay(&host, id(&row), "probe"));
    assert_eq!(said["now"]["failure"], recording["failure"], "{said}");
}

#[tokio::test]
async fn connections_that_a_plugin_may_make_are_in_no_recording() {
    let granted = "grants = { tcp = [\"127.0.0.1:16380\"] }";
    let toml = format!(
        "{ALL}[plugins.redis-client]\nscope = \"host\"\nsettings = {{ url = \"redis://127.0.0.1:16380\" }}\n"
    );
    let mut host =
        TestHost::with(&["redis-client"]).toml(&format!("{toml}{granted}")).start().await;
    let get = "/api/plugins/redis-client/get/food";
    host.get(get).await;
    let is_of_route = |row: &Value| row["origin"] == "route";
    let row =
        until("it is recorded", async || listed(&host, "").await.into_iter().find(is_of_route))
            .await;
    let mut recording = shown(&host, &row).await;
    let reason = recording["not_replayable"].take();
    assert!(reason.as_str().is_some_and(|one| one.contains("TCP connections")), "{reason}");
    // As if another version had made the connection, and the recorded one had not.
    let repeated = repeat(&recording, "redis-client");
    assert_eq!(repeated.code, 1, "{repeated:?}");
    assert!(repeated.stdout.contains("it used TCP connections"), "{repeated:?}");

    // Where no grant leads anywhere, the refusal is the same everywhere.
    host.set_toml(&toml);
    host.restart().await;
    assert_eq!(host.get(get).await.status, 503);
    let again = until("it is recorded", async || {
        let rows = listed(&host, "").await;
        rows.into_iter().find(|one| is_of_route(one) && one["id"] != row["id"])
    })
    .await;
    same(repeat(&shown(&host, &again).await, "redis-client"));
}

#[tokio::test]
async fn a_clock_that_is_read_more_often_than_it_was_recorded_is_a_difference() {
    let host = TestHost::with(&["probe"]).toml(ALL).start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.spin", json!({ "ms": 0 })).await;
    let row = of_action(&host, "spin").await;
    let mut recording = shown(&host, &row).await;
    same(repeat(&recording, "probe"));
    let readings = recording["readings"]["monotonic_ns"].as_array_mut().expect("readings");
    let count = readings.len();
    // As if the recorded version had read it but once.
    readings.truncate(1);
    let repeated = repeat(&recording, "probe");
    let said: Value = serde_json::from_str(&repeated.stdout).expect("one JSON object");
    assert_eq!((repeated.code, count > 1), (1, true), "{said}");
    assert_eq!(said["differences"][0]["at"], "readings of the monotonic clock", "{said}");
    assert_eq!(said["differences"][0]["recorded"], "1", "{said}");
}

#[tokio::test]
async fn a_guest_that_lives_on_is_not_recorded() {
    let toml =
        format!("{ALL}[plugins.resident]\nscope = \"host\"\nsettings = {{ label = \"blue\" }}");
    let host = TestHost::with(&["resident"]).toml(&toml).start().await;
    host.get("/api/plugins/resident/trap").await.problem(502, "plugin_trap");
    let is_listed = async || {
        let calls = host.get("/api/internal/calls").await.expect(200);
        (calls["calls"].as_array().map(Vec::len) == Some(1)).then_some(())
    };
    until("the failed call is listed", is_listed).await;
    let of_routes = |rows: Vec<Value>| rows.iter().filter(|row| row["origin"] == "route").count();
    assert_eq!(of_routes(listed(&host, "").await), 0, "its memory is in no recording");
}
