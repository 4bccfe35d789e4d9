//! Webfilters as in openedx-webhooks. Where the original crashes, ours does what its documentation promises.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use moothall_tests::{Receiver, Reply};
use serde_json::{Value, json};

use super::{add, ann, filter, host, run};

#[tokio::test]
async fn request_the_data_at_top_level_with_metadata_and_without_what_is_sensitive() {
    let (host, filter) = (host().await, filter(200, "{}").await);
    let step = add(&host, &filter.url, json!({})).await;
    run(&host, ann()).await;
    let received = filter.wait_for(1).await.remove(0);
    let body = received.json();
    assert_eq!(body["user"], json!({ "first": "Ann", "last": "Z" }), "no password");
    assert_eq!((&body["mode"], &body["id"]), (&json!("x"), &json!(1)));
    assert_eq!(body["event_metadata"]["event_type"], "StudentLoginRequested");
    let time = body["event_metadata"]["time"].as_str().unwrap_or_default();
    assert!(time.ends_with("+00:00"), "UTC: {time}");
    let secret = step["secret"].as_str().and_then(|text| text.strip_prefix("whsec_"));
    let key = STANDARD.decode(secret.expect("a secret")).expect("base64");
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(&key).expect("a key");
    let (id, at) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&received.body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(received.header("webhook-signature"), expected);
}

#[tokio::test]
async fn request_in_a_form() {
    let (host, filter) = (host().await, filter(200, "{}").await);
    add(&host, &filter.url, json!({ "use_www_form_encoding": true })).await;
    run(&host, json!({ "user": { "first": "Ann B" }, "on": true, "none": null })).await;
    let received = filter.wait_for(1).await.remove(0);
    assert_eq!(received.header("content-type"), "application/x-www-form-urlencoded");
    let body = String::from_utf8(received.body).expect("text");
    for pair in ["user_first=Ann+B", "on=True", "none=None"] {
        assert!(body.split('&').any(|found| found == pair), "no {pair} in {body}");
    }
    assert!(body.contains("event_metadata_event_type=StudentLoginRequested"), "{body}");
}

#[tokio::test]
async fn a_request_exception_halts_if_it_should_and_ends_the_run() {
    let (host, later) = (host().await, filter(200, "{}").await);
    let silent = Receiver::start().await;
    silent.otherwise(Reply::Close);
    let halts = json!({
        "halt_on_request_exception": true, "redirect_on_request_exception": "/sorry",
        "disable_halt": true, "order": 1,
    });
    let step = add(&host, &silent.url, halts).await;
    add(&host, &later.url, json!({ "order": 2 })).await;
    let halted = run(&host, ann()).await;
    assert_eq!(halted["outcome"], "halt", "`disable_halt` does not soften it");
    assert_eq!(halted["exception"]["name"], "PreventLogin");
    assert_eq!(halted["exception"]["redirect_to"], "/sorry");
    assert!(later.received().is_empty(), "later steps are not called");
    let path =
        format!("/api/internal/hooks/{}/steps/{}", super::LOGIN, step["id"].as_str().unwrap_or(""));
    host.put(&path, json!({ "halt_on_request_exception": false })).await.expect(200);
    let went_on = run(&host, ann()).await;
    assert_eq!(went_on["outcome"], "continue", "else the next step");
    assert_eq!(went_on["trace"][0]["status"], "unreachable");
    later.wait_for(1).await;
}

#[tokio::test]
async fn a_timeout_is_a_request_exception() {
    let host = host().await;
    let slow = Receiver::start().await;
    slow.otherwise(Reply::Hang);
    let halts = json!({ "halt_on_request_exception": true, "timeout_ms": 200 });
    add(&host, &slow.url, halts).await;
    assert_eq!(run(&host, ann()).await["outcome"], "halt");
}

#[tokio::test]
async fn statuses_halt_where_they_should_with_their_redirects() {
    for (status, setting, redirect) in
        [(404, "halt_on_4xx", "redirect_on_4xx"), (503, "halt_on_5xx", "redirect_on_5xx")]
    {
        let (host, refusing) = (host().await, filter(status, "{\"data\":{\"mode\":\"no\"}}").await);
        let later = filter(200, "{}").await;
        let mut halts = json!({ "order": 1, "disable_halt": true });
        halts[setting] = json!(true);
        halts[redirect] = json!("/elsewhere");
        add(&host, &refusing.url, halts).await;
        add(&host, &later.url, json!({ "order": 2 })).await;
        let halted = run(&host, ann()).await;
        let exception = &halted["exception"];
        assert_eq!(
            (&halted["outcome"], &exception["name"]),
            (&json!("halt"), &json!("PreventLogin"))
        );
        assert_eq!(exception["redirect_to"], "/elsewhere");
        assert_eq!(exception["status_code"], status);
        assert!(later.received().is_empty(), "both stop at once");
        assert_eq!(halted["data"], ann(), "a halted run changes nothing");
    }
}

