//! Actions: values in and out, state, events, failures, and chance.

use std::collections::BTreeSet;

use moothall_tests::{Receiver, TestHost};
use serde_json::{Value, json};

use super::{events, granted, host, plugins, result};

#[tokio::test]
async fn an_action_answers_keeps_state_and_emits_for_good() {
    for plugin in plugins() {
        let mut host = host(plugin, json!({ "greeting": "Grüß Gott" })).await;
        let ann = result(&host, plugin, "greet", json!({ "name": "Ann 🫖" })).await;
        assert_eq!(ann, json!({ "text": "Grüß Gott, Ann 🫖!", "greeted": 1 }), "{plugin}");
        host.kill_9();
        host.restart().await;
        let bob = result(&host, plugin, "greet", json!({ "name": "Bob" })).await;
        assert_eq!(bob["greeted"], 2, "{plugin}");
        let names: Vec<Value> =
            events(&host, "greeted").await.iter().map(|event| event["data"].clone()).collect();
        assert_eq!(names, [json!({ "name": "Ann 🫖" }), json!({ "name": "Bob" })], "{plugin}");
    }
}

#[tokio::test]
async fn types_became_schemas_which_the_host_checks_by() {
    for plugin in plugins() {
        let host = host(plugin, json!({})).await;
        for (parameters, path) in [
            (json!({}), ""),
            (json!({ "name": 5 }), "/name"),
            (json!({ "name": "x".repeat(101) }), "/name"),
            (json!({ "name": "Ann", "nmae": "Bob" }), "/nmae"),
        ] {
            let refused = host.action("acme", &format!("{plugin}.greet"), parameters).await;
            refused.problem(400, "invalid_parameters");
            assert_eq!(refused.error_paths(), [path], "{plugin}: {}", refused.text);
        }
        let wrong = host.enable("acme", plugin, json!({ "greting": "Hi" })).await;
        wrong.problem(400, "invalid_config");
        let secret = json!({ "greeting": "Hi", "api_key": "s3cret" });
        let enabled = host.enable("acme", plugin, secret).await;
        assert_eq!(enabled.json()["config"]["api_key"], "********", "{}", enabled.text);
    }
}

#[tokio::test]
async fn a_refusal_is_the_plugins_own_and_leaves_nothing() {
    for plugin in plugins() {
        let host = host(plugin, json!({})).await;
        let action = format!("{plugin}.greet");
        let refused = host.action("acme", &action, json!({ "name": "nobody" })).await;
        assert_eq!(refused.problem(400, "invalid"), "nobody cannot be greeted; name somebody");
        assert_eq!(events(&host, "greeted").await.len(), 0, "{plugin}");
        let first = result(&host, plugin, "greet", json!({ "name": "Ann" })).await;
        assert_eq!(first["greeted"], 1, "{plugin}");
    }
}

#[tokio::test]
async fn chance_is_another_in_every_sandbox() {
    for plugin in plugins() {
        let host = host(plugin, json!({})).await;
        let mut drawn = BTreeSet::new();
        for _ in 0..6 {
            drawn.insert(draw(&host, plugin).await);
        }
        assert!(drawn.len() >= 5, "{plugin} draws {drawn:?}");
    }
}

/// One of a hundred thousand, drawn by lot.
async fn draw(host: &TestHost, plugin: &str) -> u64 {
    let drawn = result(host, plugin, "draw", json!({ "most": 100_000 })).await;
    drawn["number"].as_u64().expect("a number")
}

#[tokio::test]
async fn only_what_the_plugin_has_is_exported_and_the_host_has_nothing_to_warn_of() {
    for plugin in plugins() {
        let platform = Receiver::start().await;
        let host = granted(plugin, &platform).await;
        let file = host.file(&format!("{plugin}.wasm")).await;
        let capabilities = ["lifecycle", "actions", "webhooks", "producer", "processes"];
        assert_eq!(
            (&file["capabilities"], &file["warnings"]),
            (&json!(capabilities), &json!([])),
            "{file}"
        );
    }
}
