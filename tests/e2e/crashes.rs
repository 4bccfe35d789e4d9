//! The host dies again and again while ticks, events, callbacks and closing times happen: nothing
//! is lost, and nothing is committed twice.

mod before_the_commit;
mod mixed_load;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moothall_tests::{Driver, Received, Receiver, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ROUNDS: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// The clients that publish at once.
const CLIENTS: u64 = 2;
/// How many more answers each round lasts than the one before.
const ANSWERS_MORE: u64 = 4;

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

/// Publishes until the host dies; returns the numbers that it tried, and the ids of the
/// acknowledged events.
async fn publish_until_it_dies(
    driver: Driver,
    (round, client): (u64, u64),
    answered: Arc<AtomicU64>,
) -> Published {
    let mut published = Published::default();
    for count in 0.. {
        let number = (round * CLIENTS + client) * 1_000_000 + count;
        let event =
            json!({ "community": "acme", "event_type": "noted", "data": { "number": number } });
        published.tried.insert(number);
        let request = driver.request(Method::POST, "/api/internal/events").json(&event);
        let Ok(answer) = request.send().await else { break };
        let Ok(answer) = answer.json::<Value>().await else { break };
        published.acknowledged.insert(answer["id"].as_str().expect("an id").to_owned());
        answered.fetch_add(1, Ordering::Relaxed);
    }
    published
}

#[derive(Default)]
struct Published {
    tried: BTreeSet<u64>,
    acknowledged: BTreeSet<String>,
}

/// Clients publish and time passes; the host dies meanwhile, after more answers in each round.
async fn one_round(host: &mut TestHost, round: u64, published: &mut Published) {
    let answered = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let driver: Driver = (**host).clone();
        clients.spawn(publish_until_it_dies(driver, (round, client), answered.clone()));
    }
    host.advance(MINUTE);
    until("enough is published", async || {
        (answered.load(Ordering::Relaxed) > round * ANSWERS_MORE).then_some(())
    })
    .await;
    host.kill_9();
    while let Some(client) = clients.join_next().await {
        let client = client.expect("it did not panic");
        published.tried.extend(client.tried);
        published.acknowledged.extend(client.acknowledged);
    }
    host.advance(MINUTE);
    host.restart().await;
}

#[tokio::test]
async fn nothing_is_lost_or_done_twice_however_often_the_host_dies() {
    let (driver, callbacks) = (Receiver::start().await, Receiver::start().await);
    let setup = TestHost::with(&["probe"]).env("DRIVER_EVENT_RECEIVER_URL", &driver.url);
    let mut host = setup.start().await;
    host.community("acme", "probe", json!({ "emit_ticks": true })).await;
    let (mut votes, mut published) = (Vec::new(), Published::default());
    for round in 0..ROUNDS {
        votes.push(start_vote(&host, &callbacks.url).await);
        one_round(&mut host, round, &mut published).await;
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
    each_tick_once(&host).await;
    host.put_community("acme", json!([])).await.expect(200);
    until("everything is delivered", async || {
        host.advance(MINUTE);
        let waiting = host.get("/api/internal/deliveries?state=waiting").await.expect(200);
        (waiting["deliveries"] == json!([])).then_some(())
    })
    .await;
    let dead = host.get("/api/internal/deliveries?state=dead").await.expect(200);
    assert_eq!(dead["deliveries"], json!([]));

    let noted = events(&host, "noted").await;
    assert!(published.acknowledged.is_subset(&ids(&noted)), "acknowledged, so stored");
    let numbers: Vec<_> = noted.iter().filter_map(|one| one["data"]["number"].as_u64()).collect();
    let once: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!((numbers.len(), once.len()), (noted.len(), noted.len()), "each is one event");
    assert!(once.is_subset(&published.tried));
    assert!(noted.len() as u64 > ROUNDS * CLIENTS, "only {} were published", noted.len());
    each_event_delivered(&events(&host, "*").await, &driver.received());
    each_completion_told_once(&processes, &callbacks.received());
}

/// Checks that each event has one id and the same content each time, and that those of a key first arrived in the order
/// of the log.
fn each_event_delivered(events: &[Value], received: &[Received]) {
    let mut bodies: BTreeMap<&str, Value> = BTreeMap::new();
    let mut first_came = Vec::new();
    for one in received {
        let id = one.header("webhook-id");
        match bodies.insert(id, one.json()) {
            Some(before) => assert_eq!(before, one.json(), "the same id is the same event"),
            None => first_came.push(id.to_owned()),
        }
    }
    let delivered: BTreeSet<_> = first_came.iter().cloned().collect();
    let missing: Vec<_> = ids(events).difference(&delivered).cloned().collect();
    assert!(missing.is_empty(), "not delivered: {missing:?}");
    let keys: BTreeSet<_> = events.iter().filter_map(|one| one["key"].as_str()).collect();
    assert!(!keys.is_empty(), "every event has a key");
    for key in keys {
        let of_key = |one: &&Value| one["key"] == key;
        let listed: Vec<_> =
            events.iter().filter(of_key).filter_map(|one| one["id"].as_str()).collect();
        let came: Vec<_> =
            first_came.iter().map(String::as_str).filter(|id| listed.contains(id)).collect();
        assert_eq!(came, listed, "the events of {key} came in their order");
    }
    for event in events {
        let body = &bodies[event["id"].as_str().expect("an id")];
        assert_eq!((&body["data"], &body["source"]), (&event["data"], &event["source"]));
    }
}

fn each_completion_told_once(processes: &[Value], received: &[Received]) {
    let mut notices: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in received {
        let process = one.json()["id"].as_str().expect("an id").to_owned();
        notices.entry(process).or_default().insert(one.header("webhook-id").to_owned());
    }
    for process in processes {
        let ids = notices.get(process["id"].as_str().expect("an id"));
        assert_eq!(ids.map(BTreeSet::len), Some(1), "completed once: {process}");
    }
}

fn ids(events: &[Value]) -> BTreeSet<String> {
    events.iter().filter_map(|event| Some(event["id"].as_str()?.to_owned())).collect()
}

/// Checks that the ticks' counter in the state equals what they emitted, in order.
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
