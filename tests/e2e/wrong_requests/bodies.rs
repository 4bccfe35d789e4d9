//! Bodies where a route has none, numbers and times in other spellings, names that are near.

use moothall_tests::{TestHost, answer};
use reqwest::Method;
use serde_json::{Value, json};

use super::{COMMUNITY, HOOK, Refused, host, refused, send, send_with};

const PROCESS: &str = "/api/internal/process/tutorial.my-gov-process";
const ENDPOINTS: &str = "/api/internal/endpoints";

/// The path of a new endpoint.
async fn endpoint(host: &TestHost) -> String {
    let made = host.post(ENDPOINTS, json!({ "url": "https://example.com/" })).await.expect(201);
    format!("{ENDPOINTS}/{}", made["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_body_where_none_is_read_is_refused_and_nothing_is_done() {
    let host = host().await;
    let endpoint = endpoint(&host).await;
    host.post(&format!("{endpoint}/ping"), json!({})).await.expect(202);
    let before: Value = host.get(&endpoint).await.expect(200);
    let (rotate, ping) = (format!("{endpoint}/rotate-secret"), format!("{endpoint}/ping"));
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(100_000));
    let cases: &[(&str, &str, &str)] = &[
        ("POST", &rotate, r#"{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#),
        ("POST", &rotate, "not json"),
        ("POST", &rotate, &large),
        ("POST", &ping, r#"{"x":1}"#),
        ("POST", "/api/internal/deliveries/1/resend", r#"{"force":true}"#),
        ("DELETE", &endpoint, r#"{"dry_run":true}"#),
        ("DELETE", &format!("{COMMUNITY}/acme"), r#"{"plugins":[]}"#),
        ("DELETE", &format!("/api/internal/hooks/{HOOK}"), "[]"),
        ("DELETE", "/api/internal/plugin/probe/1", r#"{"keep":1}"#),
        ("GET", "/api/internal/events", r#"{"limit":1}"#),
    ];
    for (method, path, body) in cases {
        let answer = send(&host, method, path, body).await;
        let what = format!("{method} {path} {}", body.get(..20).unwrap_or(body));
        refused(&what, &answer, (400, "bad_request", "has no body"));
        assert!(answer.text.contains("Nothing was done"), "{}", answer.text);
    }
    let after: Value = host.get(&endpoint).await.expect(200);
    assert_eq!(after["old_secret_until"], Value::Null, "no secret was made");
    assert_eq!(after["created_at"], before["created_at"]);
    host.get(&format!("/api/internal/hooks/{HOOK}")).await.expect(200);
    let community = host.get(&format!("{COMMUNITY}/acme")).await.expect(200);
    assert_eq!(community["plugins"].as_array().map(Vec::len), Some(2), "nothing was disabled");
    let pings = host.get("/api/internal/events").await.expect(200);
    assert!(pings["events"].as_array().is_some_and(Vec::is_empty), "a ping is for its endpoint");

    for (method, path, body) in [
        ("POST", &ping, ""),
        ("POST", &ping, "{}"),
        ("POST", &rotate, " { }\n"),
        ("DELETE", &endpoint, "{}"),
    ] {
        let answer = send(&host, method, path, body).await;
        assert!((200..300).contains(&answer.status), "{method} {path} {body}: {}", answer.text);
    }
}

#[tokio::test]
async fn an_integer_has_many_spellings_wherever_the_host_reads_one() {
    let host = host().await;
    let endpoint = endpoint(&host).await;
    let people = r#"{"community_slug":"acme","count":2.0}"#;
    let people = send(&host, "POST", "/api/internal/identity/create_id", people).await.expect(201);
    let (one, other) = (&people[0], &people[1]);
    let account = format!(
        r#"{{"community_slug":"acme","external_id":{one}.0,"platform_type":"probe","platform_identifier":"a","custom_data":{{"n":1.0}}}}"#
    );
    let merge = format!(r#"{{"primary_instance_id":{one}.0,"secondary_instance_id":{other}e0}}"#);
    let steps = format!("/api/internal/hooks/{HOOK}/steps");
    let step = r#"{"target":"https://example.com/","order":1e1,"timeout_ms":2500.0}"#;
    let cases: &[(&str, &str, &str, (&str, Value))] = &[
        ("PUT", &endpoint, r#"{"timeout_ms":15000.0}"#, ("/timeout_ms", json!(15_000))),
        ("PUT", &endpoint, r#"{"timeout_ms":1.6e4}"#, ("/timeout_ms", json!(16_000))),
        (
            "PUT",
            &format!("/api/internal/hooks/{HOOK}"),
            r#"{"budget_ms":1e3}"#,
            ("/budget_ms", json!(1_000)),
        ),
        ("POST", &steps, step, ("/order", json!(10))),
        ("POST", "/api/internal/identity/link_account", &account, ("/external_id", one.clone())),
        ("POST", "/api/internal/identity/merge_ids", &merge, ("/primary_ID", one.clone())),
    ];
    for (method, path, body, (place, expected)) in cases {
        let answer = send(&host, method, path, body).await;
        assert!((200..300).contains(&answer.status), "{method} {path} {body}: {}", answer.text);
        assert_eq!(answer.json().pointer(place), Some(expected), "{body}: {}", answer.text);
    }
    let linked =
        format!("/api/internal/identity/get_linked_account?external_id={one}&platform_type=probe");
    let linked = host.get(&linked).await;
    assert!(
        linked.text.contains(r#"{"n":1.0}"#),
        "what is carried stays as it is: {}",
        linked.text
    );
    let change = r#"{"resource":"story","status":200.0,"resource_after":{"n":1.0}}"#;
    send(&host, "POST", "/api/internal/changes", change).await.expect(202);
    let none = send(&host, "POST", "/api/internal/workers/webhooks/skip", r#"{"id":1.0}"#).await;
    refused("no such dead letter", &none, (400, "unknown_dead_letter", "dead letter"));
}

#[tokio::test]
async fn a_number_that_is_no_integer_in_range_is_told_its_place_and_the_range() {
    let host = host().await;
    let steps = format!("/api/internal/hooks/{HOOK}/steps");
    let cases: &[(&str, &str, &str, &str, &str)] = &[
        (
            "POST",
            ENDPOINTS,
            r#"{"url":"https://example.com/","timeout_ms":1e9}"#,
            "/timeout_ms",
            "100 to 60000",
        ),
        (
            "POST",
            ENDPOINTS,
            r#"{"url":"https://example.com/","timeout_ms":99999999999999999999}"#,
            "/timeout_ms",
            "100 to 60000",
        ),
        (
            "POST",
            ENDPOINTS,
            r#"{"url":"https://example.com/","timeout_ms":"5000"}"#,
            "/timeout_ms",
            "100 to 60000",
        ),
        (
            "POST",
            "/api/internal/identity/create_id",
            r#"{"community_slug":"acme","count":1.5}"#,
            "/count",
            "1 to 1000",
        ),
        (
            "POST",
            "/api/internal/identity/create_id",
            r#"{"community_slug":"acme","count":1001}"#,
            "/count",
            "1 to 1000",
        ),
        (
            "POST",
            "/api/internal/workers/webhooks/skip",
            r#"{"id":99999999999999999999}"#,
            "/id",
            "1 to 9223372036854775807",
        ),
        (
            "POST",
            "/api/internal/workers/probe/any/skip",
            r#"{"id":0.5}"#,
            "/id",
            "1 to 9223372036854775807",
        ),
        (
            "POST",
            "/api/internal/changes",
            r#"{"resource":"story","status":70000}"#,
            "/status",
            "0 to 65535",
        ),
        (
            "PUT",
            &format!("/api/internal/hooks/{HOOK}"),
            r#"{"budget_ms":60001}"#,
            "/budget_ms",
            "1 to 60000",
        ),
        (
            "POST",
            &steps,
            r#"{"target":"https://example.com/","order":9223372036854775808}"#,
            "/order",
            "to 9223372036854775807",
        ),
        (
            "POST",
            &steps,
            r#"{"target":"https://example.com/","timeout_ms":0}"#,
            "/timeout_ms",
            "1 to 60000",
        ),
        (
            "POST",
            "/api/internal/identity/link_account",
            r#"{"community_slug":"acme","external_id":1.5,"platform_type":"probe","platform_identifier":"a"}"#,
            "/external_id",
            "the id of a person, a whole number of 1 to 9007199254740991",
        ),
        (
            "POST",
            "/api/internal/oauth/tutorial/start",
            r#"{"metagov_id":1e30}"#,
            "/metagov_id",
            "the id of a person",
        ),
    ];
    for (method, path, body, place, range) in cases {
        let answer = send(&host, method, path, body).await;
        refused(&format!("{method} {path} {body}"), &answer, (400, "bad_request", place));
        let detail = answer.problem(400, "bad_request");
        assert!(detail.contains(range), "{body}: {detail}");
        assert_eq!(answer.error_paths(), [*place], "{body}");
    }
    let answer = send(&host, "POST", PROCESS, "[]").await;
    refused("a list", &answer, (400, "invalid_parameters", "they are an object"));
}

#[tokio::test]
async fn a_misspelt_callback_url_is_refused_also_where_a_plugins_schema_is_open() {
    let host = TestHost::with(&["raw", "tutorial"]).start().await;
    let plugins = json!([{ "name": "tutorial", "config": { "api_key": "k" } }, { "name": "raw" }]);
    host.put_community("acme", plugins).await.expect(201);
    for process in ["raw.hand-over", "tutorial.my-gov-process"] {
        for member in [
            "callbackUrl",
            "callback_uri",
            "callback",
            "Callback_URL",
            "calback_url",
            "callback-url",
        ] {
            let path = format!("/api/internal/process/{process}");
            let body = json!({ "title": "Lunch?", member: "https://example.com/" }).to_string();
            let answer = send(&host, "POST", &path, &body).await;
            let says = "did you mean `callback_url`?";
            refused(&format!("{process} {member}"), &answer, (400, "invalid_parameters", says));
            assert_eq!(answer.error_paths(), [format!("/{member}")]);
        }
    }
    let other = json!({ "to": "outcome", "text": "1", "callback_id": "7" }).to_string();
    send(&host, "POST", "/api/internal/process/raw.hand-over", &other).await.expect(202);
}

#[tokio::test]
async fn a_time_is_what_rfc_3339_says_and_an_example_is_given() {
    let host = host().await;
    let recover = format!("{}/recover", endpoint(&host).await);
    for good in ["2021-06-20T12:00:00Z", "2021-06-20t12:00:00.5+02:00"] {
        let body = json!({ "since": good }).to_string();
        send(&host, "POST", &recover, &body).await.expect(202);
    }
    for wrong in [
        "2021-06-20T12:00:00+25:00",
        "2021-06-20T12:00Z",
        "2021-06-20T12:00:00+0100",
        "2021-06-20 12:00:00Z",
        "2021-06-20",
        "yesterday",
    ] {
        let body = json!({ "since": wrong }).to_string();
        let answer = send(&host, "POST", &recover, &body).await;
        refused(wrong, &answer, (400, "bad_request", "/since"));
        refused(wrong, &answer, (400, "bad_request", "2026-01-31T12:00:00Z"));
        let body = json!({ "title": "Lunch?", "closing_at": wrong }).to_string();
        let answer = send(&host, "POST", PROCESS, &body).await;
        refused(wrong, &answer, (400, "invalid_parameters", "2026-01-31T12:00:00Z"));
        assert_eq!(answer.error_paths(), ["/closing_at"], "{wrong}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_where_the_host_would_read_it() {
    let host = host().await;
    let action = "/api/internal/action/tutorial.times-two";
    let call = r#"{"parameters":{"value":5}}"#;
    let cases = [
        ("POST", action, "gzip", call),
        ("POST", "/api/action/tutorial.times-two", "br", call),
        ("POST", COMMUNITY, "gzip", "{}"),
        ("PUT", "/api/internal/community/acme", "deflate, gzip", "{}"),
        ("POST", "/api/internal/plugin/probe", "gzip", "{}"),
    ];
    for (method, path, coding, body) in cases {
        let headers = [("X-Metagov-Community", "acme"), ("Content-Encoding", coding)];
        let answer = send_with(&host, method, path, &headers, body).await;
        refused(path, &answer, (415, "unknown_encoding", "send it plain"));
        assert!(answer.text.contains(&format!("`Content-Encoding: {coding}`")), "{}", answer.text);
    }
    let plain = [("X-Metagov-Community", "acme"), ("Content-Encoding", "identity")];
    send_with(&host, "POST", action, &plain, call).await.expect(200);
    // Without a body there is nothing to decode.
    let request = host.request(Method::GET, COMMUNITY).header("Content-Encoding", "gzip");
    answer(request).await.expect(200);
}

#[tokio::test]
async fn what_is_far_from_every_name_suggests_none_and_what_is_near_does() {
    let host = host().await;
    let endpoint = endpoint(&host).await;
    let cases: &[(&str, &str, &str, Refused, bool)] = &[
        (
            "PUT",
            &endpoint,
            r#"{"secret":"whsec_x"}"#,
            (400, "bad_request", "/rotate-secret"),
            false,
        ),
        ("PUT", &endpoint, r#"{"name":"x"}"#, (400, "bad_request", "/name"), false),
        ("PUT", &endpoint, r#"{"endpoint":"x"}"#, (400, "bad_request", "/endpoint"), false),
        (
            "PUT",
            &format!("{COMMUNITY}/acme"),
            r#"{"plugins":[{"plugin":"tutorial"}]}"#,
            (
                400,
                "bad_request",
                "/plugins/0/plugin: no member of that name is known here; did you mean `name`",
            ),
            true,
        ),
        (
            "POST",
            "/api/internal/plugin/tutorail",
            "{}",
            (404, "unknown_plugin", "`tutorial`"),
            true,
        ),
        (
            "POST",
            "/api/internal/plugin/Tutorial",
            "{}",
            (404, "unknown_plugin", "`tutorial`"),
            true,
        ),
        (
            "GET",
            "/api/internal/plugin/tutorail/metadata",
            "",
            (404, "unknown_plugin", "`tutorial`"),
            true,
        ),
        (
            "POST",
            "/api/internal/action/tutorail.times-two",
            "{}",
            (404, "unknown_plugin", "`tutorial`"),
            true,
        ),
        (
            "POST",
            "/api/internal/action/elsewhere.times-two",
            "{}",
            (404, "unknown_plugin", "elsewhere"),
            false,
        ),
        ("GET", "/api/internal/events?pretty=1", "", (400, "bad_request", "`pretty`"), false),
        (
            "GET",
            "/api/internal/community/?limit=1",
            "",
            (404, "not_found", "did you mean /api/internal/community?"),
            true,
        ),
        ("PUT", &format!("{PROCESS}/x"), "{}", (405, "method_not_allowed", "see `Allow`"), false),
    ];
    for (method, path, body, expected, has_suggestion) in cases {
        let answer = send(&host, method, path, body).await;
        let what = format!("{method} {path} {body}");
        refused(&what, &answer, *expected);
        assert_eq!(
            answer.text.contains("did you mean"),
            *has_suggestion,
            "{what}: {}",
            answer.text
        );
    }
    // On public routes nobody learns the names of plugins.
    let public = send(&host, "POST", "/api/action/tutorail.times-two", "{}").await;
    refused("public", &public, (404, "not_found", "no such public action"));
    let public = send(&host, "GET", "/auth/tutorail/callback?state=x", "").await;
    assert!(!public.text.contains("did you mean"), "{}", public.text);
}
