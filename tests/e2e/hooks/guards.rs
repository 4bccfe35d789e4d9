//! The host's own hooks around its API.

use moothall_tests::guests::BACKSTAGE_GRANTS;
use moothall_tests::{Receiver, Reply, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::{LOGIN, TOML, add, ann, filter, host, run};

async fn echo(host: &TestHost, filter: Value) -> moothall_tests::Answer {
    host.action("acme", "backstage.echo", json!({ "value": 1, "filter": filter })).await
}

fn halt(exception: Value) -> Value {
    json!({ "do": "halt", "exception": exception })
}

#[tokio::test]
async fn an_action_sees_the_parameters_that_the_hook_leaves() {
    let host = host().await;
    let update = json!({ "do": "update", "data": { "parameters": { "value": 2 }, "plugin": "x" } });
    assert_eq!(echo(&host, update).await.expect(200), json!({ "value": 2 }));
    assert_eq!(echo(&host, json!({ "do": "error" })).await.status, 200, "a silent failure");
    let unknown = host.action("acme", "backstage.nothing", json!({})).await;
    unknown.problem(404, "unknown_action");
}

#[tokio::test]
async fn a_step_that_the_host_itself_cannot_ask_refuses_whatever_its_settings_say() {
    let (host, filter) = (host().await, filter(200, "{}").await);
    let steps = "/api/internal/hooks/org.moothall.action.requested.v1/steps";
    host.post(steps, json!({ "target": filter.url })).await.expect(201);
    // The driver's connection is open already; one to the webfilter would need a descriptor.
    host.limit_descriptors(3);
    let refused = echo(&host, json!({ "do": "pass" })).await;
    let detail = refused.problem(503, "overloaded");
    assert!(detail.contains("could not ask a step"), "{detail}");
    assert_eq!(refused.header("retry-after"), "1");
    host.limit_descriptors(1024);
    echo(&host, json!({ "do": "pass" })).await.expect(200);
    until("the log says what the host is out of", async || {
        host.logs().contains("no file descriptor left").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_run_whose_steps_the_host_cannot_ask_says_when_to_ask_again() {
    let (host, filter) = (host().await, filter(200, "{}").await);
    add(&host, &filter.url, json!({})).await;
    host.limit_descriptors(3);
    let path = format!("/api/internal/hooks/{LOGIN}/run");
    let refused = host.post(&path, json!({ "community": "acme", "data": ann() })).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert!(refused.text.contains("\"outcome\":\"error\""), "{}", refused.text);
    host.limit_descriptors(1024);
    run(&host, ann()).await;
}

#[tokio::test]
async fn what_a_step_prevents_is_answered_with_its_status_or_403() {
    let host = host().await;
    let plain = echo(&host, halt(json!({ "name": "PreventAction", "message": "not now" }))).await;
    assert_eq!(plain.problem(403, "prevented"), "not now");
    let own = json!({ "name": "PreventAction", "message": "paused", "status_code": 423 });
    echo(&host, halt(own)).await.problem(423, "prevented");
    let odd = json!({ "name": "PreventAction", "message": "odd", "status_code": 200 });
    echo(&host, halt(odd)).await.problem(403, "prevented");
}

#[tokio::test]
async fn a_redirect_goes_to_an_allowed_page_only() {
    let host = host().await;
    // The client follows it.
    let page = format!("{}/healthz", host.url);
    let there = json!({ "name": "RedirectToPage", "redirect_to": page });
    let redirected = echo(&host, halt(there)).await;
    assert_eq!((redirected.status, redirected.text), (200, host.get("/healthz").await.text));
    let evil = json!({ "name": "RedirectToPage", "redirect_to": "https://evil.test/" });
    let refused = echo(&host, halt(evil)).await;
    refused.problem(502, "hook_failed");
    assert_eq!(refused.header("location"), "");
}

#[tokio::test]
async fn a_custom_response_is_answered_as_it_is() {
    let host = host().await;
    let custom = json!({
        "name": "RenderCustomResponse", "content": "<b>later</b>", "content_type": "text/html",
        "status": 418, "headers": { "x-why": "tea", "set-cookie": "a=b" },
    });
    let answered = echo(&host, halt(custom)).await;
    assert_eq!((answered.status, answered.text.as_str()), (418, "<b>later</b>"));
    assert_eq!((answered.header("content-type"), answered.header("x-why")), ("text/html", "tea"));
    assert_eq!(answered.header("set-cookie"), "");
    assert!(answered.header("content-security-policy").contains("sandbox"));
}

#[tokio::test]
async fn a_custom_response_redirects_to_an_allowed_page_only() {
    let host = host().await;
    let custom = |status: u16, headers: Value| {
        let more = json!({ "name": "RenderCustomResponse", "content": "", "status": status, "headers": headers });
        echo(&host, halt(more))
    };
    for status in [301, 302, 303, 307, 308] {
        for name in ["location", "Location"] {
            let refused = custom(status, json!({ name: "https://evil.test/" })).await;
            refused.problem(502, "hook_failed");
            assert_eq!(refused.header("location"), "");
        }
    }
    for name in ["refresh", "Refresh"] {
        let refused = custom(200, json!({ name: "0; url=https://evil.test/" })).await;
        refused.problem(502, "hook_failed");
        assert_eq!(refused.header("refresh"), "");
    }
    // The client follows it.
    let page = format!("{}/healthz", host.url);
    let redirected = custom(303, json!({ "Location": page })).await;
    assert_eq!((redirected.status, redirected.text), (200, host.get("/healthz").await.text));
}

/// A host with a webfilter on one of its own hooks, which halts with this.
async fn guarded(point: &str, exception: &str) -> (TestHost, Receiver) {
    let filter = Receiver::start().await;
    let body = json!({ "exception": { exception: "not here" } }).to_string();
    filter.otherwise(Reply::Body(200, body));
    let host = TestHost::with(&["probe"]).toml(TOML).start().await;
    host.community("acme", "probe", json!({})).await;
    let path = format!("/api/internal/hooks/org.moothall.{point}.v1/steps");
    host.post(&path, json!({ "target": filter.url })).await.expect(201);
    (host, filter)
}

async fn start_vote(host: &TestHost) -> moothall_tests::Answer {
    let request = host.request(Method::POST, "/api/internal/process/probe.vote");
    answer(request.header("X-Metagov-Community", "acme").json(&json!({}))).await
}

#[tokio::test]
async fn a_process_is_prevented_from_starting() {
    let (host, filter) = guarded("process.starting", "PreventProcess").await;
    start_vote(&host).await.problem(403, "prevented");
    let seen = filter.wait_for(1).await[0].json();
    assert_eq!((&seen["process"], &seen["community"]), (&json!("vote"), &json!("acme")));
    let all = host.get("/api/internal/process").await.expect(200);
    assert_eq!(all["processes"], json!([]));
}

#[tokio::test]
async fn a_process_is_prevented_from_closing() {
    let (host, _filter) = guarded("process.closing", "PreventClose").await;
    let process = start_vote(&host).await.expect(202);
    let path = format!("/api/internal/process/probe.vote/{}", process["id"].as_str().unwrap_or(""));
    host.delete(&path).await.problem(403, "prevented");
    assert_eq!(host.get(&path).await.expect(200)["status"], "pending");
}

#[tokio::test]
async fn a_webhook_is_prevented_before_its_receiver() {
    let (host, filter) = guarded("webhook.received", "PreventWebhook").await;
    let hook =
        host.request(Method::POST, "/api/hooks/acme/probe?a=1").header("x-gitlab-token", "secret");
    answer(hook.body("hello")).await.problem(403, "prevented");
    let seen = filter.wait_for(1).await[0].json();
    assert_eq!(
        (&seen["method"], &seen["query"], &seen["body"]),
        (&json!("POST"), &json!("a=1"), &json!("hello"))
    );
    assert!(!seen.to_string().contains("secret"), "{seen}");
    let kept = host.result("acme", "probe.get", json!({ "key": "webhook" })).await;
    assert_eq!(kept["value"], Value::Null);
}

#[tokio::test]
async fn a_plugin_is_prevented_from_being_enabled_and_its_secrets_are_not_shown() {
    let (host, filter) = guarded("plugin.enabling", "PreventPlugin").await;
    let config = json!({ "webhook_secret": "hunter2" });
    let plugins = json!([{ "name": "probe", "config": config }]);
    host.put_community("other", plugins).await.problem(403, "prevented");
    host.enable("acme", "probe", json!({ "webhook_secret": "hunter2" }))
        .await
        .problem(403, "prevented");
    let seen = filter.wait_for(2).await;
    assert_eq!(
        (&seen[0].json()["plugin"], &seen[0].json()["community"]),
        (&json!("probe"), &json!("other"))
    );
    assert!(seen.iter().all(|one| !String::from_utf8_lossy(&one.body).contains("hunter2")));
    host.get("/api/internal/community/other").await.problem(404, "unknown_community");
}

#[tokio::test]
async fn hooks_can_be_switched_off() {
    let host = TestHost::with(&["backstage"])
        .toml("[hooks]\nenabled = false")
        .toml(BACKSTAGE_GRANTS)
        .start()
        .await;
    host.community("acme", "backstage", json!({})).await;
    let prevented = halt(json!({ "name": "PreventAction", "message": "no" }));
    echo(&host, prevented).await.expect(200);
}

#[tokio::test]
async fn what_could_not_be_called_is_not_asked_about() {
    let (host, filter) = guarded("action.requested", "PreventAction").await;
    host.action("acme", "probe.nothing", json!({})).await.problem(404, "unknown_action");
    host.action("acme", "nobody.nothing", json!({})).await.problem(404, "unknown_plugin");
    let request = host.request(Method::POST, "/api/action/probe.get");
    let request = request.header("X-Metagov-Community", "acme").json(&json!({ "parameters": {} }));
    answer(request).await.problem(404, "not_found");
    assert_eq!(filter.received().len(), 0);
}

#[tokio::test]
async fn a_request_that_is_too_large_to_be_asked_about_does_not_pass() {
    let (host, filter) = guarded("action.requested", "PreventAction").await;
    let padding = "x".repeat((1 << 20) - 100);
    let answer = host.action("acme", "probe.put", json!({ "key": "a", "value": padding })).await;
    answer.problem(502, "hook_failed");
    assert_eq!(filter.received().len(), 0);
}
