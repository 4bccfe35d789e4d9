//! Actions: who can call which, and how parameters and results are checked.

use moothall_tests::{Answer, TestHost};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

async fn send(request: RequestBuilder) -> Answer {
    Answer::read(request.send().await.expect("the host answers")).await.expect("a whole answer")
}

async fn tutorial() -> TestHost {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    host
}

#[tokio::test]
async fn public_actions_have_a_second_address_and_others_do_not() {
    let host = tutorial().await;
    let public = |action: &str| {
        let request = host.request(Method::POST, &format!("/api/action/{action}"));
        let parameters = json!({ "parameters": { "value": 5, "x": 1 } });
        send(request.header("X-Metagov-Community", "acme").json(&parameters))
    };
    assert_eq!(public("tutorial.times-two").await.expect(200), json!({ "result": 10 }));
    public("tutorial.my-action").await.problem(404, "not_found");
    host.result("acme", "tutorial.my-action", json!({ "x": 1 })).await;
}

#[tokio::test]
async fn at_the_public_address_what_cannot_be_called_has_one_answer() {
    let host = TestHost::with(&["tutorial", "probe"]).start().await;
    let at = |url: &str| json!({ "name": "probe", "config": { "server_url": url } });
    host.put_community("acme", json!([at("https://one.example"), at("https://two.example")]))
        .await
        .expect(201);
    host.community("other", "tutorial", json!({ "api_key": "k" })).await;
    let public = |community: &str, action: &str| {
        let request = host.request(Method::POST, &format!("/api/action/{action}"));
        send(request.header("X-Metagov-Community", community).json(&json!({ "parameters": {} })))
    };
    let mut answers = Vec::new();
    for (community, action) in [
        ("nobody", "tutorial.times-two"),
        ("acme", "tutorial.times-two"),
        ("other", "tutorial.my-action"),
        ("other", "tutorial.nothing"),
        ("other", "nobody.nothing"),
        ("other", "tutorial.times-two?community_platform_id=x"),
        ("acme", "probe.put"),
    ] {
        answers.push(public(community, action).await.problem(404, "not_found"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    public("other", "tutorial.times-two").await.problem(400, "invalid_parameters");
}

#[tokio::test]
async fn what_is_unknown_is_named() {
    let host = tutorial().await;
    host.action("acme", "nobody.times-two", json!({})).await.problem(404, "unknown_plugin");
    host.action("acme", "tutorial.nothing", json!({})).await.problem(404, "unknown_action");
    host.action("acme", "tutorial", json!({})).await.problem(404, "not_found");
    host.action("acme", "tutorial.times-two.x", json!({})).await.problem(404, "unknown_action");
    host.action("acme", ".times-two", json!({})).await.problem(404, "unknown_plugin");
    let refused = host.action("nobody", "tutorial.times-two", json!({ "value": 1 })).await;
    assert_eq!(refused.problem(400, "unknown_community"), "Community 'nobody' not found");

    let request = host.request(Method::POST, "/api/internal/action/tutorial.times-two");
    let detail = send(request.json(&json!({}))).await.problem(400, "missing_header");
    assert_eq!(detail, "Missing required header 'X-Metagov-Community'");
}

#[tokio::test]
async fn a_plugin_that_is_not_enabled_is_refused_in_the_original_s_words() {
    let host = tutorial().await;
    host.put_community("empty", json!([])).await.expect(201);
    let refused = host.action("empty", "tutorial.times-two", json!({ "value": 1 })).await;
    let detail = refused.problem(400, "plugin_not_enabled");
    assert_eq!(detail, "Plugin 'tutorial' not enabled for community 'empty'");
}

#[tokio::test]
async fn parameters_are_checked_before_the_guest_sees_them() {
    let host = tutorial().await;
    let refused = host.action("acme", "tutorial.times-two", json!({ "value": "five" })).await;
    refused.problem(400, "invalid_parameters");
    assert_eq!(refused.error_paths(), ["/value"]);

    let empty = host.action("acme", "tutorial.times-two", json!({})).await;
    empty.problem(400, "invalid_parameters");
    assert_eq!(empty.error_paths(), [""]);

    let request = host.request(Method::POST, "/api/internal/action/tutorial.times-two");
    let absent = send(request.header("X-Metagov-Community", "acme")).await;
    absent.problem(400, "invalid_parameters");

    let list = host.action("acme", "tutorial.times-two", json!([5])).await;
    list.problem(400, "invalid_parameters");
}

#[tokio::test]
async fn defaults_are_filled_in() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let count = host.result("acme", "probe.increment", json!({ "key": "n" })).await;
    assert_eq!(count, json!({ "value": 1 }), "`by` is one if it is not said");
    let count = host.result("acme", "probe.increment", json!({ "key": "n", "by": 4 })).await;
    assert_eq!(count, json!({ "value": 5 }));
}

#[tokio::test]
async fn no_result_is_an_empty_body() {
    let host = TestHost::with(&["raw", "probe"]).start().await;
    host.community("acme", "raw", json!({})).await;
    let answer = host.action("acme", "raw.null-result", json!({})).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
}

#[tokio::test]
async fn a_guest_gets_the_validated_value_and_any_json_may_come_back() {
    let host = TestHost::with(&["raw"]).start().await;
    host.community("acme", "raw", json!({})).await;
    let parameters = json!({ "text": "ü\u{0}\"", "deep": [[{ "n": 1.5 }]], "none": null });
    assert_eq!(host.result("acme", "raw.echo", parameters.clone()).await, parameters);
    assert_eq!(host.result("acme", "raw.echo", json!({})).await, json!({}));
}

#[tokio::test]
async fn a_call_knows_for_whom_it_is() {
    let host = TestHost::with(&["probe"]).start().await;
    let config = json!({ "server_url": "https://one", "token": "t", "generation": 3 });
    let body =
        json!({ "readable_name": "Acme", "plugins": [{ "name": "probe", "config": config }] });
    let community = host.put("/api/internal/community/acme", body).await.expect(201);
    let request = host.action_request("acme", "probe.whoami", json!({}));
    let whoami = send(request.header("X-Request-Id", "my-request-1")).await.expect(200);
    assert_eq!(whoami["community"], "acme");
    assert_eq!(whoami["community_name"], "Acme");
    assert_eq!(whoami["instance"], community["plugins"][0]["id"]);
    assert_eq!(whoami["community_platform_id"], "https://one");
    assert_eq!(whoami["origin"], "action");
    assert_eq!(whoami["request_id"], "my-request-1");
    assert!(whoami["call"].as_str().is_some_and(|call| !call.is_empty()));
    assert_eq!(whoami["config"]["token"], json!({ "$secret": "/token" }));
    assert_eq!(whoami["config"]["generation"], 3);
}

#[tokio::test]
async fn a_dry_run_shows_what_it_would_do_and_does_nothing() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "n", "value": 1 })).await;

    let shown = host.result("acme", "probe.increment?dry_run=true", json!({ "key": "n" })).await;
    assert_eq!(shown["response"], json!({ "value": 2 }));
    assert_eq!(shown["effects"]["state"], json!({ "n": 2 }));
    for none in ["events", "processes", "deliveries", "http"] {
        assert_eq!(shown["effects"][none], json!([]));
    }
    let shown = host.result("acme", "probe.remove?dry_run=true", json!({ "key": "n" })).await;
    assert_eq!(shown["effects"]["state"], json!({ "n": null }));
    assert_eq!(host.result("acme", "probe.get", json!({ "key": "n" })).await["value"], 1);
    let unclear = host.action("acme", "probe.get?dry_run=perhaps", json!({ "key": "n" })).await;
    unclear.problem(400, "bad_request");
}

#[tokio::test]
async fn a_dry_run_shows_state_and_is_not_public() {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    let request = host
        .request(Method::POST, "/api/action/tutorial.times-two?dry_run=true")
        .header("X-Metagov-Community", "acme")
        .json(&json!({ "parameters": { "value": 5 } }));
    let response = request.send().await.expect("the host answers");
    Answer::read(response).await.expect("a body").problem(400, "bad_request");
}
