//! An answer means that a write is durable: the host is killed again and again under writing
//! clients, and after each start every answered write is there, and no write is half there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moothall_tests::{Driver, TestHost, until};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ROUNDS: u32 = 100;
const INSTANCES: usize = 3;
const CLIENTS_EACH: usize = 2;
/// The amount that each instance begins with, and moves to and fro between two keys.
const MONEY: i64 = 1_000_000;
/// The most answers of a round.
const ANSWERS: u64 = 40;

/// One client's view of its own counter.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    sent: i64,
    /// The last value that was answered.
    answered: i64,
}

fn community(number: usize) -> String {
    format!("c{}", number % INSTANCES)
}

#[tokio::test]
async fn kill_9_in_a_loop_loses_no_answered_write_and_leaves_none_half() {
    // A slow disk must not make the test fail: the calls of one community run one after the other.
    let patient = "[limits]\nlock_wait_ms = 60000\nwall_ms = 60000";
    let mut host = TestHost::with(&["probe"]).toml(patient).start().await;
    for number in 0..INSTANCES {
        host.community(&community(number), "probe", json!({})).await;
        let all = json!({ "key": "left", "value": MONEY });
        host.result(&community(number), "probe.put", all).await;
    }
    let mut counters = vec![Counted::default(); INSTANCES * CLIENTS_EACH];
    for round in 0..ROUNDS {
        counters = one_round(&mut host, counters, u64::from(round) % ANSWERS).await;
        host.restart().await;
        for (client, counted) in counters.iter_mut().enumerate() {
            let stored = number(&host, client, &format!("count-{client}")).await;
            let possible = counted.answered..=counted.sent;
            assert!(
                possible.contains(&stored),
                "round {round}, client {client}: {stored}, {counted:?}"
            );
            *counted = Counted { sent: stored, answered: stored };
        }
        for instance in 0..INSTANCES {
            let left = number(&host, instance, "left").await;
            let right = number(&host, instance, "right").await;
            assert_eq!(left + right, MONEY, "round {round}: a transfer is half there");
        }
    }
    let written: i64 = counters.iter().map(|counted| counted.answered).sum();
    assert!(written > i64::from(ROUNDS), "only {written} writes in {ROUNDS} rounds");
}

/// Lets all clients write, and kills the host after this many answers, in the middle of others.
async fn one_round(host: &mut TestHost, counters: Vec<Counted>, answers: u64) -> Vec<Counted> {
    let answered = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for (client, counted) in counters.iter().enumerate() {
        let driver: Driver = (**host).clone();
        clients.spawn(write_until_it_dies(driver, client, *counted, answered.clone()));
    }
    until("enough writes are answered", async || {
        (answered.load(Ordering::Relaxed) > answers).then_some(())
    })
    .await;
    host.kill_9();
    let mut after = counters;
    while let Some(ended) = clients.join_next().await {
        let (client, counted) = ended.expect("it did not panic");
        after[client] = counted;
    }
    after
}

async fn write_until_it_dies(
    driver: Driver,
    client: usize,
    mut counted: Counted,
    answered: Arc<AtomicU64>,
) -> (usize, Counted) {
    let community = community(client);
    loop {
        let amount = 1 + counted.sent % 7;
        let (from, to) = if counted.sent % 2 == 0 { ("left", "right") } else { ("right", "left") };
        let transfer = json!({ "from": from, "to": to, "amount": amount });
        if driver.try_action(&community, "probe.transfer", transfer).await.is_err() {
            return (client, counted);
        }
        counted.sent += 1;
        let increment = json!({ "key": format!("count-{client}") });
        match driver.try_action(&community, "probe.increment", increment).await {
            Ok(answer) => {
                let value = answer.expect(200)["value"].as_i64().expect("a number");
                assert_eq!(value, counted.sent, "a client's writes take effect once, in order");
                counted.answered = value;
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => return (client, counted),
        }
    }
}

/// Clients that create and delete communities of their own, until the host dies.
async fn change_until_it_dies(driver: Driver, client: usize, round: u32) -> Vec<(String, bool)> {
    let mut answered = Vec::new();
    for number in 0.. {
        let slug = format!("r{round}-c{client}-{number}");
        let request = driver.request(Method::PUT, &format!("/api/internal/community/{slug}"));
        let body = json!({ "plugins": [{ "name": "probe", "config": { "token": slug } }] });
        if request.json(&body).send().await.is_err() {
            break;
        }
        answered.push((slug.clone(), true));
        if number % 3 == 0 {
            let path = format!("/api/internal/community/{slug}");
            match driver.request(Method::DELETE, &path).send().await {
                Ok(_) => answered.push((slug, false)),
                // It may exist or not.
                Err(_) => {
                    answered.pop();
                    break;
                }
            }
        }
    }
    answered
}

#[tokio::test]
async fn kill_9_leaves_no_community_half_made_or_half_deleted() {
    let reveal = "[plugins.probe]\ngrants = { reveal = [\"/token\"] }";
    let mut host = TestHost::with(&["probe"]).toml(reveal).start().await;
    for round in 0..10 {
        let mut clients = JoinSet::new();
        for client in 0..4 {
            clients.spawn(change_until_it_dies((*host).clone(), client, round));
        }
        until("some communities are there", async || {
            let driver: &Driver = &host;
            let last = driver.get(&format!("/api/internal/community/r{round}-c1-4")).await;
            (last.status == 200).then_some(())
        })
        .await;
        host.kill_9();
        let answered = clients.join_all().await;
        host.restart().await;
        for (slug, exists) in answered.into_iter().flatten().collect::<BTreeMap<_, _>>() {
            let status = host.get(&format!("/api/internal/community/{slug}")).await.status;
            assert_eq!(status == 200, exists, "{slug} answered {status}");
        }
        for community in all_communities(&host).await {
            let slug = community["slug"].as_str().expect("a slug");
            let key = json!({ "key": "initialized" });
            assert_eq!(host.result(slug, "probe.get", key).await["value"], true, "{community}");
            let revealed = host.result(slug, "probe.reveal", json!({})).await;
            assert_eq!(revealed["token"], slug, "its secret is there and its own");
        }
    }
}

async fn all_communities(host: &TestHost) -> Vec<Value> {
    let mut all = Vec::new();
    let mut next = String::new();
    loop {
        let page = host.get(&format!("/api/internal/community?after={next}")).await.expect(200);
        all.extend(page["communities"].as_array().cloned().unwrap_or_default());
        match page["next"].as_str() {
            Some(slug) => next = slug.to_owned(),
            None => return all,
        }
    }
}

async fn number(host: &TestHost, client: usize, key: &str) -> i64 {
    let found = host.result(&community(client), "probe.get", json!({ "key": key })).await;
    match &found["value"] {
        Value::Null => 0,
        value => value.as_i64().expect("a number"),
    }
}
