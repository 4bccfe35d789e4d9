//! Steps that are plugins' filters.

use moothall_tests::TestHost;
use serde_json::{Value, json};

use super::host;

const REGISTRATION: &str = "/api/internal/hooks/org.example.registration.requested.v1";

/// Runs the plugin's own hook with a form that says what its filter does.
async fn register(host: &TestHost, filter: Value, status: u16) -> Value {
    let data = json!({ "form": { "name": "ann", "password": "secret", "filter": filter } });
    let body = json!({ "community": "acme", "data": data });
    host.post(&format!("{REGISTRATION}/run"), body).await.expect(status)
}

#[tokio::test]
async fn a_filter_passes_updates_stops_or_halts() {
    let host = host().await;
    let passed = register(&host, json!({ "do": "pass" }), 200).await;
    assert_eq!(
        (&passed["outcome"], &passed["trace"][0]["status"]),
        (&json!("continue"), &json!("pass"))
    );
    let update = json!({ "do": "update", "data": { "form": { "name": "Ann" }, "else": 1 } });
    let updated = register(&host, update, 200).await;
    assert_eq!(updated["data"]["form"], json!({ "name": "Ann", "password": "secret" }));
    assert_eq!(updated["data"]["else"], Value::Null, "not mutable");
    assert_eq!(updated["trace"][0]["changed"], json!(["/form"]));
    assert_eq!(register(&host, json!({ "do": "stop" }), 200).await["trace"][0]["status"], "stop");
    let exception = json!({ "name": "PreventRegistration", "message": "no", "status_code": 451 });
    let halt = json!({ "do": "halt", "exception": exception });
    let halted = register(&host, halt, 200).await;
    assert_eq!(
        (&halted["outcome"], &halted["exception"]["status_code"]),
        (&json!("halt"), &json!(451))
    );
}

#[tokio::test]
async fn one_that_may_not_fail_ends_the_run_and_one_that_may_is_a_warning() {
    let host = host().await;
    for failing in ["error", "trap"] {
        let outcome = register(&host, json!({ "do": failing }), 502).await;
        assert_eq!(outcome["outcome"], "error", "{failing}");
    }
    let silent = json!({ "kind": "plugin", "target": "backstage", "fail_silently": true });
    host.post(&format!("{REGISTRATION}/steps"), silent).await.expect(201);
    for failing in ["error", "trap"] {
        let outcome = register(&host, json!({ "do": failing }), 200).await;
        assert_eq!(outcome["outcome"], "continue", "{failing}");
        assert_eq!(
            outcome["trace"].as_array().map(Vec::len),
            Some(1),
            "it took the manifest's place"
        );
        assert_ne!(outcome["trace"][0]["warnings"], json!([]));
    }
}

#[tokio::test]
async fn one_that_spins_is_cut_after_its_time() {
    let host = host().await;
    let step = json!({ "kind": "plugin", "target": "backstage", "timeout_ms": 200 });
    host.post(&format!("{REGISTRATION}/steps"), step).await.expect(201);
    let outcome = register(&host, json!({ "do": "spin" }), 200).await;
    assert_eq!(outcome["trace"][0]["status"], "failed");
}

#[tokio::test]
async fn a_filter_runs_only_where_its_plugin_is_enabled() {
    let host = host().await;
    host.put_community("other", json!([])).await.expect(201);
    let body = json!({ "community": "other", "data": { "form": { "filter": { "do": "error" } } } });
    let outcome = host.post(&format!("{REGISTRATION}/run"), body).await.expect(200);
    assert_eq!(outcome["trace"][0]["status"], "not enabled");
}
