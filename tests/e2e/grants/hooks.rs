//! A plugin's filter is a step of somebody else's hook only with a grant.

use moothall_tests::{TestHost, until};
use serde_json::{Value, json};

use super::{backstage, granted, missing, prevented};

const ACTION: &str = "/api/internal/hooks/org.moothall.action.requested.v1";

#[tokio::test]
async fn a_filter_is_a_step_of_the_hosts_hook_only_while_that_is_granted() {
    let mut host = backstage("").await;
    assert_eq!(prevented(&host).await, 200, "nobody was asked");
    assert_eq!(host.get(ACTION).await.expect(200)["steps"], json!([]));
    let lacking = missing(&host, "backstage.wasm", "hooks").await;
    assert_eq!(lacking["values"], json!(["org.moothall.action.requested.v1"]));
    let line = lacking["line"].as_str().unwrap_or_default();
    assert!(
        line.starts_with("add `grants = { hooks = [\"action.requested\"], events = ["),
        "{line}"
    );
    assert!(line.ends_with("}` under [plugins.backstage] in moothall.toml"), "{line}");
    let listed = host.file("backstage.wasm").await;
    assert_eq!(listed["status"], "ready", "it serves without");
    assert!(listed["warnings"].to_string().contains("hooks = ["), "{listed}");
    assert!(host.logs().contains("which is not granted"), "the log says it");
    // It needs no grant for its own hook.
    let own = "/api/internal/hooks/org.example.registration.requested.v1";
    assert_eq!(host.get(own).await.expect(200)["steps"][0]["id"], "plugin:backstage");
    // Nor can a driver add the step.
    let step = json!({ "kind": "plugin", "target": "backstage" });
    let refused = host.post(&format!("{ACTION}/steps"), step.clone()).await;
    let detail = refused.problem(422, "unusable_setting");
    assert!(detail.contains("hooks = [\"action.requested\"]"), "{detail}");

    for name in ["action.requested", "org.moothall.action.requested.v1"] {
        host.set_toml(&granted(&format!("hooks = [\"{name}\"]")));
        host.reload();
        until("it is asked", async || (prevented(&host).await == 403).then_some(())).await;
        assert_eq!(missing(&host, "backstage.wasm", "hooks").await, Value::Null);
        host.set_toml("");
        host.reload();
        until("it is asked no more", async || (prevented(&host).await == 200).then_some(())).await;
    }
}

#[tokio::test]
async fn a_step_that_a_driver_added_runs_only_while_it_is_granted() {
    let mut host = backstage(&granted("hooks = [\"action.requested\"]")).await;
    let step = json!({ "kind": "plugin", "target": "backstage", "fail_silently": true });
    host.post(&format!("{ACTION}/steps"), step).await.expect(201);
    assert_eq!(prevented(&host).await, 403);
    host.set_toml("");
    host.restart().await;
    assert_eq!(prevented(&host).await, 200);
    let run = json!({ "community": "acme", "data": { "parameters": {} } });
    let outcome = host.post(&format!("{ACTION}/run"), run).await.expect(200);
    let warnings = outcome["trace"][0]["warnings"].to_string();
    assert!(warnings.contains("action.requested"), "{outcome}");
}

#[tokio::test]
async fn a_hook_that_a_driver_declared_is_not_taken_over_by_a_file() {
    let host = TestHost::with(&[]).start().await;
    let path = "/api/internal/hooks/org.example.registration.requested.v1";
    host.put(path, json!({ "sensitive": ["/form"] })).await.expect(201);
    host.put_guest("backstage");
    until("the plugin serves", async || {
        (host.file("backstage.wasm").await["status"] == "ready").then_some(())
    })
    .await;
    host.community("acme", "backstage", json!({})).await;
    // Once its other hook exists, the host has read the hooks again.
    until("its hooks are there", async || {
        let other = host.get("/api/internal/hooks/org.example.course.listed.v1").await;
        (other.status == 200).then_some(())
    })
    .await;
    let hook = host.get(path).await.expect(200);
    assert_eq!((&hook["declared_by"], &hook["steps"]), (&json!("driver"), &json!([])));
    assert_eq!(hook["sensitive"], json!(["/form"]));
}
