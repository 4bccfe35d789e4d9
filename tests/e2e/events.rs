//! Events: published by drivers, listed in the order of their commits, stored once for each dedupe
//! key.

use moothall_tests::{TestHost, until};
use serde_json::{Value, json};

const EVENTS: &str = "/api/internal/events";

async fn host() -> TestHost {
    let host = TestHost::with(&[]).start().await;
    for community in ["acme", "other"] {
        host.put_community(community, json!([])).await.expect(201);
    }
    host
}

fn event(community: &str, event_type: &str) -> Value {
    json!({ "community": community, "source": "forum", "event_type": event_type, "data": {} })
}

fn field<'a>(page: &'a Value, name: &str) -> Vec<&'a Value> {
    page["events"].as_array().expect("a list").iter().map(|event| &event[name]).collect()
}

#[tokio::test]
async fn events_are_listed_by_community_type_and_page() {
    let host = host().await;
    for number in 0..6 {
        let community = ["acme", "other"][number % 2];
        let kind = ["post_created", "post_edited", "vote"][number % 3];
        host.post(EVENTS, event(community, kind)).await.expect(202);
    }
    let all = host.get(EVENTS).await.expect(200);
    assert_eq!(field(&all, "seq"), [1, 1, 2, 2, 3, 3]);
    assert_eq!(all["next"], Value::Null);
    assert_eq!(all["events"][0]["type"], "forum.post_created");
    assert_eq!(all["events"][0]["key"], "acme/forum");
    assert_eq!(all["events"][0]["origin"]["kind"], "published");

    let acme = host.get(&format!("{EVENTS}?community=acme")).await.expect(200);
    assert_eq!(field(&acme, "event_type"), ["post_created", "vote", "post_edited"]);
    let posts = host.get(&format!("{EVENTS}?type=forum:post*&limit=3")).await.expect(200);
    assert_eq!(field(&posts, "position"), [1, 2, 4]);
    let more = format!("{EVENTS}?type=forum:post*&limit=3&after={}", posts["next"]);
    assert_eq!(field(&host.get(&more).await.expect(200), "position"), [5]);
}

#[tokio::test]
async fn a_rename_of_the_community_resets_nothing() {
    let host = host().await;
    host.post(EVENTS, event("acme", "a")).await.expect(202);
    let renamed = json!({ "slug": "acme2" });
    host.put("/api/internal/community/acme", renamed).await.expect(200);
    host.post(EVENTS, event("acme2", "a")).await.expect(202);
    let page = host.get(&format!("{EVENTS}?community=acme2")).await.expect(200);
    assert_eq!(field(&page, "seq"), [1, 2]);
    assert_eq!(field(&page, "community"), ["acme", "acme2"]);
}

#[tokio::test]
async fn a_dedupe_key_counts_for_a_day_within_its_community_and_source() {
    let host = host().await;
    let publish = async |community: &str, source: &str| {
        let event = json!({
            "community": community, "source": source, "event_type": "a", "dedupe_key": "k"
        });
        host.post(EVENTS, event).await.expect(202)["id"].clone()
    };
    let first = publish("acme", "forum").await;
    assert_eq!(publish("acme", "forum").await, first);
    assert_ne!(publish("acme", "chat").await, first);
    assert_ne!(publish("other", "forum").await, first);
    assert_eq!(field(&host.get(EVENTS).await.expect(200), "id").len(), 3);
    host.advance(std::time::Duration::from_secs(25 * 3600));
    moothall_tests::until("the key counts no more", async || {
        (publish("acme", "forum").await != first).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_no_event_is_refused_and_says_why() {
    let host = host().await;
    let long = "x".repeat(300 << 10);
    for (body, says) in [
        (json!({ "event_type": "a" }), "\"community\""),
        (json!({ "community": "acme" }), "\"event_type\""),
        (event("acme", "a/b"), "event_type"),
        (json!({ "community": "acme", "source": "api", "event_type": "change" }), "`api`"),
        (json!({ "community": "acme", "source": "a:b", "event_type": "a" }), "source"),
        (json!({ "community": "acme", "event_type": "a", "dedupe_key": "" }), "dedupe_key"),
        (json!({ "community": "acme", "event_type": "a", "data": long }), "262144"),
    ] {
        let detail = host.post(EVENTS, body).await.problem(400, "bad_request");
        assert!(detail.contains(says), "{detail}");
    }
    assert_eq!(host.get(EVENTS).await.expect(200)["events"], json!([]));
}

#[tokio::test]
async fn event_types_are_listed() {
    let host = host().await;
    let types = host.get("/api/internal/event-types").await.expect(200);
    let all = types["event_types"].as_array().expect("a list");
    assert!(all.iter().any(|one| one["source"] == "api" && one["event_type"] == "change"));
}

#[tokio::test]
async fn a_dry_run_shows_the_event_and_where_it_would_go_and_emits_nothing() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let emit = json!({ "parameters": { "event_type": "noted", "data": { "a": 1 } } });
    let path = "/api/internal/action/probe.emit?dry_run=true";
    let request = host.request(reqwest::Method::POST, path);
    let request = request.header("X-Metagov-Community", "acme").json(&emit);
    let dry = moothall_tests::answer(request).await.expect(200);
    let event = &dry["effects"]["events"][0];
    assert_eq!((&event["event_type"], &event["data"]), (&json!("noted"), &json!({ "a": 1 })));
    let delivery = json!({ "endpoint": "driver", "event_type": "noted" });
    assert_eq!(dry["effects"]["deliveries"], json!([delivery]));
    let listed = host.get("/api/internal/events").await.expect(200);
    assert_eq!(listed["events"], json!([]));
}

#[tokio::test]
async fn what_orders_events_goes_with_the_last_of_them() {
    let mut host = TestHost::with(&[]).toml("[retention]\nevent_days = 1").start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let publish = async |source: &str| {
        let event = json!({ "community": "acme", "source": source, "event_type": "a", "data": {} });
        host.post("/api/internal/events", event).await.expect(202);
    };
    for source in ["one", "two", "lasting"] {
        publish(source).await;
    }
    // Deliveries to the driver, which is down, wait for four days.
    host.advance(std::time::Duration::from_secs(5 * 24 * 3600));
    // The host notices the clock a little later; until then, a published event is as old as the
    // others.
    until("the first are purged, and a later one is kept", async || {
        publish("lasting").await;
        let kept = host.get("/api/internal/events").await.expect(200)["events"].clone();
        let sources = kept.as_array()?.iter().map(|event| event["source"].clone());
        sources.collect::<Vec<_>>().iter().all(|source| source == "lasting").then_some(())
    })
    .await;
    let keys = async || {
        let database = rusqlite::Connection::open(host.data().join("moothall.db")).expect("one");
        let mut found = database.prepare("SELECT source FROM event_key").expect("a table");
        let sources = found.query_map((), |row| row.get::<_, String>(0)).expect("rows");
        sources.collect::<Result<Vec<_>, _>>().expect("texts")
    };
    until("their keys are", async || (keys().await == ["lasting"]).then_some(())).await;
    let kept = host.get("/api/internal/events").await.expect(200)["events"].clone();
    assert!(kept[0]["seq"].as_u64() > Some(1), "one that is kept goes on counting: {kept}");
    publish("one").await;
    host.terminate();
}
