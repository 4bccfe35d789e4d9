//! Endpoints: configured through the API; their secrets are shown once, their headers never.

use moothall_tests::{Receiver, TestHost};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ENDPOINTS: &str = "/api/internal/endpoints";

#[tokio::test]
async fn an_endpoint_is_made_changed_and_deleted() {
    let mut host = TestHost::with(&[]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let made = host
        .post(
            ENDPOINTS,
            json!({
                "url": "https://example.com/hook",
                "description": "a partner",
                "community": "acme",
                "event_types": ["forum:*", "post_created"],
                "headers": { "X-Auth": "top-secret-value" },
                "ordering": "unordered",
            }),
        )
        .await
        .expect(201);
    assert!(made["secret"].as_str().expect("shown once").starts_with("whsec_"));
    assert_eq!(made["headers"]["X-Auth"], "********");
    assert_eq!(made["format"], "standard");
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().expect("an id"));

    let shown = host.get(&path).await;
    assert!(shown.json().get("secret").is_none());
    assert_eq!(shown.json()["community"], "acme");
    let change = json!({ "headers": { "X-Auth": "********" }, "timeout_ms": 1000 });
    let changed = host.put(&path, change).await.expect(200);
    assert_eq!(changed["timeout_ms"], 1000);
    assert_eq!(changed["url"], "https://example.com/hook");
    let listed = host.get(ENDPOINTS).await;
    assert_eq!(listed.json()["endpoints"].as_array().expect("a list").len(), 2);

    host.delete(&path).await.expect(204);
    host.get(&path).await.problem(404, "not_found");
    host.delete(&path).await.problem(404, "not_found");
    host.terminate();
    for text in [&shown.text, &listed.text, &host.logs()] {
        assert!(!text.contains("top-secret-value") && !text.contains("whsec_"), "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_an_endpoint_is_refused_and_says_why() {
    let host = TestHost::with(&[]).start().await;
    for (body, says) in [
        (json!({ "url": "ftp://example.com/" }), "`url`"),
        (json!({ "url": "https://user:pass@example.com/" }), "`url`"),
        (json!({ "url": "http://10.1.2.3/" }), "10.1.2.3 is a private address"),
        (json!({ "url": "http://[::ffff:10.1.2.3]:8000/" }), "allow_cidr"),
        (json!({ "url": "http://167838211/" }), "10.1.2.3 is a private address"),
        (json!({ "url": "https://example.com/", "timeout_ms": 0 }), "/timeout_ms"),
        (json!({ "url": "https://example.com/", "event_types": ["*a"] }), "`*`"),
        (json!({ "url": "https://example.com/", "event_types": [] }), "`event_types`"),
        (json!({ "url": "https://example.com/", "secret": "abc" }), "`whsec_`"),
        (json!({ "url": "https://example.com/", "headers": { "Webhook-Id": "x" } }), "Webhook-Id"),
        (json!({ "url": "https://example.com/", "headers": { "X": "a\r\nb" } }), "`X`"),
        (json!({ "url": "https://example.com/", "headers": { "X": "********" } }), "`X`"),
    ] {
        let detail = host.post(ENDPOINTS, body.clone()).await.problem(400, "bad_request");
        assert!(detail.contains(says), "{body}: {detail}");
    }
    for (body, says) in [
        (json!({}), "\"url\" is a required property"),
        (json!({ "urll": "x" }), "`url`"),
        (json!({ "url": "https://example.com/", "format": "xml" }), "openedx"),
        (json!({ "url": "https://example.com/", "ordering": "any" }), "unordered"),
    ] {
        let detail = host.post(ENDPOINTS, body.clone()).await.problem(400, "bad_request");
        assert!(detail.contains(says), "{body}: {detail}");
    }
}

#[tokio::test]
async fn a_put_that_is_slow_takes_no_new_secret_back() {
    let host = TestHost::with(&[]).start().await;
    let made = host.post(ENDPOINTS, json!({ "url": "https://example.com/hook" })).await.expect(201);
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().expect("an id"));
    let body = json!({ "timeout_ms": 2000 }).to_string();
    let address = host.url.trim_start_matches("http://").to_owned();
    let mut slow = tokio::net::TcpStream::connect(&address).await.expect("a connection");
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.expect("it is sent");
    let rotated = host.post(&format!("{path}/rotate-secret"), json!({})).await.expect(200);
    assert!(rotated["old_secret_until"].is_string(), "{rotated}");
    slow.write_all(body.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let after = host.get(&path).await.expect(200);
    assert_eq!(after["timeout_ms"], 2000);
    assert_eq!(after["old_secret_until"], rotated["old_secret_until"], "the rotation stands");
}

#[tokio::test]
async fn a_drivers_url_that_is_put_is_public_or_on_this_machine() {
    let host = TestHost::with(&[]).start().await;
    let driver = format!("{ENDPOINTS}/driver");
    let refused = host.put(&driver, json!({ "url": "http://10.0.0.5:8500/" })).await;
    let detail = refused.problem(400, "bad_request");
    assert!(detail.contains("allow_cidr"), "{detail}");
    host.put(&driver, json!({ "url": "http://127.0.0.1:9/" })).await.expect(200);
}

#[tokio::test]
async fn the_drivers_endpoint_always_exists() {
    let receiver = Receiver::start().await;
    let host = TestHost::with(&[]).env("DRIVER_EVENT_RECEIVER_URL", &receiver.url).start().await;
    let driver = format!("{ENDPOINTS}/driver");
    let shown = host.get(&driver).await.expect(200);
    assert_eq!((&shown["format"], &shown["ordering"]), (&json!("metagov"), &json!("fifo")));
    assert_eq!(shown["url"], json!(receiver.url));
    host.delete(&driver).await.problem(409, "driver_endpoint");
    let moved = host.put(&driver, json!({ "url": "https://example.com/" })).await;
    let detail = moved.problem(400, "bad_request");
    assert!(detail.contains("DRIVER_EVENT_RECEIVER_URL"), "{detail}");

    // Its format can be changed, and its headers are sent.
    let change =
        json!({ "format": "openedx", "use_www_form_encoding": true, "headers": { "X-Key": "k" } });
    host.put(&driver, change).await.expect(200);
    host.post(&format!("{driver}/ping"), json!({})).await.expect(202);
    let ping = receiver.wait_for(1).await.remove(0);
    assert_eq!(ping.header("x-key"), "k");
    assert_eq!(ping.header("content-type"), "application/x-www-form-urlencoded");
    assert!(ping.header("webhook-signature").starts_with("v1,"));
    let body = String::from_utf8(ping.body).expect("text");
    assert!(body.contains("event_metadata_event_type=moothall.ping"), "{body}");
    assert!(body.contains("ping_endpoint=driver"), "{body}");
    let events = host.get("/api/internal/events").await.expect(200);
    assert_eq!(events["events"], json!([]), "a ping is for its endpoint alone");
}

#[tokio::test]
async fn an_address_inside_is_refused_at_every_attempt() {
    let receiver = Receiver::start().await;
    let host = TestHost::with(&[]).start().await;
    // While the host serves only this machine, its drivers are on it.
    let made = host.post(ENDPOINTS, json!({ "url": receiver.url })).await.expect(201);
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().expect("an id"));
    host.post(&format!("{path}/ping"), json!({})).await.expect(202);
    receiver.wait_for(1).await;

    let host = host.with_key(&host.create_key("driver"));
    let refused = moothall_tests::until("the host knows of the key", async || {
        let again = host.post(ENDPOINTS, json!({ "url": receiver.url })).await;
        (again.status != 201).then_some(again)
    });
    let detail = refused.await.problem(400, "bad_request");
    assert!(detail.contains("loopback") && detail.contains("allow_cidr"), "{detail}");
    host.post(&format!("{path}/ping"), json!({})).await.expect(202);
    let failing = moothall_tests::until("the attempt was refused", async || {
        let shown = host.get(&path).await.expect(200);
        (shown["state"] == "failing").then_some(shown)
    });
    let failing = failing.await;
    assert_eq!((&failing["backlog"], &failing["circuit"]["state"]), (&json!(1), &json!("closed")));
    let detail = failing["last_failure"]["detail"].as_str().expect("a sentence");
    assert!(detail.contains("loopback"), "{detail}");
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn what_can_never_be_reached_is_refused_when_it_is_set() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host.put("/api/internal/hooks/org.example.a.b.v1", json!({})).await.expect(201);
    let made = host.post(ENDPOINTS, json!({ "url": "https://example.com/" })).await.expect(201);
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().expect("an id"));
    let private = "http://10.0.0.1/";
    let refused = [
        host.post(ENDPOINTS, json!({ "url": private })).await,
        host.put(&path, json!({ "url": private })).await,
        host.post(
            "/api/internal/hooks/org.example.a.b.v1/steps",
            json!({ "target": "http://localhost:3000/" }),
        )
        .await,
    ];
    for answer in refused {
        let detail = answer.problem(400, "bad_request");
        assert!(detail.contains("allow_cidr"), "{detail}");
    }
    let start = |url: &str| {
        let request = host.request(reqwest::Method::POST, "/api/internal/process/probe.vote");
        let request = request.header("X-Metagov-Community", "acme");
        moothall_tests::answer(request.json(&json!({ "callback_url": url })))
    };
    let detail = start(private).await.problem(400, "bad_request");
    assert!(detail.contains("callback_url") && detail.contains("allow_cidr"), "{detail}");
    start("http://localhost:3000/").await.expect(202);

    // Once there is a key, anybody may send requests; names are checked like addresses.
    let host = host.with_key(&host.create_key("driver"));
    let refused = moothall_tests::until("the host knows of the key", async || {
        let again = host.post(ENDPOINTS, json!({ "url": "http://localhost:3000" })).await;
        (again.status != 201).then_some(again)
    });
    let detail = refused.await.problem(400, "bad_request");
    assert!(detail.contains("`localhost` resolves") && detail.contains("allow_cidr"), "{detail}");
}

