//! Headers, paths and queries that are repeated, have no effect, or have another form than in
//! answers.

use std::io::{Read, Write};

use moothall_tests::TestHost;
use serde_json::{Value, json};

use super::{COMMUNITY, Refused, host, refused, send, send_with};

/// Names and values.
type Headers<'a> = &'a [(&'a str, &'a str)];

const ACTION: &str = "/api/internal/action/tutorial.times-two";
const CALL: &str = r#"{"parameters":{"value":5}}"#;
const ACME: (&str, &str) = ("X-Metagov-Community", "acme");

/// Sends a raw request; returns the first line of the answer.
fn raw(host: &TestHost, sent: &str) -> String {
    let address = host.url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).expect("the host listens");
    let patience = std::time::Duration::from_secs(20);
    stream.set_read_timeout(Some(patience)).expect("a timeout can be set");
    stream.write_all(sent.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the host closes the connection");
    answer
}

#[tokio::test]
async fn a_header_that_is_given_twice_is_refused_and_both_are_named() {
    let host = host().await;
    let cases: &[(&str, Headers, &str)] = &[
        (ACTION, &[ACME, ("X-Metagov-Community", "other")], "`acme` and `other`"),
        (ACTION, &[ACME, ACME], "`x-metagov-community`"),
        (
            ACTION,
            &[ACME, ("X-Metagov-Platform-Id", "T1"), ("X-Metagov-Platform-Id", "T2")],
            "`T1` and `T2`",
        ),
        (ACTION, &[ACME, ("Idempotency-Key", "a"), ("Idempotency-Key", "b")], "`a` and `b`"),
        (
            ACTION,
            &[ACME, ("Authorization", "Bearer a"), ("Authorization", "Bearer b")],
            "`authorization` is given twice; send",
        ),
        (COMMUNITY, &[("Idempotency-Key", "a"), ("Idempotency-Key", "b")], "`a` and `b`"),
    ];
    for (path, headers, says) in cases {
        let answer = send_with(&host, "POST", path, headers, CALL).await;
        refused(&format!("{path} {headers:?}"), &answer, (400, "bad_request", says));
    }
    let path = format!("{ACTION}?community_platform_id=T1");
    let headers = [ACME, ("X-Metagov-Platform-Id", "T2")];
    let answer = send_with(&host, "POST", &path, &headers, CALL).await;
    refused("header and query", &answer, (400, "bad_request", "`T2`"));
    refused("header and query", &answer, (400, "bad_request", "`T1`"));
    // Headers that may be repeated are not checked.
    let several =
        [ACME, ("Accept", "application/json"), ("Accept", "*/*"), ("X-Own", "a"), ("X-Own", "b")];
    send_with(&host, "POST", ACTION, &several, CALL).await.expect(200);

    let key = host.create_key("driver");
    moothall_tests::until("the key is noticed", async || {
        (host.get(COMMUNITY).await.status == 401).then_some(())
    })
    .await;
    let key = format!("Bearer {key}");
    let answer = send_with(
        &host,
        "GET",
        COMMUNITY,
        &[("Authorization", &key), ("Authorization", "Bearer x")],
        "",
    )
    .await;
    refused("two keys", &answer, (400, "bad_request", "`authorization` is given twice"));
    assert!(!answer.text.contains("Bearer"), "no key is repeated: {}", answer.text);
}

