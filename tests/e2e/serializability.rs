//! Calls on one instance have the same effect as in some serial order, whatever runs at once: many
//! clients, some of which disconnect in the middle of a call, while the instance is reconfigured.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moothall_tests::{Answer, Driver, TestHost, until};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const MONEY: i64 = 100;

/// What one client does next.
#[derive(Clone, Debug)]
enum ClientStep {
    Increment,
    /// Sends an increment and disconnects after this many microseconds.
    IncrementAndLeave(u64),
    Transfer {
        from: usize,
        to: usize,
        amount: i64,
    },
    /// A transfer whose client disconnects.
    TransferAndLeave {
        from: usize,
        to: usize,
        amount: i64,
        after: u64,
    },
    Reconfigure,
    ReadAll,
}

/// The results of one client's increments.
#[derive(Debug, Default)]
struct Tally {
    sent: i64,
    answered: i64,
}

fn step() -> impl Strategy<Value = ClientStep> {
    let account = 0..3_usize;
    prop_oneof![
        6 => Just(ClientStep::Increment),
        2 => (0..4_000_u64).prop_map(ClientStep::IncrementAndLeave),
        4 => (account.clone(), account.clone(), 1..60_i64)
            .prop_map(|(from, to, amount)| ClientStep::Transfer { from, to, amount }),
        1 => (account.clone(), account, 1..60_i64, 0..4_000_u64)
            .prop_map(|(from, to, amount, after)| ClientStep::TransferAndLeave { from, to, amount, after }),
        1 => Just(ClientStep::Reconfigure),
        1 => Just(ClientStep::ReadAll),
    ]
}

#[test]
fn interleaved_calls_equal_some_serial_order() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let host = runtime.block_on(TestHost::with(&["probe"]).start());
    let clients = prop::collection::vec(prop::collection::vec(step(), 1..12), 2..8);
    let config = Config { cases: 25, failure_persistence: None, ..Config::default() };
    let cases = AtomicU32::new(0);
    TestRunner::new(config)
        .run(&clients, |clients| {
            let community = format!("case-{}", cases.fetch_add(1, Ordering::Relaxed));
            runtime.block_on(play(&host, &community, clients));
            Ok(())
        })
        .expect("every interleaving is a serial order");
}

async fn play(host: &TestHost, community: &str, clients: Vec<Vec<ClientStep>>) {
    host.community(community, "probe", json!({})).await;
    host.result(community, "probe.put", json!({ "key": account(0), "value": MONEY })).await;
    let mut playing = JoinSet::new();
    for (number, steps) in clients.into_iter().enumerate() {
        let driver: Driver = (**host).clone();
        playing.spawn(one_client(driver, community.to_owned(), number, steps));
    }
    let mut total = Tally::default();
    while let Some(tally) = playing.join_next().await {
        let tally = tally.expect("it did not panic");
        total.sent += tally.sent;
        total.answered += tally.answered;
    }
    // Calls whose clients disconnected may still run.
    until("no call is in flight", async || {
        let metrics = host.get("/metrics").await.text;
        metrics.lines().any(|line| line == "moothall_calls_in_flight 0").then_some(())
    })
    .await;
    let counted = value(host, community, "n").await;
    assert!((total.answered..=total.sent).contains(&counted), "{counted}, {total:?}");
    let mut money = 0;
    for number in 0..3 {
        money += value(host, community, &account(number)).await;
    }
    assert_eq!(money, MONEY);
}

fn account(number: usize) -> String {
    format!("account-{number}")
}

async fn one_client(
    driver: Driver,
    community: String,
    number: usize,
    steps: Vec<ClientStep>,
) -> Tally {
    let mut tally = Tally::default();
    let call = |action: &'static str, parameters: Value| {
        let (driver, community) = (driver.clone(), community.clone());
        async move { driver.action(&community, action, parameters).await }
    };
    let increment = json!({ "key": "n" });
    for (at, step) in steps.into_iter().enumerate() {
        match step {
            ClientStep::Increment => {
                tally.sent += 1;
                tally.answered +=
                    i64::from(stored(&call("probe.increment", increment.clone()).await));
            }
            ClientStep::IncrementAndLeave(after) => {
                tally.sent += 1;
                let answer = or_leave(after, call("probe.increment", increment.clone())).await;
                tally.answered += i64::from(answer.is_some_and(|answer| stored(&answer)));
            }
            ClientStep::Transfer { from, to, amount } if from != to => {
                stored(&call("probe.transfer", transfer(from, to, amount)).await);
            }
            ClientStep::TransferAndLeave { from, to, amount, after } if from != to => {
                or_leave(after, call("probe.transfer", transfer(from, to, amount))).await;
            }
            ClientStep::Reconfigure => {
                let config = json!({ "generation": number * 1_000 + at });
                driver.enable(&community, "probe", config).await.expect(200);
            }
            ClientStep::ReadAll => {
                stored(&call("probe.keys", json!({})).await);
            }
            ClientStep::Transfer { .. } | ClientStep::TransferAndLeave { .. } => {}
        }
    }
    tally
}

fn transfer(from: usize, to: usize, amount: i64) -> Value {
    json!({ "from": account(from), "to": account(to), "amount": amount })
}

/// Whether the call took effect. A refusal must be one of the contract's.
fn stored(answer: &Answer) -> bool {
    let code = answer.json()["code"].clone();
    match answer.status {
        200 => true,
        // There was too little money, or a reconfiguration in between.
        409 => {
            assert!(code == "conflict" || code == "instance_replaced", "{}", answer.text);
            false
        }
        _ => panic!("{}", answer.text),
    }
}

/// The answer, if it comes before the client disconnects.
async fn or_leave(after: u64, call: impl Future<Output = Answer>) -> Option<Answer> {
    tokio::time::timeout(Duration::from_micros(after), call).await.ok()
}

async fn value(host: &TestHost, community: &str, key: &str) -> i64 {
    let found = host.result(community, "probe.get", json!({ "key": key })).await;
    found["value"].as_i64().unwrap_or_default()
}