#[tokio::test]
async fn an_endpoint_shows_how_it_goes() {
    let receiver = Receiver::start().await;
    receiver.otherwise(moothall_tests::Reply::Status(500));
    let host = TestHost::with(&[]).start().await;
    let made = host.post(ENDPOINTS, json!({ "url": receiver.url })).await.expect(201);
    assert_eq!((&made["state"], &made["backlog"]), (&json!("idle"), &json!(0)));
    assert_eq!((&made["last_failure"], &made["oldest_waiting"]), (&json!(null), &json!(null)));
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().expect("an id"));
    for _ in 0..3 {
        host.post(&format!("{path}/ping"), json!({})).await.expect(202);
    }
    let failing = moothall_tests::until("an attempt has failed", async || {
        let shown = host.get(&path).await.expect(200);
        (shown["state"] == "failing").then_some(shown)
    });
    let failing = failing.await;
    assert_eq!(failing["backlog"], 3, "{failing}");
    assert!(failing["oldest_waiting"].is_string(), "{failing}");
    let failure = &failing["last_failure"];
    assert_eq!((&failure["status"], &failure["error"]), (&json!(500), &json!("status")));

    // Nobody listens there: the circuit opens, and the list says so.
    let nobody = json!({ "url": "http://127.0.0.1:1/", "ordering": "unordered" });
    host.put(&path, nobody).await.expect(200);
    let open = moothall_tests::until("the circuit is open", async || {
        host.post(&format!("{path}/ping"), json!({})).await.expect(202);
        host.advance(std::time::Duration::from_secs(10));
        let listed = host.get(ENDPOINTS).await.expect(200);
        let all = listed["endpoints"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|one| one["id"] == made["id"] && one["state"] == "unreachable")
    });
    let open = open.await;
    assert_ne!(open["circuit"]["state"], "closed", "{open}");
    assert!(open["circuit"]["until"].is_string(), "{open}");
    assert_eq!(open["last_failure"]["error"], "connect", "{open}");

    host.put(&path, json!({ "enabled": false })).await.expect(200);
    assert_eq!(host.get(&path).await.expect(200)["state"], "paused");
}

