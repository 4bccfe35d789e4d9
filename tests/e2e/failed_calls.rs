//! Every call that failed because of its plugin is a line of the log and a row of
//! `/api/internal/calls`, whoever called and however it failed. A call that failed because of its
//! caller is neither.

use std::time::Duration;

use moothall_tests::guests::BACKSTAGE_GRANTS;
use moothall_tests::{Answer, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

async fn host() -> TestHost {
    let host =
        TestHost::with(&["probe", "backstage", "misbehaving"]).toml(BACKSTAGE_GRANTS).start().await;
    let plugins = json!([{ "name": "probe" }, { "name": "backstage" }, { "name": "misbehaving" }]);
    host.put_community("acme", plugins).await.expect(201);
    host
}

/// The failed call with that call id or request id.
async fn listed(host: &TestHost, id: &str) -> Value {
    until("the failed call is listed", async || {
        let found = host.get(&format!("/api/internal/calls/{id}")).await;
        (found.status == 200).then(|| found.json())
    })
    .await
}

/// The failed call whose detail contains this text.
async fn listed_with(host: &TestHost, origin: &str, detail: &str) -> Value {
    until("the failed call is listed", async || {
        let calls = host.get("/api/internal/calls").await.expect(200);
        let found = |call: &&Value| {
            call["origin"] == origin && call["detail"].as_str().unwrap_or_default().contains(detail)
        };
        calls["calls"].as_array()?.iter().find(found).cloned()
    })
    .await
}

/// Waits for a WARN line with both ids and the code.
async fn is_logged(host: &TestHost, call: &Value) {
    let text = |key: &str| call[key].as_str().expect("a text").to_owned();
    let (id, request, code) = (text("id"), text("request_id"), text("code"));
    until("the log has it", async || {
        let log = host.logs();
        // The guest's own lines also have the id.
        let own =
            |line: &&str| line.contains("call failed") && line.contains(&format!("call=\"{id}\""));
        let line = log.lines().find(own)?;
        let whole = line.contains("WARN")
            && line.contains(&format!("request=\"{request}\""))
            && line.contains(&format!("code={code}"));
        whole.then_some(())
    })
    .await;
}

/// Checks that the answer's call is listed under both ids with that origin and code, and logged.
async fn failed(host: &TestHost, answer: &Answer, origin: &str, code: &str) {
    let request = answer.header("x-request-id").to_owned();
    let call = listed(host, &request).await;
    assert_eq!((&call["origin"], &call["code"]), (&json!(origin), &json!(code)), "{call}");
    assert_eq!(call["request_id"], json!(request));
    assert_eq!(listed(host, call["id"].as_str().expect("an id")).await, call);
    is_logged(host, &call).await;
    let problem = answer.json();
    if problem["code"] == code {
        assert_eq!(problem["call_id"], call["id"], "{problem}");
    }
}

async fn hook(host: &TestHost, kind: &str) -> Answer {
    let request = host.request(Method::POST, "/api/hooks/acme/probe");
    answer(request.header("x-probe", "error").header("x-probe-kind", kind)).await
}

async fn start(host: &TestHost, fail: &str) -> Answer {
    let request = host.request(Method::POST, "/api/internal/process/probe.vote");
    answer(request.header("X-Metagov-Community", "acme").json(&json!({ "fail": fail }))).await
}

#[tokio::test]
async fn an_error_that_an_action_a_route_or_a_webhook_returns_is_told_and_listed() {
    let host = host().await;
    for (kind, code) in
        [("internal", "internal"), ("unavailable", "unavailable"), ("own-kind", "plugin:own-kind")]
    {
        let parameters = json!({ "kind": kind, "message": "m" });
        let action = host.action("acme", "misbehaving.fail", parameters).await;
        failed(&host, &action, "action", code).await;
    }
    failed(
        &host,
        &host.action("acme", "misbehaving.panic-now", json!({})).await,
        "action",
        "plugin_trap",
    )
    .await;
    let route = host.get("/api/plugins/backstage/acme/fail").await;
    failed(&host, &route, "route", "internal").await;
    for (kind, code) in
        [("internal", "internal"), ("invalid", "invalid"), ("not-found", "not_found")]
    {
        failed(&host, &hook(&host, kind).await, "webhook", code).await;
    }
    let refused = host.enable("acme", "misbehaving", json!({ "initialize": "panic" })).await;
    failed(&host, &refused, "enable", "plugin_trap").await;
}

#[tokio::test]
async fn an_error_that_a_process_returns_is_told_and_listed_wherever_it_does() {
    let host = host().await;
    failed(&host, &start(&host, "start").await, "process", "internal").await;

    let closing = start(&host, "close").await.header("location").to_owned();
    failed(&host, &host.delete(&closing).await, "process", "internal").await;

    start(&host, "webhook").await.expect(202);
    // The receiver answers the platform.
    let webhook = answer(host.request(Method::POST, "/api/hooks/acme/probe")).await;
    assert_eq!(webhook.status, 200);
    failed(&host, &webhook, "webhook", "internal").await;

    start(&host, "update").await.expect(202);
    host.advance(Duration::from_secs(60));
    is_logged(&host, &listed_with(&host, "tick", "the process fails here").await).await;
}

#[tokio::test]
async fn an_error_that_a_tick_a_worker_or_a_filter_returns_is_told_and_listed() {
    let host = host().await;
    let event = json!({ "event_type": "note", "data": { "worker": "fail" } });
    host.action("acme", "backstage.emit", event).await.expect(200);
    is_logged(&host, &listed_with(&host, "worker", "asked to fail").await).await;

    let filter = json!({ "filter": { "do": "error" } });
    let passed = host.action("acme", "backstage.echo", filter).await;
    assert_eq!(passed.status, 200, "the filter fails silently for the driver");
    failed(&host, &passed, "hook", "internal").await;
    let update = json!({ "filter": { "do": "update", "data": [1] } });
    let passed = host.action("acme", "backstage.echo", update).await;
    failed(&host, &passed, "hook", "plugin_bad_output").await;

    host.result("acme", "probe.put", json!({ "key": "fail_ticks", "value": true })).await;
    host.advance(Duration::from_secs(60));
    is_logged(&host, &listed_with(&host, "tick", "the tick fails").await).await;
}

#[tokio::test]
async fn what_a_caller_did_wrong_is_no_failure_of_the_plugin() {
    let host = host().await;
    for (kind, status, code) in [
        ("invalid", 400, "invalid"),
        ("unauthorized", 401, "unauthorized"),
        ("forbidden", 403, "forbidden"),
        ("not-found", 404, "not_found"),
        ("conflict", 409, "conflict"),
    ] {
        let parameters = json!({ "kind": kind, "message": "yours" });
        let refused = host.action("acme", "misbehaving.fail", parameters).await;
        refused.problem(status, code);
        assert_eq!(refused.json()["call_id"], json!(null), "{}", refused.text);
    }
    // The plugin needs an instance, too.
    let enabled = host.enable("acme", "misbehaving", json!({ "initialize": "error" })).await;
    enabled.problem(400, "invalid");
    let changed = host.enable("acme", "probe", json!({ "note": "refuse" })).await;
    changed.problem(400, "invalid");
    for refused in [enabled, changed] {
        assert_eq!(refused.json()["call_id"], json!(null), "{}", refused.text);
    }
    let last = json!({ "kind": "internal", "message": "mine" });
    let last = host.action("acme", "misbehaving.fail", last).await;
    failed(&host, &last, "action", "internal").await;
    let calls = host.get("/api/internal/calls").await.expect(200);
    assert_eq!(calls["calls"].as_array().map(Vec::len), Some(1), "{calls}");
    let log = host.logs();
    for of_caller in ["yours", "the note 'refuse'", "initialize refuses"] {
        assert!(!log.contains(of_caller), "nothing of a caller's doing is logged: {log}");
    }
}

#[tokio::test]
async fn a_close_that_completes_nothing_is_told_and_listed_and_what_it_wrote_stays() {
    let host = host().await;
    let request = host.request(Method::POST, "/api/internal/process/probe.vote");
    let request = request.header("X-Metagov-Community", "acme");
    let extend = json!({ "extend": "2100-01-01T00:00:00Z" });
    let vote = answer(request.json(&extend)).await.header("location").to_owned();
    let closed = host.delete(&vote).await;
    assert_eq!(closed.problem(502, "not_closed"), "Failed to close process");
    failed(&host, &closed, "process", "not_closed").await;
    let process = host.get(&vote).await.expect(200);
    assert_eq!(process["closing_at"], "2100-01-01T00:00:00.000Z");
    assert_eq!(host.delete(&vote).await.expect(200)["status"], "completed");
}

#[tokio::test]
async fn a_hook_that_fails_a_request_is_told_with_the_call_that_failed() {
    let host = host().await;
    let steps = "/api/internal/hooks/org.moothall.action.requested.v1/steps";
    let loud = json!({ "kind": "plugin", "target": "backstage", "fail_silently": false });
    host.post(steps, loud).await.expect(201);
    let filter = json!({ "filter": { "do": "error" } });
    let refused = host.action("acme", "backstage.echo", filter).await;
    refused.problem(502, "hook_failed");
    let call = listed(&host, refused.header("x-request-id")).await;
    assert_eq!((&call["origin"], &refused.json()["call_id"]), (&json!("hook"), &call["id"]));

    let exception = json!({ "name": "RedirectToPage", "redirect_to": "https://evil.test/" });
    let evil = json!({ "filter": { "do": "halt", "exception": exception } });
    let redirected = host.action("acme", "backstage.echo", evil).await;
    redirected.problem(502, "hook_failed");
    for (request, what) in [
        (refused.header("x-request-id"), "a hook's run failed"),
        (redirected.header("x-request-id"), "a hook's answer cannot be given"),
    ] {
        until("the log has it", async || {
            let log = host.logs();
            let is_it =
                |line: &str| line.contains("WARN") && line.contains(what) && line.contains(request);
            log.lines().any(is_it).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn all_failed_calls_of_one_request_are_found_by_its_id() {
    let host = host().await;
    for _ in 0..3 {
        start(&host, "webhook").await.expect(202);
    }
    let request = host.request(Method::POST, "/api/hooks/acme/probe");
    let webhook = answer(request.header("X-Request-Id", "mine-1")).await;
    assert_eq!(webhook.status, 200);
    host.action("acme", "misbehaving.panic-now", json!({})).await.expect(502);
    let calls = until("all three are listed", async || {
        let calls = host.get("/api/internal/calls?request_id=mine-1").await.expect(200);
        (calls["calls"].as_array()?.len() == 3).then_some(calls)
    })
    .await;
    let calls = calls["calls"].as_array().expect("a list");
    assert!(calls.iter().all(|call| call["name"] == "vote" && call["request_id"] == "mine-1"));
    assert_eq!(
        listed(&host, "mine-1").await,
        calls[0],
        "by the request's id alone it is the last one"
    );
}
