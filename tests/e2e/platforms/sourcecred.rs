//! The plugin `sourcecred` with a server of SourceCred's files.

use std::time::Duration;

use moothall_tests::platforms::sourcecred::SourceCred;
use moothall_tests::platforms::traffic::Mishap;
use moothall_tests::{TestHost, answer};
use reqwest::Method;
use serde_json::json;

const TOML: &str = "[plugins.sourcecred]
grants = { http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }
limits = { wall_ms = 1000 }";
/// Longer than a call of the plugin may take.
const SOON: Duration = Duration::from_secs(8);

async fn scene() -> (TestHost, SourceCred) {
    let instance = SourceCred::start().await;
    let host = TestHost::with(&["sourcecred"]).toml(TOML).start().await;
    host.community("acme", "sourcecred", json!({ "server_url": instance.url })).await;
    (host, instance)
}

#[tokio::test]
async fn cred_is_that_of_a_person_or_of_all() {
    let (host, instance) = scene().await;
    instance.analyse(&[("ann", "140750062325202944", 12.5), ("bob", "2", 3.0)]);
    for parameters in [json!({ "username": "ann" }), json!({ "id": "140750062325202944" })] {
        let cred = host.result("acme", "sourcecred.user-cred", parameters).await;
        assert_eq!(cred, json!({ "value": 12.5 }));
    }
    let request = host.request(Method::POST, "/api/action/sourcecred.total-cred");
    let total = answer(request.header("X-Metagov-Community", "acme")).await.expect(200);
    assert_eq!(total, json!({ "value": 15.5 }));
    let nobody = host.action("acme", "sourcecred.user-cred", json!({ "username": "eve" })).await;
    assert_eq!(nobody.problem(404, "not_found"), "eve not found in sourcecred instance");
    host.action("acme", "sourcecred.user-cred", json!({})).await.problem(400, "invalid");
}

#[tokio::test]
async fn an_instance_that_is_not_ready_or_fails_is_told_from_one_without_the_person() {
    let (host, instance) = scene().await;
    let total = async || host.action("acme", "sourcecred.total-cred", json!({})).await;
    let missing = total().await.problem(404, "not_found");
    assert!(missing.contains("yarn sourcecred analysis"), "{missing}");
    instance.analyse(&[("ann", "1", 1.0)]);
    instance.traffic.befalls("accounts.json", Mishap::Status(502, "bad gateway"));
    total().await.problem(503, "unavailable");
    instance.traffic.befalls("accounts.json", Mishap::Status(200, "{\"accounts\": 7}"));
    let misfit = total().await.problem(500, "internal");
    assert!(misfit.contains("/accounts"), "{misfit}");
    instance.traffic.befalls("accounts.json", Mishap::Hang);
    let slow = tokio::time::timeout(SOON, total()).await.expect("an answer in time");
    assert_eq!(slow.status, 504, "{}", slow.text);
    assert_eq!(total().await.expect(200), json!({ "value": 1.0 }));
}

#[tokio::test]
async fn two_instances_of_a_community_are_told_apart_by_their_url() {
    let (host, one) = scene().await;
    let other = SourceCred::start().await;
    one.analyse(&[("ann", "1", 1.0)]);
    other.analyse(&[("ann", "1", 2.0)]);
    host.enable("acme", "sourcecred", json!({ "server_url": other.url })).await.expect(201);
    for (instance, cred) in [(&one, 1.0), (&other, 2.0)] {
        let request = host.action_request("acme", "sourcecred.total-cred", json!({}));
        let found = answer(request.header("X-Metagov-Platform-Id", &instance.url)).await;
        assert_eq!(found.expect(200), json!({ "value": cred }));
    }
    host.action("acme", "sourcecred.total-cred", json!({})).await.expect(400);
}