#[tokio::test]
async fn what_waits_for_a_deleted_endpoint_is_cancelled() {
    let host = TestHost::with(&[]).start().await;
    let body = json!({ "url": "https://example.com/", "enabled": false });
    let made = host.post(ENDPOINTS, body).await.expect(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    host.post(&format!("{ENDPOINTS}/{id}/ping"), json!({})).await.expect(202);
    host.delete(&format!("{ENDPOINTS}/{id}")).await.expect(204);
    let cancelled = moothall_tests::until("it is cancelled", async || {
        let page = host.get("/api/internal/deliveries?state=cancelled").await.expect(200);
        page["deliveries"].as_array().and_then(|all| all.first().cloned())
    })
    .await;
    assert_eq!(cancelled["endpoint"], json!(id));
    let resend = format!("/api/internal/deliveries/{}/resend", cancelled["id"]);
    host.post(&resend, json!({})).await.problem(409, "not_resendable");
}

#[tokio::test]
async fn headers_stay_with_the_origin_that_they_were_given_for() {
    let (one, other) = (Receiver::start().await, Receiver::start().await);
    let toml = "[egress]\nallow_cidr = [\"127.0.0.0/8\"]";
    let host = TestHost::with(&[]).toml(toml).start().await;
    let key = json!({ "X-Key": "sikrit", "X-Other": "o" });
    let made = host.post(ENDPOINTS, json!({ "url": one.url, "headers": key })).await.expect(201);
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().expect("an id"));
    for headers in [None, Some(json!({ "X-Key": "********" }))] {
        let mut moved = json!({ "url": other.url });
        if let Some(headers) = headers {
            moved["headers"] = headers;
        }
        let refused = host.put(&path, moved).await;
        let detail = refused.problem(400, "bad_request");
        assert!(detail.contains("`X-Key`") && detail.contains("`url`"), "{detail}");
        assert!(refused.error_paths().contains(&"/headers/X-Key".to_owned()), "{}", refused.text);
    }
    assert_eq!(host.get(&path).await.expect(200)["url"], json!(one.url));

    // Another path at the same origin is allowed.
    let deeper = format!("{}/deeper", one.url);
    host.put(&path, json!({ "url": deeper })).await.expect(200);
    host.post(&format!("{path}/ping"), json!({})).await.expect(202);
    assert_eq!(one.wait_for(1).await[0].header("x-key"), "sikrit");

    // Headers that are given again are sent to the new place; those that are left out are deleted.
    let again = json!({ "url": other.url, "headers": { "X-Key": "new" } });
    host.put(&path, again).await.expect(200);
    host.post(&format!("{path}/ping"), json!({})).await.expect(202);
    let ping = other.wait_for(1).await.remove(0);
    assert_eq!((ping.header("x-key"), ping.header("x-other")), ("new", ""));
    host.put(&path, json!({ "url": one.url, "headers": {} })).await.expect(200);
}

