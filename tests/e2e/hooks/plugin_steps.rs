//! Steps that are plugins' filters.

use moothall_tests::{TestHost, until};
use serde_json::{Value, json};

use super::host;

const REGISTRATION: &str = "/api/internal/hooks/org.example.registration.requested.v1";

/// Runs the plugin's own hook with a form that tells its filter what to do.
async fn register(host: &TestHost, filter: Value, status: u16) -> Value {
    let form = json!({ "name": "ann", "password": "secret", "filter": filter });
    let data = json!({ "form": form, "same": 1 });
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
    let update = json!({ "do": "update", "data": { "form": { "name": "Ann" }, "same": 1 } });
    let updated = register(&host, update, 200).await;
    assert_eq!(updated["data"]["form"], json!({ "name": "Ann", "password": "secret" }));
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

/// Verdicts that a hook cannot carry out, and the message for each.
fn unusable() -> [(Value, &'static str); 5] {
    let halt = |name: &str| json!({ "do": "halt", "exception": { "name": name } });
    let update = |data: Value| json!({ "do": "update", "data": data });
    [
        (halt("PreventRegistrtion"), "did you mean `PreventRegistration`?"),
        (halt("RedirectToPages"), "RedirectToPage"),
        (update(json!({ "same": 2 })), "/same"),
        (update(json!({ "form": { "name": "Ann" }, "else": 1 })), "/else"),
        (update(json!({ "form": { "name": 5 } })), "/form/name"),
    ]
}

#[tokio::test]
async fn a_verdict_that_the_hook_cannot_carry_out_is_the_filters_failure() {
    let host = host().await;
    let verdicts = unusable();
    for (verdict, said) in verdicts.clone() {
        let outcome = register(&host, verdict.clone(), 502).await;
        assert_eq!(outcome["outcome"], "error", "{verdict}: {outcome}");
        let warnings = outcome["trace"][0]["warnings"].to_string();
        assert!(warnings.contains(said), "{verdict}: {warnings}");
        assert_eq!(outcome["data"]["form"]["name"], "ann", "{verdict}");
    }
    let calls = until("all are listed", async || {
        let calls = host.get("/api/internal/calls").await.expect(200);
        calls["calls"].as_array().filter(|calls| calls.len() == verdicts.len()).cloned()
    })
    .await;
    assert!(calls.iter().all(|call| call["code"] == "plugin_bad_output"), "{calls:?}");
}

#[tokio::test]
async fn a_guard_that_misspells_its_exception_is_a_failed_call_where_it_may_fail() {
    let host = host().await;
    let filter = json!({ "do": "halt", "exception": { "name": "PreventActoin" } });
    let parameters = json!({ "filter": filter });
    host.result("acme", "backstage.echo", parameters).await;
    let call = until("the filter's call is listed", async || {
        let calls = host.get("/api/internal/calls").await.expect(200);
        calls["calls"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!((&call["origin"], &call["code"]), (&json!("hook"), &json!("plugin_bad_output")));
    let detail = call["detail"].to_string();
    assert!(detail.contains("did you mean `PreventAction`?"), "{detail}");
    assert!(host.logs().contains("PreventActoin"), "the log has it");
}

#[tokio::test]
async fn what_an_update_changes_beyond_what_it_may_is_a_failed_call_and_the_rest_counts() {
    let host = host().await;
    let data = json!({ "parameters": { "value": 2 }, "plugin": "x" });
    let parameters = json!({ "filter": { "do": "update", "data": data } });
    assert_eq!(host.result("acme", "backstage.echo", parameters).await, json!({ "value": 2 }));
    let call = until("the filter's call is listed", async || {
        let calls = host.get("/api/internal/calls").await.expect(200);
        calls["calls"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!((&call["origin"], &call["community"]), (&json!("hook"), &json!("acme")));
    assert!(call["detail"].to_string().contains("/plugin"), "{call}");
}

#[tokio::test]
async fn what_a_filter_sends_back_as_it_was_may_be_anything() {
    let host = host().await;
    let form = json!({ "name": "Ann" });
    let whole = json!({ "do": "update", "data": { "form": form, "same": 1 } });
    let outcome = register(&host, whole, 200).await;
    assert_eq!(outcome["data"]["form"], json!({ "name": "Ann", "password": "secret" }));
    assert_eq!(outcome["trace"][0]["warnings"], json!([]));
}
