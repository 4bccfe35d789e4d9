//! Configs in both hosts: what is refused, filled in and taken out, and what a change does.

use ballot::Ballot;
use moothall_sdk::testing::{Host, ProcessStatus};
use moothall_tests::TestHost;
use serde_json::json;

use super::code;

/// Defaults and secrets in every shape, and configs that are refused: one table for both hosts.
#[tokio::test]
async fn configs_are_checked_filled_in_and_sealed_alike() {
    let real = TestHost::with(&["ballot"]).start().await;
    let mut accepted = 0;
    for (number, config) in [
        // Defaults: at the top, in what has one itself, in lists; none in what may be absent.
        json!({ "title": "t" }),
        json!({ "title": "t", "limits": {} }),
        json!({ "title": "t", "limits": { "votes": 7 }, "server": { "url": "s" } }),
        json!({ "title": "t", "mirrors": [{ "url": "a" }, { "url": "b", "port": 1 }] }),
        json!({ "title": "t", "quorum": 6.0, "weight": 2 }),
        // Secrets: plain, in maps, tuples, lists, nested, untagged, tagged, flattened.
        json!({ "title": "t", "token": "s1" }),
        json!({ "title": "t", "keys": { "a": "s1", "b/c~d": "s2" } }),
        json!({ "title": "t", "pair": ["open", "s1"] }),
        json!({ "title": "t", "tokens": ["s1", "s2"] }),
        json!({ "title": "t", "server": { "url": "s", "password": "s1" } }),
        json!({ "title": "t", "mirrors": [{ "url": "a", "password": "s1" }, { "url": "b" }] }),
        json!({ "title": "t", "sign_in": { "key": "s1" } }),
        json!({ "title": "t", "sign_in": { "user": "open", "password": "s1" } }),
        json!({ "title": "t", "store": { "kind": "memory" } }),
        json!({ "title": "t", "store": { "kind": "redis", "address": "a", "password": "s1" } }),
        json!({ "title": "t", "store": { "kind": "server", "url": "s", "password": "s1" } }),
        json!({ "title": "t", "proxy_url": "open", "proxy_password": "s1" }),
        json!({ "title": "t", "token": null, "server": null, "pair": null }),
        // Refused.
        json!({}),
        json!([]),
        json!({ "title": "t", "tokn": "s1" }),
        json!({ "title": "t", "limits": { "vote": 1 } }),
        json!({ "title": "t", "quorum": -1 }),
        json!({ "title": "t", "quorum": "6" }),
        json!({ "title": "t", "token": 1 }),
        json!({ "title": "t", "token": { "$secret": "/token" } }),
        json!({ "title": "t", "token": "********" }),
        json!({ "title": "t", "keys": { "a": ["s1"] } }),
        json!({ "title": "t", "pair": ["open"] }),
        json!({ "title": "t", "sign_in": { "user": "open" } }),
        json!({ "title": "t", "store": { "kind": "tape" } }),
    ]
    .into_iter()
    .enumerate()
    {
        let community = format!("c{number}");
        real.put_community(&community, json!([])).await.expect(201);
        let enabled = real.enable(&community, "ballot", config.clone()).await;
        let mut in_memory = Host::new(Ballot);
        let configured = in_memory.configure(config.clone());
        if enabled.status == 201 {
            configured.expect("the real one accepts it");
            let seen = real.result(&community, "ballot.seen", json!({})).await;
            let seen_in_memory = in_memory.action("seen", json!({})).expect("it fits its type");
            assert_eq!(seen_in_memory, seen, "{config}: in memory, and the real one");
            assert!(!seen.to_string().contains("\"s1\""), "{config}: a secret is seen: {seen}");
            accepted += 1;
        } else {
            enabled.problem(400, "invalid_config");
            let refused = configured.expect_err("the real one refuses it");
            assert_eq!(code(refused.kind()), "invalid", "{config}");
            let details = refused.details().cloned().unwrap_or_default();
            let places = details.as_array().into_iter().flatten();
            let places: Vec<_> = places.map(|one| one["path"].as_str().unwrap_or("?")).collect();
            if config.is_object() {
                assert_eq!(places, enabled.error_paths(), "{config}: {}", enabled.text);
            }
        }
    }
    assert_eq!(accepted, 18, "so many are right");
}

/// A changed config has the same consequences in both hosts; `configs` tests the real one.
#[tokio::test]
async fn a_changed_config_costs_in_memory_what_it_costs_alike() {
    let mut host = Host::new(Ballot).config(json!({ "title": "t", "token": "one" }));
    let vote = host.start("vote", json!({})).expect("it is started");
    host.change_config(json!({ "title": "t", "token": "two" })).expect("it is changed");
    assert_eq!(host.state("changed"), Some(json!(1)), "the plugin is called for changed secrets");
    assert_eq!(host.action("token", json!({})), Ok(json!("two")));
    host.change_config(json!({ "token": "two", "title": "t", "quorum": 5.0 })).expect("the same");
    assert_eq!(host.state("changed"), Some(json!(1)), "and not for what means the same");
    assert_eq!(host.process(&vote).map(|one| one.status), Some(ProcessStatus::Pending));
    assert!(host.change_config(json!({ "titel": "t" })).is_err());
    assert_eq!(host.process(&vote).map(|one| one.status), Some(ProcessStatus::Pending));

    host.change_config(json!({ "title": "u", "token": "two" })).expect("it is changed");
    assert!(host.state_keys().is_empty(), "the state is gone");
    let ended = host.process(&vote).expect("it is still there");
    assert_eq!(ended.status, ProcessStatus::Completed);
    assert_eq!(ended.errors, json!({ "code": "instance_replaced" }));
}
