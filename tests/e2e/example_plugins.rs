//! The example plugins do on a real host what their READMEs say of them.

use std::time::Duration;

use moothall_tests::{Received, Receiver, Reply, TestHost, until};
use serde_json::{Value, json};

/// The points of one batch.
const MANY: usize = 10;

#[tokio::test]
async fn subscriptions_tells_each_subscriber_of_a_change() {
    let host = TestHost::with(&["subscriptions"])
        .toml("[plugins.subscriptions]\ngrants = { events = [\"api.change\"] }")
        .start()
        .await;
    host.community("acme", "subscriptions", json!({})).await;
    for subscriber in ["ann", "bob"] {
        let parameters = json!({ "subscriber": subscriber, "story": "7" });
        host.result("acme", "subscriptions.subscribe", parameters).await;
    }
    for (resource, id) in [("story", "8"), ("task", "7"), ("story", "7")] {
        let change = json!({
            "community": "acme",
            "author": "carl",
            "method": "PUT",
            "resource": resource,
            "resource_id": id,
            "resource_before": { "title": "Tea" },
            "resource_after": { "title": "Coffee" }
        });
        let answer = host.post("/api/internal/changes", change).await;
        assert!(matches!(answer.status, 200..300), "{}", answer.text);
    }
    let events = until("both have an event", async || {
        let events = host.get("/api/internal/events?community=acme&type=story_changed").await;
        let events = events.expect(200)["events"].as_array().cloned().unwrap_or_default();
        (events.len() >= 2).then_some(events)
    })
    .await;
    let data: Vec<&Value> = events.iter().map(|event| &event["data"]).collect();
    let change = |subscriber: &str| {
        json!({
            "subscriber": subscriber,
            "story": "7",
            "author": "carl",
            "method": "PUT",
            "before": { "title": "Tea" },
            "after": { "title": "Coffee" }
        })
    };
    assert_eq!(data, [&change("ann"), &change("bob")]);
}

#[tokio::test]
async fn event_sender_sends_what_a_call_emitted_until_it_is_taken() {
    let server = Receiver::start().await;
    server.script([Reply::Status(409), Reply::Status(503)]);
    let host = TestHost::with(&["event-sender", "tutorial"])
        .toml("[plugins.event-sender]\ngrants = { http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"], events = [\"sending_event\"] }")
        .start()
        .await;
    let plugins = json!([
        { "name": "event-sender", "config": { "server_url": server.url, "bucket": "log" } },
        { "name": "tutorial", "config": { "api_key": "k" } }
    ]);
    host.put_community("acme", plugins).await.expect(201);
    assert_eq!(server.received()[0].json(), json!({ "name": "log" }));
    let webhook = json!({ "data": { "title": "Hello" }, "account": "ann" });
    host.post("/api/hooks/acme/tutorial", webhook).await.expect(200);
    server.wait_for(2).await;
    host.advance(Duration::from_secs(3));
    let received = server.wait_for(3).await;
    let [_, refused, taken] = received.as_slice() else { panic!("{received:?}") };
    assert!(taken.path.ends_with("/buckets/log/events"), "{}", taken.path);
    assert_eq!(refused.header("idempotency-key"), taken.header("idempotency-key"));
    let body = taken.json();
    assert_eq!(
        (&body["account_id"], &body["events"][0]["data"]["title"]),
        (&json!("acme"), &json!("Hello"))
    );
}

#[tokio::test]
async fn registration_guard_corrects_prevents_and_redirects() {
    let host = TestHost::with(&["registration-guard"]).start().await;
    let config = json!({
        "blocked_domains": ["spam.example"],
        "elsewhere": { "college.example": "https://college.example/join" }
    });
    host.community("acme", "registration-guard", config).await;
    let run = async |name: &str, email: &str| {
        let data = json!({ "name": name, "email": email, "password": "hush" });
        let path = "/api/internal/hooks/org.example.student.registration.requested.v1/run";
        host.post(path, json!({ "community": "acme", "data": data })).await.expect(200)
    };
    let corrected = run(" Ann  Lee ", "ann@school.example").await;
    assert_eq!(corrected["outcome"], "continue", "{corrected}");
    let kept = json!({ "name": "Ann Lee", "email": "ann@school.example", "password": "hush" });
    assert_eq!(corrected["data"], kept, "what the step does not see is not lost");
    let prevented = run("Bob", "bob@spam.example").await;
    assert_eq!(prevented["outcome"], "halt", "{prevented}");
    let exception = &prevented["exception"];
    assert_eq!(
        (&exception["name"], &exception["status_code"]),
        (&json!("PreventRegistration"), &json!(403))
    );
    let redirected = run("Eve", "eve@college.example").await;
    assert_eq!(redirected["exception"]["name"], "RedirectToPage");
    assert_eq!(redirected["exception"]["redirect_to"], "https://college.example/join");
}

#[tokio::test]
async fn points_batcher_writes_one_batch_for_many_requests() {
    let influx = Receiver::start().await;
    influx.otherwise(Reply::Status(204));
    let toml = format!(
        "[plugins.points-batcher]\nscope = \"host\"\nsettings = {{ influx_url = \"{}\" }}\n\
         grants = {{ http = [\"config:/influx_url\"], cidr = [\"127.0.0.0/8\"] }}",
        influx.url
    );
    let mut host = TestHost::with(&["points-batcher"]).toml(&toml).start().await;
    // Compiled before the host listens, so that the first request is measured.
    host.restart().await;
    let teapot = host.get("/api/plugins/points-batcher/teapot").await;
    assert_eq!((teapot.status, teapot.text.as_str()), (418, "I'm a teapot"));
    assert!(teapot.header("content-type").starts_with("text/plain"));
    // The host also ticks at its own times, so at least one of all batches has to be large.
    let written = until("a batch of many points is written", async || {
        for _ in 0..2 * MANY {
            host.get("/api/plugins/points-batcher/waiting").await.expect(200);
        }
        host.advance(Duration::from_secs(11));
        let written: Vec<String> = influx.received().into_iter().map(text_of).collect();
        written.iter().any(|text| text.lines().count() >= MANY).then_some(written)
    })
    .await;
    let is_teapot = |line: &&str| line.starts_with("requests,") && line.contains("status_code=418");
    let lines = written.iter().flat_map(|text| text.lines());
    assert_eq!(lines.filter(is_teapot).count(), 1, "{}", written.join("\n\n"));
}

fn text_of(received: Received) -> String {
    String::from_utf8(received.body).expect("a body of text")
}