#[tokio::test]
async fn the_drivers_headers_do_not_follow_its_url_to_another_origin() {
    let (one, other) = (Receiver::start().await, Receiver::start().await);
    let driver = format!("{ENDPOINTS}/driver");
    let mut host = TestHost::with(&[]).env("DRIVER_EVENT_RECEIVER_URL", &one.url).start().await;
    host.put(&driver, json!({ "headers": { "X-Key": "sikrit" } })).await.expect(200);
    let deeper = format!("{}/deeper", one.url);
    host.set_env("DRIVER_EVENT_RECEIVER_URL", &deeper);
    host.restart().await;
    host.post(&format!("{driver}/ping"), json!({})).await.expect(202);
    assert_eq!(one.wait_for(1).await[0].header("x-key"), "sikrit", "the same place");

    host.set_env("DRIVER_EVENT_RECEIVER_URL", &other.url);
    host.restart().await;
    host.post(&format!("{driver}/ping"), json!({})).await.expect(202);
    assert_eq!(other.wait_for(1).await[0].header("x-key"), "");
    let log = host.logs();
    assert!(log.contains("X-Key") && log.contains("put them again"), "the log says which are lost");
    assert_eq!(host.get(&driver).await.expect(200)["headers"], json!({}));
}

#[tokio::test]
async fn what_two_put_at_once_both_stays() {
    let host = TestHost::with(&[]).start().await;
    let made = host.post(ENDPOINTS, json!({ "url": "https://example.com/hook" })).await.expect(201);
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().expect("an id"));
    for round in 1..=40 {
        let (description, timeout_ms) = (format!("round {round}"), 1_000 + round);
        let one = host.put(&path, json!({ "description": description }));
        let other = host.put(&path, json!({ "timeout_ms": timeout_ms }));
        let third = host.put(&path, json!({ "event_types": [description] }));
        let (one, other, third) = tokio::join!(one, other, third);
        [one, other, third].iter().for_each(|answer| drop(answer.expect(200)));
        let now = host.get(&path).await.expect(200);
        assert_eq!(
            (&now["description"], &now["timeout_ms"], &now["event_types"]),
            (&json!(description), &json!(timeout_ms), &json!([description])),
        );
    }
}

#[tokio::test]
async fn what_a_put_leaves_out_stays() {
    let host = TestHost::with(&[]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let body = json!({
        "url": "https://example.com/hook", "description": "a partner", "event_types": ["forum:*"], "community": "acme",
        "format": "openedx", "use_www_form_encoding": true, "headers": { "X-Auth": "secret" },
        "ordering": "unordered", "timeout_ms": 1_000, "enabled": false,
    });
    let mut made = host.post(ENDPOINTS, body).await.expect(201);
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().expect("an id"));
    made.as_object_mut().expect("an object").remove("secret");
    assert_eq!(host.put(&path, json!({})).await.expect(200), made);
}
