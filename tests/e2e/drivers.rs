//! Two whole drivers, of the early contract of the tutorials (`PUT`, `/hooks`, `webhook_slug`) and
//! of the later one (`POST`, `slug`, `/plugin/<name>`).

use std::time::Duration;

use moothall_tests::{Answer, Receiver, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const COMMUNITY: &str = "X-Metagov-Community";

async fn post(host: &TestHost, community: &str, path: &str, body: Value) -> Answer {
    answer(host.request(Method::POST, path).header(COMMUNITY, community).json(&body)).await
}

async fn completed(host: &TestHost, location: &str) -> Value {
    until("the process is completed", async || {
        host.advance(Duration::from_secs(60));
        let process = host.get(location).await.expect(200);
        (process["status"] == "completed").then_some(process)
    })
    .await
}

#[tokio::test]
async fn a_driver_of_the_seeds_era_runs_unchanged() {
    let (events, callbacks) = (Receiver::start().await, Receiver::start().await);
    let setup = TestHost::with(&["tutorial", "randomness"]);
    let host = setup.env("DRIVER_EVENT_RECEIVER_URL", &events.url).start().await;

    creates_its_community(&host).await;
    performs_an_action(&host).await;
    receives_an_event(&host, &events).await;
    runs_a_process(&host, &callbacks).await;
    ends_processes_of_another_plugin(&host).await;
}

/// Where the platform of the early driver sends webhooks.
const HOOK: &str = "/api/hooks/my-community/tutorial/abcdefg";

/// Creates the community with its own name, and lists what it got.
async fn creates_its_community(host: &TestHost) {
    let config = json!({ "api_key": "ABC123", "webhook_slug": "abcdefg" });
    let body = json!({ "name": "my-community", "readable_name": "My Community", "plugins": [
        { "name": "tutorial", "config": config },
        { "name": "randomness", "config": { "default_low": 1, "default_high": 6 } },
    ] });
    let path = "/api/internal/community/my-community";
    let created = host.put(path, body.clone()).await.expect(201);
    assert_eq!(created["name"], "my-community");
    host.put(path, body).await.expect(200);
    let hooks = host.get(&format!("{path}/hooks")).await.expect(200);
    assert_eq!(hooks, json!({ "hooks": ["/api/hooks/my-community/tutorial/abcdefg"] }));
    let actions = host.get(&format!("{path}/actions")).await.expect(200);
    assert_eq!(actions["actions"].as_array().map(Vec::len), Some(5));
    let processes = host.get(&format!("{path}/processes")).await.expect(200);
    assert_eq!(processes["processes"].as_array().map(Vec::len), Some(2));
}

async fn performs_an_action(host: &TestHost) {
    let parameters = json!({ "parameters": { "value": 21 } });
    let doubled = post(host, "my-community", "/api/internal/action/tutorial.times-two", parameters);
    assert_eq!(doubled.await.expect(200), json!({ "result": 42 }));
}

/// Receives an event, exactly as it always was.
async fn receives_an_event(host: &TestHost, events: &Receiver) {
    let posted = json!({ "data": { "title": "Hello" }, "account": "ann" });
    assert_eq!(host.post(HOOK, posted).await.status, 200);
    let event = events.wait_for(1).await.remove(0);
    assert_eq!(event.header("content-type"), "application/json");
    let body = event.json();
    let keys: Vec<_> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["community", "data", "event_type", "initiator", "source", "timestamp"]);
    assert_eq!((&body["community"], &body["source"]), (&json!("my-community"), &json!("tutorial")));
    assert_eq!(
        (&body["event_type"], &body["data"]),
        (&json!("post_created"), &json!({ "title": "Hello" }))
    );
    assert_eq!(body["initiator"], json!({ "user_id": "ann", "provider": "identity-provider-key" }));
    let timestamp: f64 = body["timestamp"].as_str().expect("a text").parse().expect("seconds");
    assert!(timestamp > 1_600_000_000.0);
}