#[tokio::test]
async fn a_platform_id_beside_a_config_must_be_the_configs() {
    let host = TestHost::with(&["consent", "probe"]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let config = r#"{"team_id":"T1","token":"t"}"#;
    let enable = async |plugin: &str, platform: &str, config: &str| {
        let headers = [ACME, ("X-Metagov-Platform-Id", platform)];
        send_with(&host, "POST", &format!("/api/internal/plugin/{plugin}"), &headers, config).await
    };
    let answer = enable("consent", "T2", config).await;
    refused(
        "another",
        &answer,
        (400, "bad_request", "`X-Metagov-Platform-Id` says `T2`, and the config says `T1`"),
    );
    let answer = enable("probe", "T2", "{}").await;
    refused("none", &answer, (400, "bad_request", "has no community_platform_id"));
    let community = host.get(&format!("{COMMUNITY}/acme")).await.expect(200);
    assert_eq!(community["plugins"], json!([]), "nothing was enabled");
    enable("consent", "T1", config).await.expect(201);
    let answer = enable("consent", "T2", config).await;
    refused("of one that is there", &answer, (400, "bad_request", "`T1`"));
}

#[tokio::test]
async fn an_http_1_1_request_names_its_host_once() {
    let host = host().await;
    for (head, says) in [
        ("GET /api/internal/community HTTP/1.1\r\n", "no `Host` header"),
        ("GET /healthz HTTP/1.1\r\n", "no `Host` header"),
        (
            "GET /api/hooks/acme/probe HTTP/1.1\r\nHost: localhost\r\nHost: elsewhere\r\n",
            "given twice",
        ),
    ] {
        let answer = raw(&host, &format!("{head}Connection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains(says), "{head}: {answer}");
    }
    let older = raw(&host, "GET /healthz HTTP/1.0\r\n\r\n");
    assert!(older.starts_with("HTTP/1.0 200") || older.starts_with("HTTP/1.1 200"), "{older}");
}

#[tokio::test]
async fn what_would_have_no_effect_in_a_query_is_refused() {
    let host = host().await;
    let events = "/api/internal/events";
    let stream = [("Accept", "text/event-stream")];
    let cases: &[(&str, &str, Headers, Refused)] = &[
        (
            "POST",
            &format!("{ACTION}?allow_http=true"),
            &[ACME],
            (400, "bad_request", "`dry_run=true`"),
        ),
        (
            "POST",
            "/api/action/tutorial.times-two?allow_http=true",
            &[ACME],
            (400, "bad_request", "allow_http"),
        ),
        (
            "GET",
            &format!("{events}?limit=1"),
            &stream,
            (400, "bad_request", "`limit` is of the list"),
        ),
        (
            "GET",
            &format!("{events}?named=true"),
            &[],
            (400, "bad_request", "`named` is of the stream"),
        ),
        ("GET", events, &[("Last-Event-ID", "1")], (400, "bad_request", "`after`")),
        (
            "GET",
            &format!("{events}?limit=99999999999999999999"),
            &[],
            (400, "bad_request", "1 to 9223372036854775807"),
        ),
    ];
    for (method, path, headers, expected) in cases {
        let body = if *method == "POST" { CALL } else { "" };
        let answer = send_with(&host, method, path, headers, body).await;
        refused(&format!("{method} {path} {headers:?}"), &answer, *expected);
    }
    let path = format!("{events}?named=false");
    let list = send_with(&host, "GET", &path, &[("Accept", "text/event-stream;q=0")], "").await;
    assert!(list.expect(200)["events"].is_array(), "what is not wanted is not sent");
    let dry = send(&host, "POST", &format!("{ACTION}?dry_run=true&allow_http=true"), CALL).await;
    assert_eq!(dry.expect(200)["response"], json!({ "result": 10 }));
}

#[tokio::test]
async fn an_id_has_one_form() {
    let host = host().await;
    let community: Value = host.get(&format!("{COMMUNITY}/acme")).await.expect(200);
    let probe =
        community["plugins"].as_array().expect("plugins").iter().find(|one| one["name"] == "probe");
    let id = probe.expect("probe")["id"].as_i64().expect("an id");
    let people = host
        .post("/api/internal/identity/create_id", json!({ "community_slug": "acme" }))
        .await
        .expect(201);
    let person = people[0].as_i64().expect("an id");
    host.post("/api/internal/endpoints", json!({ "url": "https://example.com/" }))
        .await
        .expect(201);
    for form in
        [format!("0{id}"), format!("+{id}"), format!("{id}.0"), "99999999999999999999".to_owned()]
    {
        let path = format!("/api/internal/plugin/probe/{form}");
        refused(
            &path,
            &send(&host, "DELETE", &path, "").await,
            (404, "unknown_instance", "There is no instance"),
        );
    }
    for form in ["01", "+1", "1.0", "-1", "%31%20"] {
        let path = format!("/api/internal/deliveries/{form}");
        refused(
            &path,
            &send(&host, "GET", &path, "").await,
            (404, "not_found", "There is no delivery"),
        );
    }
    for form in [format!("0{person}"), format!("%2B{person}")] {
        let path = format!("/api/internal/identity/get_user?external_id={form}");
        refused(
            &path,
            &send(&host, "GET", &path, "").await,
            (400, "bad_request", "the id of a person"),
        );
    }
    let path = "/api/internal/events?after=00";
    refused(path, &send(&host, "GET", path, "").await, (400, "bad_request", "`next`"));
    let community: Value = host.get(&format!("{COMMUNITY}/acme")).await.expect(200);
    assert_eq!(community["plugins"].as_array().map(Vec::len), Some(2), "nothing was disabled");
    send(&host, "DELETE", &format!("/api/internal/plugin/probe/{id}"), "").await.expect(204);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_its_place() {
    let host = host().await;
    for path in
        ["/api/internal/community/%FF", "/api/internal/plugin/%FF/metadata", "/api/hooks/acme/%FF"]
    {
        let answer = send(&host, "GET", path, "").await;
        refused(path, &answer, (400, "bad_request", "The path is not valid: `%FF` is not UTF-8"));
    }
    let answer = send(&host, "POST", ACTION, "\u{feff}{}").await;
    refused("a mark", &answer, (400, "malformed_json", "a byte order mark"));
    let answer = send(&host, "POST", ACTION, "{'parameters':{}}").await;
    refused("an apostrophe", &answer, (400, "malformed_json", "an apostrophe stands where a key"));
}
