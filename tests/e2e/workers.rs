//! Workers: which events they get, in which order, and what a failing event costs its worker and
//! others.

mod slow;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use moothall_tests::guests::BACKSTAGE_GRANTS;
use moothall_tests::{TestHost, until};
use serde_json::{Value, json};

use crate::clock::purged;

async fn host() -> TestHost {
    let host = TestHost::with(&["backstage"]).toml(BACKSTAGE_GRANTS).start().await;
    host.community("acme", "backstage", json!({})).await;
    host
}

async fn state(host: &TestHost, key: &str) -> Value {
    host.action("acme", "backstage.get", json!({ "key": key })).await.json()["value"].clone()
}

async fn emit(host: &TestHost, event_type: &str, data: Value, times: u32) {
    let parameters = json!({ "event_type": event_type, "data": data, "times": times });
    host.action("acme", "backstage.emit", parameters).await.expect(200);
}

async fn worker(host: &TestHost, name: &str) -> Value {
    let all = host.get("/api/internal/workers?plugin=backstage").await.expect(200);
    let all = all["workers"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|one| one["worker"] == name).unwrap_or_default()
}

async fn numbers(host: &TestHost, key: &str) -> Vec<u64> {
    let list = state(host, key).await;
    let list = list.as_array().cloned().unwrap_or_default();
    list.iter().filter_map(|one| one["data"]["number"].as_u64()).collect()
}

async fn handled(host: &TestHost, key: &str, count: usize) -> Vec<u64> {
    until("they are handled", async || {
        let found = numbers(host, key).await;
        (found.len() >= count).then_some(found)
    })
    .await
}

/// Waits for seven attempts of the failed event, each when it is due, and makes the eighth due.
async fn tried_seven_times(host: &TestHost, name: &str) {
    for (tries, wait) in [1, 5, 30, 120, 600, 1800, 3600].into_iter().enumerate() {
        until("it was tried", async || {
            let retries = worker(host, name).await["retries"].clone();
            (retries[0]["attempts"] == tries + 1).then_some(())
        })
        .await;
        host.advance(Duration::from_secs(wait + 1));
    }
}