/// Starts a process, follows its Location, and is called back.
async fn runs_a_process(host: &TestHost, callbacks: &Receiver) {
    let vote = json!({ "title": "Lunch?", "quorum": 2, "callback_url": callbacks.url });
    let started =
        post(host, "my-community", "/api/internal/process/tutorial.my-gov-process", vote).await;
    started.expect(202);
    let location = started.header("location").to_owned();
    assert_eq!(host.get(&location).await.expect(200)["status"], "pending");
    for (account, choice) in [("ann", "yes"), ("bob", "no"), ("ann", "no")] {
        let ballot = json!({ "account": account, "vote": choice });
        assert_eq!(host.post(HOOK, ballot).await.status, 200);
    }
    let process = completed(host, &location).await;
    assert_eq!(process["outcome"]["votes"], json!({ "yes": 0, "no": 2 }));
    assert_eq!(callbacks.wait_for(1).await[0].json(), process);
}

/// A process of another plugin that ends by itself, and one that the driver closes.
async fn ends_processes_of_another_plugin(host: &TestHost) {
    let draw = json!({ "options": ["a", "b"], "delay": 10 });
    let path = "/api/internal/process/randomness.delayed-stochastic-vote";
    let started = post(host, "my-community", path, draw.clone()).await;
    let process = completed(host, started.header("location")).await;
    assert!(["a", "b"].contains(&process["outcome"]["winner"].as_str().unwrap_or_default()));
    let draw = json!({ "options": ["a", "b"], "delay": 1_000_000 });
    let started = post(host, "my-community", path, draw).await;
    let closed = host.delete(started.header("location")).await.expect(200);
    assert_eq!(closed["status"], "completed");
}

#[tokio::test]
async fn a_driver_of_the_later_era_runs_unchanged() {
    let host = TestHost::with(&["tutorial"]).start().await;
    let body = json!({ "readable_name": "Later" });
    let created = host.post("/api/internal/community", body).await.expect(201);
    let slug = created["slug"].as_str().expect("a slug").to_owned();
    assert!(slug.len() >= 32, "hard to guess: {slug}");

    let config = json!({ "api_key": "ABC123", "community_id": "C1" });
    let enabled = post(&host, &slug, "/api/internal/plugin/tutorial", config.clone()).await;
    let instance = enabled.expect(201);
    assert_eq!((&instance["community"], &instance["auth_type"]), (&json!(slug), &json!("api_key")));
    assert_eq!(instance["config"]["foo"], "bar");
    post(&host, &slug, "/api/internal/plugin/tutorial", config).await.expect(200);
    let metadata = host.get("/api/internal/plugin/tutorial/metadata").await.expect(200);
    assert_eq!(metadata["uses_webhook"], true);
    assert_eq!(metadata["schemas"]["processes"][0]["id"], "tutorial.my-gov-process");
    let public = post(
        &host,
        &slug,
        "/api/action/tutorial.times-two",
        json!({ "parameters": { "value": 2 } }),
    );
    assert_eq!(public.await.expect(200), json!({ "result": 4 }));

    // The platform-wide webhook finds the community by what its config says.
    let request =
        host.request(Method::POST, "/api/hooks/tutorial").header("Custom-Event-Header", "1");
    let body = json!({ "community_id": "C1", "data": { "n": 1 }, "account": "ann" });
    assert_eq!(answer(request.json(&body)).await.status, 200);
    let event = until("the event is there", async || {
        let page = host.get(&format!("/api/internal/events?community={slug}")).await.expect(200);
        page["events"].get(0).cloned()
    });
    assert_eq!(event.await["data"], json!({ "n": 1 }));

    let vote = json!({ "title": "Lunch?" });
    let started = post(&host, &slug, "/api/internal/process/tutorial.my-gov-process", vote).await;
    assert_eq!(started.expect(202)["status"], "pending");
    let location = started.header("location").to_owned();
    assert_eq!(host.delete(&location).await.expect(200)["status"], "completed");
    let id = &instance["id"];
    host.delete(&format!("/api/internal/plugin/tutorial/{id}")).await.expect(204);
    host.delete(&format!("/api/internal/community/{slug}")).await.expect(204);
    host.get(&location).await.problem(404, "not_found");
}
