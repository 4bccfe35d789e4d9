//! Shares of the store: one plugin, one instance or one community cannot use up what all need.

use std::time::Duration;

use moothall_tests::{Answer, TestHost, answer, until};
use reqwest::Method;
use serde_json::json;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Emits one event of about 6,000 bytes.
async fn emit(host: &TestHost) -> Answer {
    let data = json!({ "text": "x".repeat(6_000) });
    let event = json!({ "event_type": "note", "data": data });
    host.action("acme", "backstage.emit", event).await
}

#[tokio::test]
async fn a_plugin_that_had_its_bytes_of_the_day_is_told_when_there_is_room_again() {
    let toml = "[plugins.backstage]\nlimits = { stored_bytes_per_day = 20000 }";
    let mut host = TestHost::with(&["backstage", "probe"]).toml(toml).start().await;
    let plugins = json!([{ "name": "backstage" }, { "name": "probe" }]);
    host.put_community("acme", plugins).await.expect(201);
    for _ in 0..3 {
        emit(&host).await.expect(200);
    }
    let refused = emit(&host).await;
    let detail = refused.problem(503, "unavailable");
    assert!(detail.contains("stored_bytes_per_day"), "{detail}");
    assert!(!refused.header("retry-after").is_empty());
    let details = refused.json()["details"].clone();
    assert_eq!(details["bytes_per_day"], 20_000, "{details}");
    let listed = host.file("backstage.wasm").await["stored_today"].clone();
    assert!(listed["bytes"].as_u64().is_some_and(|bytes| bytes > 18_000), "{listed}");
    assert_eq!(listed["resets_at"], details["retry_at"]);
    let other = json!({ "key": "a", "value": 1 });
    host.result("acme", "probe.put", other).await;
    let published = json!({ "community": "acme", "event_type": "a", "data": {} });
    host.post("/api/internal/events", published).await.expect(202);

    host.terminate();
    host.restart().await;
    emit(&host).await.problem(503, "unavailable");
    host.advance(DAY);
    until("the next day has begun", async || (emit(&host).await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn what_was_not_stored_counts_nothing() {
    let toml = "[plugins.probe]\nlimits = { stored_bytes_per_day = 20000 }";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    let counted =
        async || host.file("probe.wasm").await["stored_today"]["bytes"].as_u64().expect("a number");
    let (before, note) = (counted().await, json!({ "event_type": "note", "data": "x" }));
    for _ in 0..5 {
        let failed = host.action("acme", "probe.emit-then-fail", note.clone()).await;
        failed.problem(409, "conflict");
    }
    assert_eq!(counted().await, before);
    host.result("acme", "probe.emit", note).await;
    assert!(counted().await > before, "what was stored does");
}

#[tokio::test]
async fn a_driver_has_its_bytes_of_the_day_and_is_told_when_there_is_room_again() {
    let toml = "[limits]\ndriver_bytes_per_day = 100000";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    let event = json!({ "community": "acme", "event_type": "a", "data": "x".repeat(20_000) });
    let refused = until("the day is used up", async || {
        let answer = host.post("/api/internal/events", event.clone()).await;
        (answer.status != 202).then_some(answer)
    })
    .await;
    let detail = refused.problem(429, "day_used_up");
    assert!(detail.contains("driver_bytes_per_day"), "{detail}");
    let seconds: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=24 * 3600 + 1).contains(&seconds), "{seconds}");
    let keyed = async |key: Option<&str>| {
        let path = "/api/internal/action/probe.put";
        let mut put = host.request(Method::POST, path).header("X-Metagov-Community", "acme");
        if let Some(key) = key {
            put = put.header("Idempotency-Key", key);
        }
        answer(put.json(&json!({ "parameters": { "key": "a", "value": 1 } }))).await
    };
    keyed(Some("one")).await.problem(429, "day_used_up");
    keyed(None).await.expect(200);
}

async fn hook(host: &TestHost, bytes: usize) -> Answer {
    let request = host.request(Method::POST, "/api/hooks/acme/probe");
    answer(request.header("x-probe", "none").body("x".repeat(bytes))).await
}

#[tokio::test]
async fn an_instance_whose_webhooks_wait_or_are_dead_takes_only_so_many() {
    let toml = "[webhooks]\ninstance_bytes = 10000";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    let path = "/api/internal/process/probe.vote";
    let vote = host.request(Method::POST, path).header("X-Metagov-Community", "acme");
    answer(vote.json(&json!({ "fail": "webhook" }))).await.expect(202);
    for _ in 0..2 {
        assert_eq!(hook(&host, 4_000).await.status, 200);
    }
    let refused = hook(&host, 4_000).await;
    let detail = refused.problem(503, "overloaded");
    assert!(detail.contains("instance_bytes"), "{detail}");
    assert_eq!(refused.header("retry-after"), "1");
    until("they are dead letters", async || {
        host.advance(Duration::from_secs(2 * 3600 + 1));
        let workers = host.get("/api/internal/workers").await.expect(200);
        (workers["workers"][0]["dead"] == 2).then_some(())
    })
    .await;
    hook(&host, 4_000).await.problem(503, "overloaded");
    let skip = "/api/internal/workers/webhooks/skip";
    assert_eq!(host.post(skip, json!({})).await.expect(200)["count"], 2);
    assert_eq!(hook(&host, 4_000).await.status, 200, "there is room again");
}

#[tokio::test]
async fn webhooks_that_anybody_can_send_are_a_warning() {
    let host = TestHost::with(&["platform", "probe", "signed"]).start().await;
    let warnings = async |file: &str| host.file(file).await["warnings"].to_string();
    let open = warnings("platform.wasm").await;
    assert!(open.contains("sent by anybody") && open.contains("webhook_slug"), "{open}");
    for file in ["probe.wasm", "signed.wasm"] {
        let none = warnings(file).await;
        assert!(!none.contains("sent by anybody"), "{file}: {none}");
    }
}

#[tokio::test]
async fn a_community_has_only_so_many_people_and_accounts() {
    let toml = "[limits]\npeople_per_community = 3";
    let host = TestHost::with(&["consent"]).toml(toml).start().await;
    host.community("acme", "consent", json!({ "token": "t" })).await;
    let link = async |name: &str| {
        let account = json!({ "platform_identifier": name });
        host.action("acme", "consent.link", account).await
    };
    for name in ["a", "b", "c"] {
        link(name).await.expect(200);
    }
    let detail = link("d").await.problem(409, "conflict");
    assert!(detail.contains("people_per_community"), "{detail}");
    link("a").await.expect(200);
}

/// Publishes until there is no room.
async fn fill(host: &TestHost) {
    let event = json!({ "community": "acme", "event_type": "a", "data": "x".repeat(100_000) });
    until("the store is full", async || {
        let answer = host.post("/api/internal/events", event.clone()).await;
        (answer.status != 202).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_full_store_has_room_again_once_what_is_in_it_is_old() {
    let toml = "[store]\ndatabase_bytes = 2000000";
    let host = TestHost::with(&[]).toml(toml).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    fill(&host).await;
    host.advance(31 * DAY);
    until("what filled it is purged", async || {
        let kept = host.get("/api/internal/events").await.expect(200)["events"].clone();
        kept.as_array().is_some_and(Vec::is_empty).then_some(())
    })
    .await;
    for _ in 0..10 {
        let data = "x".repeat(100_000);
        let event = json!({ "community": "acme", "event_type": "later", "data": data });
        host.post("/api/internal/events", event).await.expect(202);
    }
}

#[tokio::test]
async fn answers_that_are_remembered_make_room_in_a_store_that_is_nearly_full() {
    let toml = "[store]\ndatabase_bytes = 2000000\n[limits]\ndriver_bytes_per_day = 1000000000";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    let value = json!({ "key": "a", "value": "x".repeat(50_000) });
    host.result("acme", "probe.put", value).await;
    let mut number = 0;
    let mut get = async || {
        number += 1;
        let path = "/api/internal/action/probe.get";
        let get = host.request(Method::POST, path).header("X-Metagov-Community", "acme");
        let get = get.header("Idempotency-Key", format!("key {number}"));
        answer(get.json(&json!({ "parameters": { "key": "a" } }))).await
    };
    until("the store is full", async || (get().await.status != 200).then_some(())).await;
    host.advance(DAY / 20);
    let write = json!({ "key": "b", "value": 1 });
    until("what was remembered has gone, long before its day is over", async || {
        let put = host.action("acme", "probe.put", write.clone()).await;
        (put.status == 200 && get().await.status == 200).then_some(())
    })
    .await;
}
