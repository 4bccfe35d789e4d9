//! The host dies again and again while ticks, events, callbacks and closing times happen: nothing is lost,
//! nothing is committed twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use moothall_tests::{Receiver, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const ROUNDS: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

async fn start_vote(host: &TestHost, callback: &str) -> String {
    let vote = json!({ "closing_at": "2000-01-01T00:00:00Z", "callback_url": callback });
    let request = host.request(Method::POST, "/api/internal/process/probe.vote");
    let request = request.header("X-Metagov-Community", "acme").json(&vote);
    let started = answer(request).await;
    started.expect(202);
    started.header("location").to_owned()
}

async fn events(host: &TestHost, event_type: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let path = format!("/api/internal/events?type={event_type}&after={after}");
        let page = host.get(&path).await.expect(200);
        all.extend(page["events"].as_array().expect("a list").clone());
        match page["next"].as_i64() {
            Some(next) => after = next,
            None => return all,
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_or_done_twice_however_often_the_host_dies() {
    let (driver, callbacks) = (Receiver::start().await, Receiver::start().await);
    let setup = TestHost::with(&["probe"]).env("DRIVER_EVENT_RECEIVER_URL", &driver.url);
    let mut host = setup.start().await;
    host.community("acme", "probe", json!({ "emit_ticks": true })).await;
    let (mut votes, mut published) = (Vec::new(), BTreeSet::new());
    for round in 0..ROUNDS {
        votes.push(start_vote(&host, &callbacks.url).await);
        for number in 0..5 {
            let event =
                json!({ "community": "acme", "event_type": "noted", "data": { "number": number } });
            let answer = host.post("/api/internal/events", event).await.expect(202);
            published.insert(answer["id"].as_str().expect("an id").to_owned());
        }
        host.advance(MINUTE);
        // Later in each round, and so in the middle of something else.
        tokio::time::sleep(Duration::from_millis(round * 7)).await;
        host.kill_9();
        host.advance(MINUTE);
        host.restart().await;
    }
    let mut processes = Vec::new();
    for vote in &votes {
        let process = until("the closing time is kept", async || {
            host.advance(Duration::from_secs(1));
            let process = host.get(vote).await.expect(200);
            (process["status"] == "completed").then_some(process)
        });
        processes.push(process.await);
    }
    until("everything is delivered", async || {
        host.advance(HOUR);
        let waiting = host.get("/api/internal/deliveries?state=waiting").await.expect(200);
        (waiting["deliveries"] == json!([])).then_some(())
    })
    .await;
    let dead = host.get("/api/internal/deliveries?state=dead").await.expect(200);
    assert_eq!(dead["deliveries"], json!([]));

    let noted: BTreeSet<_> = ids(&events(&host, "noted").await);
    assert!(published.is_subset(&noted), "an event that was acknowledged is stored");
    each_tick_once(&host).await;
    let listed = ids(&events(&host, "*").await);
    let mut bodies: BTreeMap<String, Value> = BTreeMap::new();
    for one in driver.received() {
        // The same id is the same event.
        let id = one.header("webhook-id").to_owned();
        let before = bodies.insert(id, one.json());
        assert!(before.is_none_or(|before| before == one.json()));
    }
    let delivered: BTreeSet<_> = bodies.keys().cloned().collect();
    let last = ids(&events(&host, "ticked").await);
    let missing: Vec<_> = listed.difference(&delivered).filter(|id| !last.contains(*id)).collect();
    assert!(missing.is_empty(), "not delivered: {missing:?}");

    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in callbacks.received() {
        let process = one.json()["id"].as_str().expect("an id").to_owned();
        told.entry(process).or_default().insert(one.header("webhook-id").to_owned());
    }
    for process in processes {
        let ids = told.get(process["id"].as_str().expect("an id"));
        assert_eq!(ids.map(BTreeSet::len), Some(1), "completed once: {process}");
    }
}

fn ids(events: &[Value]) -> BTreeSet<String> {
    events.iter().filter_map(|event| Some(event["id"].as_str()?.to_owned())).collect()
}

/// What ticks counted in the state is what they emitted, one after the other.
async fn each_tick_once(host: &TestHost) {
    let (counts, ticks) = until("no tick is between the two", async || {
        let before = host.result("acme", "probe.get", json!({ "key": "ticks" })).await;
        let events = events(host, "ticked").await;
        let after = host.result("acme", "probe.get", json!({ "key": "ticks" })).await;
        (before == after).then(|| (events, after["value"].as_u64().expect("a count")))
    })
    .await;
    let counts: Vec<_> =
        counts.iter().filter_map(|event| event["data"]["count"].as_u64()).collect();
    assert_eq!(counts, (1..=ticks).collect::<Vec<_>>());
    assert!(ticks >= ROUNDS, "{ticks} ticks");
}