#[tokio::test]
async fn only_a_2xx_with_an_object_says_anything() {
    for (status, body, warning) in [
        (
            500,
            "{\"data\":{\"mode\":\"y\"},\"exception\":{\"PreventLogin\":\"no\"}}",
            "status is 500",
        ),
        (302, "{\"data\":{\"mode\":\"y\"}}", "status is 302"),
        (200, "not json", "not JSON"),
        (200, "[1]", "not a JSON object"),
        (200, "null", "not a JSON object"),
        (200, "\"data\"", "not a JSON object"),
        (200, "{\"data\":[1],\"exception\":\"x\"}", "`data` is not an object"),
    ] {
        let (host, filter) = (host().await, filter(status, body).await);
        add(&host, &filter.url, json!({})).await;
        let outcome = run(&host, ann()).await;
        assert_eq!(outcome["outcome"], "continue", "{body}");
        assert_eq!(outcome["data"], ann(), "{body}");
        let warnings = outcome["trace"][0]["warnings"].to_string();
        assert!(warnings.contains(warning), "{body}: {warnings}");
    }
}

#[tokio::test]
async fn data_is_merged_shallow_or_deep_and_sees_the_original_or_what_came_before() {
    let (host, one) =
        (host().await, filter(200, "{\"data\":{\"user\":{\"first\":\"A\"},\"mode\":\"y\"}}").await);
    let other = filter(200, "{\"data\":{\"user\":{\"last\":\"B\"}}}").await;
    let preset = json!({ "preset": "openedx-webhooks", "order": 1 });
    let step = add(&host, &one.url, preset.clone()).await;
    assert_eq!((&step["mode"], &step["timeout_ms"]), (&json!("broadcast"), &json!(10_000)));
    assert_eq!(step["fail_silently"], false);
    let second = add(&host, &other.url, json!({ "preset": "openedx-webhooks", "order": 2 })).await;
    let shallow = run(&host, ann()).await;
    let user = json!({ "last": "B", "password": "secret" });
    assert_eq!((&shallow["data"]["user"], &shallow["data"]["mode"]), (&user, &json!("y")));
    assert_eq!(shallow["data"]["id"], 1, "only keys present change");
    assert_eq!(other.wait_for(1).await[0].json()["user"]["first"], "Ann", "the original");
    let path = format!(
        "/api/internal/hooks/{}/steps/{}",
        super::LOGIN,
        second["id"].as_str().unwrap_or("")
    );
    host.put(&path, json!({ "mode": "accumulate", "merge": "deep" })).await.expect(200);
    let deep = run(&host, ann()).await;
    assert_eq!(deep["data"]["user"], json!({ "first": "A", "last": "B", "password": "secret" }));
    assert_eq!(other.wait_for(2).await[1].json()["user"], json!({ "first": "A" }), "accumulated");
}

#[tokio::test]
async fn filtering_can_be_disabled_and_touches_only_what_is_mutable() {
    let answer = "{\"data\":{\"id\":2,\"mode\":\"y\",\"user\":{\"password\":\"stolen\"}}}";
    let (host, filter) = (host().await, filter(200, answer).await);
    let step = add(&host, &filter.url, json!({ "disable_filtering": true })).await;
    assert_eq!(run(&host, ann()).await["data"], ann());
    let path =
        format!("/api/internal/hooks/{}/steps/{}", super::LOGIN, step["id"].as_str().unwrap_or(""));
    host.put(&path, json!({ "disable_filtering": false })).await.expect(200);
    let outcome = run(&host, ann()).await;
    let data = &outcome["data"];
    assert_eq!((&data["id"], &data["mode"]), (&json!(1), &json!("y")));
    assert_eq!(data["user"]["password"], "secret", "what is sensitive is put back");
    assert!(outcome["trace"][0]["warnings"].to_string().contains("id"), "{outcome}");
}

