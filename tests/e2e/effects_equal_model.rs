//! What calls write and read equals a plain map, across restarts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use moothall_tests::TestHost;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
enum StateStep {
    Put(String, Value),
    Remove(String),
    Get(String),
    Keys(String),
    Restart,
}

/// Few keys, so that steps meet; some are prefixes of others, some are no ASCII.
fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a",
        "ab",
        "abc",
        "b",
        "B",
        "ä",
        "z\u{10ffff}",
        "with space",
        "%_",
        "'",
    ])
    .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn step() -> impl Strategy<Value = StateStep> {
    prop_oneof![
        30 => (key(), value()).prop_map(|(key, value)| StateStep::Put(key, value)),
        12 => key().prop_map(StateStep::Remove),
        12 => key().prop_map(StateStep::Get),
        12 => "(a|ab|b|ä|%|')?".prop_map(StateStep::Keys),
        1 => Just(StateStep::Restart),
    ]
}

#[test]
fn effects_applied_then_read_equal_the_model() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let host = Mutex::new(runtime.block_on(TestHost::with(&["probe"]).start()));
    let config = Config { cases: 20, failure_persistence: None, ..Config::default() };
    let cases = AtomicU32::new(0);
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..60), |steps| {
            let community = format!("case-{}", cases.fetch_add(1, Ordering::Relaxed));
            let mut host = host.lock().unwrap_or_else(PoisonError::into_inner);
            runtime.block_on(play(&mut host, &community, steps));
            Ok(())
        })
        .expect("state equals the model");
}

async fn play(host: &mut TestHost, community: &str, steps: Vec<StateStep>) {
    host.community(community, "probe", json!({})).await;
    let mut model = BTreeMap::from([("initialized".to_owned(), json!(true))]);
    for step in steps {
        match step {
            StateStep::Put(key, value) => {
                host.result(community, "probe.put", json!({ "key": key, "value": value })).await;
                model.insert(key, value);
            }
            StateStep::Remove(key) => {
                let answer = host.result(community, "probe.remove", json!({ "key": key })).await;
                assert_eq!(answer["removed"], model.remove(&key).is_some(), "{key}");
            }
            StateStep::Get(key) => {
                let answer = host.result(community, "probe.get", json!({ "key": key })).await;
                assert_eq!(answer["value"], model.get(&key).cloned().unwrap_or_default(), "{key}");
            }
            StateStep::Keys(prefix) => check_keys(host, community, &model, &prefix).await,
            StateStep::Restart => host.restart().await,
        }
    }
    check_keys(host, community, &model, "").await;
}

async fn check_keys(
    host: &TestHost,
    community: &str,
    model: &BTreeMap<String, Value>,
    prefix: &str,
) {
    let answer = host.result(community, "probe.keys", json!({ "prefix": prefix })).await;
    let expected: Vec<_> = model.keys().filter(|key| key.starts_with(prefix)).collect();
    assert_eq!(answer["keys"], json!(expected), "with prefix '{prefix}'");
}