#[tokio::test]
async fn each_event_is_handled_once_and_in_order() {
    let host = host().await;
    emit(&host, "note", json!({}), 100).await;
    emit(&host, "other", json!({}), 10).await;
    assert_eq!(handled(&host, "handled", 100).await, (0..100).collect::<Vec<_>>());
    assert_eq!(state(&host, "count").await, 100);
    let recorder = worker(&host, "recorder").await;
    assert_eq!((&recorder["waiting"], &recorder["dead"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn a_failing_event_is_tried_again_and_holds_up_nobody() {
    let host = host().await;
    emit(&host, "note", json!({ "worker": "write-and-fail" }), 1).await;
    emit(&host, "note", json!({}), 3).await;
    handled(&host, "handled", 3).await;
    assert_eq!(state(&host, "half").await, Value::Null, "a failed event leaves nothing");
    for name in ["recorder", "picky", "senders", "counter"] {
        let other = until("nothing waits", async || {
            let worker = worker(&host, name).await;
            (worker["waiting"] == 0).then_some(worker)
        })
        .await;
        assert_eq!(other["lag_ms"], 0, "{name} does not lag behind a failed event");
    }
    tried_seven_times(&host, "recorder").await;
    let dead = until("it is a dead letter", async || {
        let worker = worker(&host, "recorder").await;
        (worker["dead"] == 1).then_some(worker)
    })
    .await;
    let letter = &dead["dead_letters"][0];
    assert_eq!((&letter["attempts"], &letter["type"]), (&json!(8), &json!("backstage.note")));
    assert!(letter["last_error"].as_str().is_some_and(|error| error.contains("asked to fail")));
    let path = "/api/internal/workers/backstage/recorder/skip";
    assert_eq!(host.post(path, json!({ "id": letter["id"] })).await.expect(200)["count"], 1);
    host.post(path, json!({ "id": letter["id"] })).await.problem(400, "unknown_dead_letter");
    assert_eq!(worker(&host, "recorder").await["dead"], 0);
}

#[tokio::test]
async fn what_is_permanent_is_a_dead_letter_at_once_and_can_be_retried() {
    let host = host().await;
    emit(&host, "note", json!({ "worker": "permanent" }), 1).await;
    until("it is given up", async || (worker(&host, "recorder").await["dead"] == 1).then_some(()))
        .await;
    let path = "/api/internal/workers/backstage/recorder/retry";
    assert_eq!(host.post(path, json!({})).await.expect(200)["count"], 1);
    until("it is given up again", async || {
        (worker(&host, "recorder").await["dead"] == 1).then_some(())
    })
    .await;
    assert_eq!(
        host.post("/api/internal/workers/backstage/nobody/retry", json!({})).await.status,
        404
    );
}

#[tokio::test]
async fn fifo_holds_back_only_its_own_worker() {
    let host = host().await;
    emit(&host, "ordered", json!({ "worker": "fail" }), 1).await;
    emit(&host, "ordered", json!({}), 3).await;
    emit(&host, "note", json!({}), 2).await;
    handled(&host, "handled", 2).await;
    until("the others wait behind it", async || {
        (worker(&host, "orderly").await["failing"] == 4).then_some(())
    })
    .await;
    assert_eq!(numbers(&host, "ordered").await, Vec::<u64>::new());
    tried_seven_times(&host, "orderly").await;
    assert_eq!(handled(&host, "ordered", 3).await, [0, 1, 2]);
    assert_eq!(worker(&host, "orderly").await["dead"], 1);
}

#[tokio::test]
async fn a_worker_matches_on_data_and_has_its_own_number_of_tries() {
    let host = host().await;
    emit(&host, "note", json!({ "kind": "other" }), 2).await;
    emit(&host, "note", json!({ "kind": "wanted" }), 1).await;
    handled(&host, "picked", 1).await;
    emit(&host, "note", json!({ "kind": "wanted", "worker": "trap" }), 1).await;
    until("it failed once", async || (worker(&host, "picky").await["failing"] == 1).then_some(()))
        .await;
    host.advance(Duration::from_secs(2));
    until("two tries are enough", async || {
        (worker(&host, "picky").await["dead"] == 1).then_some(())
    })
    .await;
    let picked = state(&host, "picked").await;
    assert_eq!(picked.as_array().map(Vec::len), Some(1), "{picked}");
    assert_eq!(picked[0]["data"]["kind"], "wanted", "{picked}");
}

#[tokio::test]
async fn a_disabled_worker_is_given_nothing_until_it_is_enabled() {
    let host = TestHost::with(&["backstage"]).toml(BACKSTAGE_GRANTS).start().await;
    host.community("acme", "backstage", json!({ "worker_enabled": false })).await;
    until("it was asked", async || {
        (worker(&host, "recorder").await["enabled"] == false).then_some(())
    })
    .await;
    emit(&host, "note", json!({}), 3).await;
    host.put_community(
        "acme",
        json!([{ "name": "backstage", "config": { "worker_enabled": true } }]),
    )
    .await
    .expect(200);
    // Exactly the next one.
    emit(&host, "note", json!({ "late": true }), 2).await;
    assert_eq!(handled(&host, "handled", 2).await, [0, 1]);
    let list = state(&host, "handled").await;
    assert!(list.as_array().is_some_and(|all| all.iter().all(|one| one["data"]["late"] == true)));
}

#[tokio::test]
async fn workers_see_what_a_call_sent() {
    let host = host().await;
    emit(&host, "note", json!({ "a": 1 }), 2).await;
    let sent = until("it is sent", async || {
        let sent = state(&host, "sent").await;
        (sent.as_array().map_or(0, Vec::len) == 1).then_some(sent)
    })
    .await;
    let item = &sent[0];
    assert_eq!(
        (&item["handler_id"], &item["account_id"]),
        (&json!("backstage.emit"), &json!("acme"))
    );
    assert_eq!(item["events"].as_array().map(Vec::len), Some(2));
    assert_eq!(item["events"][1]["data"]["number"], 1);
    let time = |name: &str| item[name].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    let (began, ended) = (time("event_create_time"), time("event_end_time"));
    assert!(began.is_some() && ended >= began, "{item}");
    // A worker gets no item for its own events: it would feed itself.
    emit(&host, "note", json!({ "worker": "emit" }), 1).await;
    until("the echo is there", async || {
        let events = host.get("/api/internal/events?type=echoed").await.expect(200);
        (events["events"].as_array().map_or(0, Vec::len) == 1).then_some(())
    })
    .await;
    // A later event was handled, so there was no item.
    emit(&host, "note", json!({ "last": true }), 1).await;
    let sent = until("the last one is sent", async || {
        let sent = state(&host, "sent").await.as_array().cloned()?;
        let last = &sent.last()?["events"][0]["data"]["last"];
        (*last == true).then(|| sent.clone())
    })
    .await;
    let handlers: Vec<_> = sent.iter().map(|item| &item["handler_id"]).collect();
    assert_eq!(handlers, ["backstage.emit"; 3]);
}

#[tokio::test]
async fn what_an_instance_emits_while_it_is_set_up_is_told_too() {
    let host = TestHost::with(&["backstage", "probe"]).toml(BACKSTAGE_GRANTS).start().await;
    let backstage = json!({ "name": "backstage", "config": {} });
    host.put_community("acme", json!([backstage])).await.expect(201);
    until("the worker is asked", async || {
        (worker(&host, "senders").await["enabled"] == true).then_some(())
    })
    .await;
    for generation in [1, 2] {
        let probe =
            json!({ "name": "probe", "config": { "note": "emit", "generation": generation } });
        host.put_community("acme", json!([backstage, probe])).await.expect(200);
    }
    let sent = until("both are sent", async || {
        let sent = state(&host, "sent").await;
        (sent.as_array().map_or(0, Vec::len) == 2).then_some(sent)
    })
    .await;
    for (item, handler) in [(&sent[0], "probe.initialize"), (&sent[1], "probe.config-changed")] {
        assert_eq!(item["handler_id"], handler);
        assert_eq!(item["events"][0]["data"], json!({ "value": 0 }));
    }
}

#[tokio::test]
async fn kill_9_while_workers_work_loses_and_repeats_nothing() {
    let mut host = host().await;
    for round in 0..5 {
        emit(&host, "note", json!({ "round": round }), 100).await;
        // Somewhere in the middle of the events.
        handled(&host, "handled", round * 100 + round * 10).await;
        host.kill_9();
        host.restart().await;
    }
    let found = handled(&host, "handled", 500).await;
    assert_eq!(found.len(), 500);
    let expected: Vec<u64> = (0..5).flat_map(|_| 0..100).collect();
    assert_eq!(found, expected, "each once, in order");
    assert_eq!(state(&host, "count").await, 500);
}

/// Whether the database has such a row.
fn has(host: &TestHost, rows: &str) -> bool {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let file = host.data().join("moothall.db");
    let database = rusqlite::Connection::open_with_flags(file, flags).expect("the database");
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {rows})");
    database.query_row(&sql, [], |row| row.get(0)).expect("an answer")
}

#[tokio::test]
async fn nothing_stays_of_the_workers_of_a_deleted_community() {
    let host = host().await;
    emit(&host, "note", json!({ "worker": "permanent" }), 2).await;
    until("they are dead letters", async || {
        (worker(&host, "recorder").await["dead"] == 2).then_some(())
    })
    .await;
    host.delete("/api/internal/community/acme").await.expect(204);
    assert_eq!(worker(&host, "recorder").await, Value::Null);
    until("the purge has been there", async || {
        (!has(&host, "worker") && !has(&host, "worker_event")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_event_that_ends_the_process_three_times_is_given_up() {
    let mut host = TestHost::with(&["backstage"])
        .toml(&format!(
            "{BACKSTAGE_GRANTS}limits = {{ cpu_ms = 60000 }}\n[workers]\nsuspect_ms = 60000"
        ))
        .start()
        .await;
    host.community("acme", "backstage", json!({})).await;
    host.community("other", "backstage", json!({})).await;
    emit(&host, "note", json!({ "worker": "spin" }), 1).await;
    let others = json!({ "event_type": "note", "data": {}, "times": 3 });
    host.action("other", "backstage.emit", others).await.expect(200);
    host.kill_9();
    host.restart().await;
    // From the second start on, the host knows which event may have crashed it.
    for crashes in 1..=2 {
        let tried = format!(
            "worker JOIN instance ON instance.id = instance_id JOIN community ON community.id = \
             instance.community_id WHERE slug = 'acme' AND trying AND crashes = {crashes}"
        );
        until("it is being handled alone", async || has(&host, &tried).then_some(())).await;
        host.kill_9();
        host.restart().await;
    }
    let worker = until("it is a dead letter", async || {
        let worker = worker(&host, "recorder").await;
        (worker["dead"] == 1).then_some(worker)
    })
    .await;
    let error = worker["dead_letters"][0]["last_error"].as_str().unwrap_or_default();
    assert!(error.contains("the host crashed 3 times"), "{worker}");
    emit(&host, "note", json!({}), 2).await;
    handled(&host, "handled", 2).await;
    let other = host.action("other", "backstage.get", json!({ "key": "count" })).await.expect(200);
    assert_eq!(other["value"], 3, "the other's events were handled, each once");
}

#[tokio::test]
async fn workers_can_be_switched_off_and_lose_nothing_meanwhile() {
    let off = format!("{BACKSTAGE_GRANTS}[workers]\nenabled = false");
    let mut host = TestHost::with(&["backstage"]).toml(&off).start().await;
    host.community("acme", "backstage", json!({})).await;
    emit(&host, "note", json!({}), 3).await;
    // Long after workers would have had their turn: other work of the background is done twice.
    for beats in [1, 2] {
        host.advance(Duration::from_secs(61));
        until("it ticks", async || (state(&host, "beats").await == beats).then_some(())).await;
    }
    assert_eq!(worker(&host, "recorder").await["waiting"], 3);
    assert_eq!(state(&host, "count").await, Value::Null);
    host.set_toml(BACKSTAGE_GRANTS);
    host.restart().await;
    assert_eq!(handled(&host, "handled", 3).await, [0, 1, 2]);
}

/// Lets time pass, and publishes an event once the host has noticed it.
async fn publish_after_days(host: &TestHost, days: i64) {
    let last = async || {
        let kept = host.get("/api/internal/events").await.expect(200)["events"].clone();
        let time =
            kept.as_array().and_then(|kept| kept.last()).and_then(|one| one["time"].as_str());
        time.expect("an event").parse::<Timestamp>().expect("its time")
    };
    let then = last().await + SignedDuration::from_hours(24 * days) - SignedDuration::from_hours(1);
    host.advance(Duration::from_secs(days.unsigned_abs() * 24 * 3600));
    until("it is noticed", async || {
        let published = json!({ "community": "acme", "event_type": "a", "data": {} });
        host.post("/api/internal/events", published).await.expect(202);
        (last().await > then).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_a_plugin_that_is_gone_keeps_the_log_for_a_time_and_no_longer() {
    let host = TestHost::with(&["backstage"]).toml("[retention]\nevent_days = 3").start().await;
    host.community("acme", "backstage", json!({})).await;
    emit(&host, "ordered", json!({ "worker": "fail" }), 2).await;
    until("both wait", async || (worker(&host, "orderly").await["failing"] == 2).then_some(()))
        .await;
    std::fs::remove_file(host.plugin_file("backstage.wasm")).expect("its file");
    until("it does not serve", async || {
        (worker(&host, "orderly").await["serving"] == false).then_some(())
    })
    .await;
    let events = "/api/internal/events";
    // Longer than `event_days`, and than any delivery waits.
    publish_after_days(&host, 5).await;
    purged(&host).await;
    assert_eq!(worker(&host, "orderly").await["failing"], 2, "for so long they wait");
    publish_after_days(&host, 2).await;
    until("the log goes on", async || {
        let kept = host.get(events).await.expect(200)["events"].clone();
        (kept[0]["position"] != 1 && kept[0]["type"] == "driver.a").then_some(())
    })
    .await;
    let orderly = worker(&host, "orderly").await;
    assert_eq!((&orderly["failing"], &orderly["dead"]), (&json!(0), &json!(2)), "{orderly}");
    let letter = &orderly["dead_letters"][0];
    assert_eq!(letter["event"], Value::Null, "it is no longer kept: {letter}");
    let said = letter["last_error"].as_str().unwrap_or_default();
    assert!(said.contains("event_days") && said.contains("asked to fail"), "{said}");
    let path = "/api/internal/workers/backstage/orderly/retry";
    host.post(path, json!({ "id": letter["id"] })).await.problem(400, "unknown_dead_letter");
    let path = "/api/internal/workers/backstage/orderly/skip";
    assert_eq!(host.post(path, json!({})).await.expect(200)["count"], 2);
}