#[tokio::test]
async fn exceptions_are_collected_and_the_first_declared_halts() {
    let (host, one) = (
        host().await,
        filter(200, "{\"exception\":{\"RedirectToPage\":{\"redirect_to\":\"/a\"},\"Odd\":\"?\"}}")
            .await,
    );
    let other =
        filter(200, "{\"data\":{\"mode\":\"y\"},\"exception\":{\"PreventLogin\":\"not today\"}}")
            .await;
    add(&host, &one.url, json!({ "order": 1 })).await;
    add(&host, &other.url, json!({ "order": 2 })).await;
    let halted = run(&host, ann()).await;
    assert_eq!(halted["exception"]["name"], "PreventLogin", "in the order of the hook");
    assert_eq!(halted["exception"]["message"], "not today");
    assert_eq!(halted["data"], ann(), "a halted run changes nothing");
    assert!(halted["trace"][0]["warnings"].to_string().contains("Odd"), "unknown names are told");
    other.wait_for(1).await;
}

#[tokio::test]
async fn the_last_of_a_name_wins_and_halting_can_be_disabled() {
    let (host, one) =
        (host().await, filter(200, "{\"exception\":{\"PreventLogin\":\"one\"}}").await);
    let two =
        filter(200, "{\"exception\":{\"PreventLogin\":{\"message\":\"two\",\"error_code\":7}}}")
            .await;
    add(&host, &one.url, json!({ "order": 1 })).await;
    let last = add(&host, &two.url, json!({ "order": 2 })).await;
    let exception = run(&host, ann()).await["exception"].clone();
    assert_eq!((&exception["message"], &exception["error_code"]), (&json!("two"), &json!(7)));
    let path =
        format!("/api/internal/hooks/{}/steps/{}", super::LOGIN, last["id"].as_str().unwrap_or(""));
    host.put(&path, json!({ "target": two.url, "order": 2, "disable_halt": true }))
        .await
        .expect(200);
    assert_eq!(run(&host, ann()).await["exception"]["message"], "one");
    let odd = filter(200, "{\"exception\":{\"PreventLogin\":42}}").await;
    add(&host, &odd.url, json!({ "order": 3 })).await;
    assert_eq!(run(&host, ann()).await["exception"]["message"], "Reason not specified");
}

#[tokio::test]
async fn the_budget_is_for_all_steps_and_a_guard_behind_a_slow_one_still_halts() {
    let host = host().await;
    let path = format!("/api/internal/hooks/{}", super::LOGIN);
    let hook = json!({ "mutable": ["/user"], "exceptions": ["PreventLogin"], "budget_ms": 300 });
    host.put(&path, hook).await.expect(200);
    let slow = Receiver::start().await;
    slow.otherwise(Reply::Hang);
    let guard = filter(200, "{}").await;
    add(&host, &slow.url, json!({ "order": 1 })).await;
    add(&host, &guard.url, json!({ "order": 2, "halt_on_request_exception": true })).await;
    let began = std::time::Instant::now();
    let halted = run(&host, ann()).await;
    assert!(began.elapsed() < Duration::from_secs(3), "the budget is 300 ms");
    assert_eq!(halted["outcome"], "halt");
}

#[tokio::test]
async fn steps_run_by_order_and_for_their_community() {
    let (host, log) = (host().await, filter(200, "{}").await);
    host.put_community("other", json!([])).await.expect(201);
    add(&host, &format!("{}/c", log.url), json!({ "order": 30 })).await;
    add(&host, &format!("{}/a", log.url), json!({ "order": -10 })).await;
    add(&host, &format!("{}/o", log.url), json!({ "order": 5, "community": "other" })).await;
    add(&host, &format!("{}/off", log.url), json!({ "enabled": false })).await;
    run(&host, ann()).await;
    let paths: Vec<_> = log.wait_for(2).await.iter().map(|one| one.path.clone()).collect();
    assert!(paths[0].ends_with("/a") && paths[1].ends_with("/c"), "{paths:?}");
    assert_eq!(log.received().len(), 2, "the run has ended, and with it what it asks");
}

#[tokio::test]
async fn a_hook_without_exceptions_cannot_be_told_to_halt() {
    let host = host().await;
    let steps = "/api/internal/hooks/org.example.course.listed.v1/steps";
    for setting in ["halt_on_4xx", "halt_on_5xx", "halt_on_request_exception"] {
        let mut step = json!({ "target": "http://127.0.0.1:9/" });
        step[setting] = json!(true);
        host.post(steps, step).await.problem(422, "unusable_setting");
    }
    let step: Value = json!({ "target": "http://127.0.0.1:9/", "redirect_on_4xx": "/x" });
    host.post(steps, step).await.problem(422, "unusable_setting");
}
