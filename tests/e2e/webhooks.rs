//! Webhooks of an instance: which URL reaches whom, and what the pending processes get.

use std::time::Duration;

use moothall_tests::{Answer, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const URL: &str = "/api/hooks/acme/probe";

async fn host(config: Value) -> TestHost {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", config).await;
    host
}

async fn hook(host: &TestHost, path: &str, probe: &str) -> Answer {
    answer(host.request(Method::POST, path).header("x-probe", probe).body("raw \0 bytes")).await
}

async fn state(host: &TestHost, key: &str) -> Value {
    host.action("acme", "probe.get", json!({ "key": key })).await.json()
}

async fn start_vote(host: &TestHost, parameters: Value) -> String {
    let request = host.request(Method::POST, "/api/internal/process/probe.vote");
    let request = request.header("X-Metagov-Community", "acme").json(&parameters);
    let started = answer(request).await;
    started.expect(202);
    started.header("location").to_owned()
}

async fn dead_letters(host: &TestHost) -> Value {
    host.get("/api/internal/workers").await.expect(200)["workers"][0].clone()
}

#[tokio::test]
async fn any_method_and_the_raw_bytes_reach_the_receiver() {
    let host = host(json!({})).await;
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        let request = host.request(method.clone(), "/api/hooks/acme/probe?a=%20b&a=c");
        let request = request.header("x-probe", "none").header("X-Odd", "1").body("{not json");
        assert_eq!(answer(request).await.status, 200);
        let seen = state(&host, "webhook").await;
        let seen = &seen["value"];
        assert_eq!(seen["method"], method.as_str());
        assert_eq!((&seen["path"], &seen["query"]), (&json!(URL), &json!("a=%20b&a=c")));
        assert!(seen["headers"].to_string().contains("x-odd"), "{seen}");
    }
    let echoed = hook(&host, URL, "echo").await;
    assert_eq!(echoed.status, 201);
    assert_eq!(echoed.header("x-probe-answer"), "echo");
    assert_eq!(echoed.text, "raw \0 bytes");
    assert_eq!(hook(&host, URL, "none").await.text, "");
}

