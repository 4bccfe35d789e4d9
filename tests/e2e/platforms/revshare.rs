//! The plugin `revshare`: weighted pointers in the state, some of whose actions are public.

use std::collections::BTreeSet;

use moothall_tests::{Driver, TestHost, answer};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Clients that write at the same time, and the pointers that each adds.
const CLIENTS: usize = 16;
const POINTERS: usize = 10;

async fn host() -> TestHost {
    let host = TestHost::with(&["revshare"]).start().await;
    host.community("acme", "revshare", json!({})).await;
    host
}

#[tokio::test]
async fn pointers_are_added_picked_replaced_and_removed() {
    let host = host().await;
    let alice = json!({ "pointer": "$alice.example", "weight": 1 });
    let added = host.result("acme", "revshare.add-pointer", alice).await;
    assert_eq!(added, json!({ "$alice.example": 1 }));
    let picked = host.result("acme", "revshare.pick-pointer", json!({})).await;
    assert_eq!(picked, json!({ "pointer": "$alice.example" }));
    let bob = json!({ "pointers": { "$bob.example": 2 }, "key": "GROUP_2" });
    host.result("acme", "revshare.replace-config", bob).await;
    let picked = host.result("acme", "revshare.pick-pointer", json!({ "key": "GROUP_2" })).await;
    assert_eq!(picked, json!({ "pointer": "$bob.example" }));
    let config = host.result("acme", "revshare.get-config", json!({})).await;
    assert_eq!(config, json!({ "$alice.example": 1 }), "another group");
    let left = json!({ "pointer": "$alice.example" });
    assert_eq!(host.result("acme", "revshare.remove-pointer", left).await, json!({}));
    let none = host.action("acme", "revshare.pick-pointer", json!({})).await;
    assert_eq!(none.problem(404, "not_found"), "No pointers for key _DEFAULT");
}

#[tokio::test]
async fn everybody_may_pick_and_only_drivers_may_change() {
    let host = host().await;
    let driver = host.with_key(&host.create_key("driver"));
    let alice = json!({ "pointer": "$alice.example", "weight": 1 });
    driver.result("acme", "revshare.add-pointer", alice.clone()).await;
    let public = async |action: &str, parameters: &Value| {
        let request = host.request(Method::POST, &format!("/api/action/revshare.{action}"));
        let request = request.header("X-Metagov-Community", "acme");
        answer(request.json(&json!({ "parameters": parameters }))).await
    };
    let picked = public("pick-pointer", &json!({})).await.expect(200);
    assert_eq!(picked, json!({ "pointer": "$alice.example" }));
    let config = public("get-config", &json!({})).await.expect(200);
    assert_eq!(config, json!({ "$alice.example": 1 }));
    for action in ["add-pointer", "remove-pointer", "replace-config"] {
        public(action, &alice).await.expect(404);
    }
}

#[tokio::test]
async fn none_of_many_simultaneous_changes_is_lost() {
    let host = host().await;
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let driver = Driver::clone(&host);
        clients.spawn(async move {
            for number in 0..POINTERS {
                let pointer = json!({ "pointer": format!("${client}-{number}"), "weight": 1 });
                driver.result("acme", "revshare.add-pointer", pointer).await;
            }
        });
    }
    clients.join_all().await;
    let config = host.result("acme", "revshare.get-config", json!({})).await;
    let kept: BTreeSet<&String> = config.as_object().expect("pointers").keys().collect();
    assert_eq!(kept.len(), CLIENTS * POINTERS);
}