#[tokio::test]
async fn a_drivers_key_is_not_passed_on_and_a_platforms_own_authorization_is() {
    let host = host(json!({})).await;
    let key = host.create_key("driver");
    for (authorization, is_passed_on) in
        [(format!("Bearer {key}"), false), ("Basic cGxhdGZvcm0=".to_owned(), true)]
    {
        let request = host.request(Method::POST, URL).header("authorization", &authorization);
        assert_eq!(answer(request.body("{}")).await.status, 200);
        let host = host.with_key(&key);
        let seen = host.action("acme", "probe.get", json!({ "key": "webhook" })).await.json();
        let headers = seen["value"]["headers"].to_string();
        assert_eq!(headers.contains(&authorization), is_passed_on, "{headers}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_told_apart() {
    let host = host(json!({ "webhook_slug": "s3cret" })).await;
    host.put_community("other", json!([])).await.expect(201);
    let hooks = host.get("/api/internal/community/acme/hooks").await.expect(200);
    assert_eq!(hooks, json!({ "hooks": ["/api/hooks/acme/probe/s3cret"] }));
    assert_eq!(hook(&host, "/api/hooks/acme/probe/s3cret", "none").await.status, 200);
    let mut details = Vec::new();
    for path in [
        URL,
        "/api/hooks/acme/probe/s3cre7",
        "/api/hooks/acme/probe/s3cret2",
        "/api/hooks/other/probe",
        "/api/hooks/nobody/probe",
        "/api/hooks/acme/nothing",
        "/api/hooks/probe",
        "/api/hooks/nothing",
    ] {
        details.push(hook(&host, path, "none").await.problem(404, "not_found"));
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
}

#[tokio::test]
async fn who_has_not_signed_does_not_learn_which_instances_there_are() {
    let host = TestHost::with(&["platform", "probe"]).start().await;
    let one = |team: &str| json!({ "name": "platform", "config": { "team_id": team } });
    host.put_community("acme", json!([one("T1"), one("T2")])).await.expect(201);
    host.community("other", "platform", json!({ "team_id": "T3" })).await;
    let mut answers = Vec::new();
    for path in [
        "/api/hooks/acme/platform",
        "/api/hooks/acme/platform?community_platform_id=T3",
        "/api/hooks/nobody/platform?community_platform_id=T1",
        "/api/hooks/other/platform?community_platform_id=T1",
        "/api/hooks/nobody/platform",
        "/api/hooks/acme/probe",
        "/api/hooks/acme/nothing",
    ] {
        answers.push(hook(&host, path, "none").await.problem(404, "not_found"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");

    // A missing plugin is missing for every community, whether it has enabled the plugin or not.
    std::fs::remove_file(host.plugin_file("platform.wasm")).expect("a file");
    let path = "/api/hooks/other/platform";
    until("the plugin is away", async || {
        (hook(&host, path, "none").await.status == 503).then_some(())
    })
    .await;
    for path in [path, "/api/hooks/nobody/platform", "/api/hooks/acme/platform/slug"] {
        answers.push(hook(&host, path, "none").await.problem(503, "plugin_unavailable"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 2, "{answers:?}");
}

#[tokio::test]
async fn a_config_that_cannot_be_read_lets_nobody_in() {
    let mut host = host(json!({ "webhook_slug": "s3cret" })).await;
    host.terminate();
    let path = host.data().join("moothall.db");
    let database = rusqlite::Connection::open(&path).expect("a database");
    let damaged = database.execute("UPDATE instance SET config = '{'", ()).expect("an instance");
    assert_eq!(damaged, 1);
    drop(database);
    host.restart().await;
    for path in [URL, "/api/hooks/acme/probe/s3cret"] {
        hook(&host, path, "none").await.problem(500, "internal");
    }
}

#[tokio::test]
async fn the_urls_that_are_listed_are_those_that_answer() {
    for (slug, path) in [("", URL.to_owned()), ("a b-c", format!("{URL}/a%20b-c"))] {
        let host = host(json!({ "webhook_slug": slug })).await;
        let hooks = host.get("/api/internal/community/acme/hooks").await.expect(200);
        assert_eq!(hooks, json!({ "hooks": [path] }));
        assert_eq!(hook(&host, &path, "none").await.status, 200);
    }
}

#[tokio::test]
async fn a_receiver_that_fails_stores_nothing_and_no_process_sees_it() {
    let host = host(json!({})).await;
    let vote = start_vote(&host, json!({})).await;
    let request = host.request(Method::POST, URL).header("x-probe", "error");
    answer(request.header("x-probe-kind", "forbidden")).await.problem(403, "forbidden");
    hook(&host, URL, "trap").await.problem(502, "plugin_trap");
    assert_eq!(dead_letters(&host).await["waiting"], 0);
    let closed = host.delete(&vote).await.expect(200);
    assert_eq!(closed["outcome"]["webhooks"], 0);
    let events = host.get("/api/internal/events").await.expect(200);
    assert_eq!(events["events"], json!([]));
}

#[tokio::test]
async fn pending_processes_see_what_the_receiver_accepted() {
    let host = host(json!({})).await;
    let (first, second) = (start_vote(&host, json!({})).await, start_vote(&host, json!({})).await);
    let request = host.request(Method::POST, URL).header("x-probe-process", "respond");
    let responded = answer(request).await;
    assert_eq!(responded.status, 202, "the first process's response");
    assert!(first.ends_with(&responded.text), "{first} {}", responded.text);
    let request = host.request(Method::POST, URL).header("x-probe-process", "complete");
    assert_eq!(answer(request).await.status, 200);
    for vote in [first, second] {
        let process = host.get(&vote).await.expect(200);
        assert_eq!(process["status"], "completed");
        assert_eq!(process["outcome"]["webhooks"], 2, "{process}");
    }
    assert_eq!(dead_letters(&host).await["waiting"], 0);
}

#[tokio::test]
async fn the_answer_waits_for_no_process_longer_than_it_may() {
    let setup = TestHost::with(&["probe"]);
    let setup = setup.toml("[webhooks]\nanswer_ms = 100\n[limits]\nwall_ms = 600000");
    let mut host = setup.start().await;
    host.community("acme", "probe", json!({})).await;
    for _ in 0..2 {
        start_vote(&host, json!({})).await;
    }
    let hanging = |probe: &str| {
        let request = host.request(Method::POST, URL).header("x-probe-process", "hang");
        answer(request.header("x-probe", probe))
    };
    let echoed = hanging("echo").await;
    assert_eq!((echoed.status, echoed.header("x-probe-answer")), (201, "echo"));
    let silent = hanging("none").await;
    assert_eq!((silent.status, silent.text.as_str()), (200, ""));
    assert_eq!(dead_letters(&host).await["waiting"], 4);
    host.kill_9();
    host.restart().await;
    assert_eq!(dead_letters(&host).await["waiting"], 4, "what was answered is stored");
}

#[tokio::test]
async fn what_the_answer_did_not_wait_for_goes_on_and_is_settled() {
    let setup = TestHost::with(&["probe"]);
    let setup = setup.toml("[webhooks]\nanswer_ms = 100\n[limits]\nwall_ms = 1000");
    let host = setup.start().await;
    host.community("acme", "probe", json!({})).await;
    for _ in 0..2 {
        start_vote(&host, json!({})).await;
    }
    let request = host.request(Method::POST, URL).header("x-probe-process", "hang");
    assert_eq!(answer(request.header("x-probe", "echo")).await.status, 201);
    until("the one that was under way and the other one have failed", async || {
        (dead_letters(&host).await["failing"] == 2).then_some(())
    })
    .await;
    // Without any time, processes get the webhook only after the answer.
    let setup = TestHost::with(&["probe"]).toml("[webhooks]\nanswer_ms = 0");
    let host = setup.start().await;
    host.community("acme", "probe", json!({})).await;
    let vote = start_vote(&host, json!({})).await;
    let request = host.request(Method::POST, URL).header("x-probe-process", "complete");
    assert_eq!(answer(request).await.status, 200);
    until("the process is completed", async || {
        (host.get(&vote).await.expect(200)["status"] == "completed").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_process_that_fails_is_tried_again_and_becomes_a_dead_letter() {
    let host = host(json!({})).await;
    let failing = start_vote(&host, json!({ "fail": "webhook" })).await;
    let healthy = start_vote(&host, json!({})).await;
    let answered = hook(&host, URL, "echo").await;
    assert_eq!(answered.status, 201, "the answer is the receiver's all the same");
    until("it is a dead letter", async || {
        host.advance(Duration::from_secs(2 * 3600 + 1));
        (dead_letters(&host).await["dead"] == 1).then_some(())
    })
    .await;
    let worker = dead_letters(&host).await;
    assert_eq!(worker["dead_letters"][0]["attempts"], 9, "{worker}");
    assert_eq!(host.delete(&healthy).await.expect(200)["outcome"]["webhooks"], 1);
    assert_eq!(host.get(&failing).await.expect(200)["status"], "pending");
    let id = worker["dead_letters"][0]["id"].clone();
    let skip = "/api/internal/workers/webhooks/skip";
    assert_eq!(host.post(skip, json!({ "id": id })).await.expect(200)["count"], 1);
    assert_eq!(dead_letters(&host).await["dead"], 0);
    host.post(skip, json!({ "id": id })).await.problem(400, "unknown_dead_letter");
    host.post("/api/internal/workers/nobody/skip", json!({})).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_was_accepted_reaches_each_process_once_whatever_dies_when() {
    let mut host = host(json!({})).await;
    let votes = [start_vote(&host, json!({})).await, start_vote(&host, json!({})).await];
    let mut accepted = 0;
    for round in 0..5 {
        for _ in 0..4 + round {
            accepted += u64::from(hook(&host, URL, "none").await.status == 200);
        }
        // One more webhook, which may or may not arrive while the host dies.
        let last = host.request(Method::POST, URL).header("x-probe", "none").send();
        let last = tokio::time::timeout(Duration::from_millis(round), last);
        let answered = last.await.is_ok_and(|answer| answer.is_ok_and(|a| a.status() == 200));
        accepted += u64::from(answered);
        host.kill_9();
        host.restart().await;
    }
    host.advance(Duration::from_secs(60));
    until("nothing waits", async || (dead_letters(&host).await["waiting"] == 0).then_some(()))
        .await;
    let received = state(&host, "webhooks").await["value"].as_u64().expect("a count");
    assert!(received >= accepted, "{received} of {accepted}");
    for vote in votes {
        let closed = host.delete(&vote).await.expect(200);
        assert_eq!(closed["outcome"]["webhooks"], received, "each once: {closed}");
    }
}

#[tokio::test]
async fn an_item_whose_plugin_is_gone_is_a_dead_letter_in_the_end() {
    let host = host(json!({})).await;
    start_vote(&host, json!({ "fail": "webhook" })).await;
    assert_eq!(hook(&host, URL, "echo").await.status, 201);
    std::fs::remove_file(host.plugin_file("probe.wasm")).expect("the plugin's file");
    until("the plugin is gone", async || {
        let plugins = host.get("/api/internal/plugins").await.expect(200);
        let serves = |one: &Value| one["name"] == "probe" && one["serving"].is_object();
        (!plugins["plugins"].as_array()?.iter().any(serves)).then_some(())
    })
    .await;
    until("it is a dead letter", async || {
        host.advance(Duration::from_secs(2 * 3600 + 1));
        (dead_letters(&host).await["dead"] == 1).then_some(())
    })
    .await;
    let worker = dead_letters(&host).await;
    assert_eq!(worker["dead_letters"][0]["attempts"], 9, "{worker}");
}

/// Writes items that are due before any other, while the host is down: `process` 0 is the instance
/// itself.
fn add_items(host: &TestHost, count: usize, community: &str, process: i64, does: &str) {
    let database = rusqlite::Connection::open(host.data().join("moothall.db")).expect("a database");
    let headers = json!([["x-probe-process", does]]).to_string();
    let request = "INSERT INTO webhook_request (request_id, method, path, query, headers, body, received_at) \
                   VALUES ('r', 'POST', '/', '', ?1, CAST('{}' AS BLOB), 1)";
    let item = "INSERT INTO webhook_item (webhook_id, instance_id, process_id, state, attempts, due_at) \
                SELECT last_insert_rowid(), instance.id, ?2, 'waiting', 0, \
                (SELECT count(*) FROM webhook_item) FROM instance JOIN community ON community.id = community_id \
                WHERE slug = ?1";
    for _ in 0..count {
        database.execute(request, [&headers]).expect("a request");
        assert_eq!(database.execute(item, (community, process)).expect("an item"), 1);
    }
}

/// The number of a process in the database.
fn number(host: &TestHost, location: &str) -> i64 {
    let database = rusqlite::Connection::open(host.data().join("moothall.db")).expect("a database");
    let id = location.rsplit('/').next().expect("an id");
    let found = database
        .query_row("SELECT id FROM process WHERE public_id = ?1", [id], |row| row.get::<_, i64>(0));
    found.expect("a process")
}

#[tokio::test]
async fn a_receiver_with_hundreds_of_items_leaves_turns_to_the_others() {
    let setup = TestHost::with(&["probe"]).toml("[limits]\nwall_ms = 60000");
    let mut host = setup.start().await;
    host.community("acme", "probe", json!({})).await;
    host.community("other", "probe", json!({})).await;
    let greedy = start_vote(&host, json!({})).await;
    let request = host.request(Method::POST, "/api/internal/process/probe.vote");
    let modest = answer(request.header("X-Metagov-Community", "other").json(&json!({}))).await;
    host.terminate();
    add_items(&host, 400, "acme", number(&host, &greedy), "hang");
    add_items(&host, 1, "other", number(&host, modest.header("location")), "complete");
    host.restart().await;
    until("the other process has had its webhook", async || {
        let process = host.get(modest.header("location")).await.expect(200);
        (process["status"] == "completed").then_some(())
    })
    .await;
    assert_eq!(dead_letters(&host).await["waiting"], 400);
}

#[tokio::test]
async fn receivers_of_one_plugin_that_hang_leave_turns_to_other_plugins() {
    let setup = TestHost::with(&["probe", "platform"]).toml("[limits]\nwall_ms = 60000");
    let mut host = setup.start().await;
    host.community("acme", "probe", json!({})).await;
    host.community("other", "platform", json!({ "team_id": "t" })).await;
    let mut votes = Vec::new();
    for _ in 0..40 {
        votes.push(start_vote(&host, json!({})).await);
    }
    host.terminate();
    for vote in &votes {
        add_items(&host, 1, "acme", number(&host, vote), "hang");
    }
    add_items(&host, 1, "other", 0, "");
    host.restart().await;
    until("the other plugin has received its webhook", async || {
        let events = host.get("/api/internal/events?community=other").await.expect(200);
        (events["events"][0]["event_type"] == "message").then_some(())
    })
    .await;
    assert_eq!(dead_letters(&host).await["waiting"], 40);
}
