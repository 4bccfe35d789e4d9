//! Queries and bodies with names that no route has, and values of other types.

use super::{COMMUNITY, HOOK, Refused, host, refused, send};

#[tokio::test]
async fn what_a_query_or_a_body_asks_for_in_vain_is_refused_and_the_nearest_known_is_named() {
    let host = host().await;
    let action = "/api/internal/action/tutorial.times-two";
    let cases: &[(&str, &str, &str, Refused)] = &[
        (
            "POST",
            &format!("{action}?dryrun=true"),
            r#"{"parameters":{"value":5}}"#,
            (400, "bad_request", "`dry_run`"),
        ),
        ("POST", &format!("{action}?dry_run=yes"), "", (400, "bad_request", "true or false")),
        ("POST", &format!("{action}?dry_run"), "", (400, "bad_request", "dry_run")),
        (
            "POST",
            &format!("{action}?dry_run=true&dry_run=false"),
            "",
            (400, "bad_request", "twice"),
        ),
        (
            "POST",
            &format!("{COMMUNITY}?dry_run=true"),
            "{}",
            (400, "bad_request", "Nothing was done"),
        ),
        (
            "POST",
            "/api/action/tutorial.times-two?dry_run=true",
            "{}",
            (400, "bad_request", "/api/internal/action"),
        ),
        ("GET", "/api/internal/process?stat=pending", "", (400, "bad_request", "`status`")),
        (
            "GET",
            "/api/internal/process?status=open",
            "",
            (400, "bad_request", "created, pending, completed"),
        ),
        ("GET", "/api/internal/events?limit=many", "", (400, "bad_request", "whole number")),
        (
            "GET",
            "/api/internal/events?limit=0",
            "",
            (400, "bad_request", "whole number of 1 to 9223372036854775807"),
        ),
        ("GET", "/api/internal/events?after=-1", "", (400, "bad_request", "`next`")),
        ("GET", "/api/internal/events?typ=x", "", (400, "bad_request", "`type`")),
        ("GET", "/api/internal/deliveries?state=lost", "", (400, "bad_request", "waiting")),
        (
            "GET",
            "/api/internal/identity/get_users?comunity=acme",
            "",
            (400, "bad_request", "`community`"),
        ),
        (
            "GET",
            "/api/internal/identity/get_user?external_id=x",
            "",
            (400, "bad_request", "external_id"),
        ),
        ("GET", "/api/internal/plugins?name=tutorial", "", (400, "bad_request", "no query")),
        ("POST", action, r#"{"value":5}"#, (400, "bad_request", r#"{"parameters": {"value": …}}"#)),
        (
            "POST",
            action,
            r#"{"parameter":{"value":5},"parameters":{"value":5}}"#,
            (400, "bad_request", "`parameters`"),
        ),
        ("POST", action, r#"{"parameters":null}"#, (400, "invalid_parameters", "parameters")),
        ("POST", action, r#"{"parameters":[5]}"#, (400, "invalid_parameters", "parameters")),
        ("POST", action, "[]", (400, "bad_request", "object")),
        (
            "PUT",
            &format!("{COMMUNITY}/acme"),
            r#"{"plugin":[]}"#,
            (400, "bad_request", "`plugins`"),
        ),
        (
            "PUT",
            &format!("{COMMUNITY}/acme"),
            r#"{"name":null}"#,
            (400, "bad_request", "/name: null"),
        ),
        (
            "PUT",
            &format!("{COMMUNITY}/acme"),
            r#"{"plugins":{}}"#,
            (400, "bad_request", "/plugins"),
        ),
        (
            "PUT",
            &format!("{COMMUNITY}/acme"),
            r#"{"plugins":[{"nam":"probe"}]}"#,
            (400, "bad_request", "/plugins/0/nam"),
        ),
        (
            "PUT",
            &format!("{COMMUNITY}/acme"),
            r#"{"plugins":[{"config":{}}]}"#,
            (400, "bad_request", "\"name\""),
        ),
        (
            "POST",
            "/api/internal/events",
            r#"{"comunity":"acme","event_type":"a"}"#,
            (400, "bad_request", "`community`"),
        ),
        (
            "POST",
            "/api/internal/events",
            r#"{"community":"acme","type":"a"}"#,
            (400, "bad_request", "`event_type`"),
        ),
        ("POST", action, r#"{"Parameters":{"value":5}}"#, (400, "bad_request", "`parameters`")),
        ("POST", "/api/internal/events", "", (400, "bad_request", "\"community\"")),
        (
            "POST",
            "/api/internal/endpoints",
            r#"{"urll":"https://example.com/"}"#,
            (400, "bad_request", "`url`"),
        ),
        (
            "PUT",
            "/api/internal/endpoints/driver",
            r#"{"secret":"whsec_x"}"#,
            (400, "bad_request", "/secret"),
        ),
        (
            "PUT",
            "/api/internal/endpoints/driver",
            r#"{"enabled":"false"}"#,
            (400, "bad_request", "/enabled"),
        ),
        (
            "POST",
            "/api/internal/endpoints/driver/recover",
            r#"{"since":5}"#,
            (400, "bad_request", "/since"),
        ),
        (
            "POST",
            &format!("/api/internal/hooks/{HOOK}/steps"),
            r#"{"traget":"https://example.com/"}"#,
            (400, "bad_request", "`target`"),
        ),
        (
            "PUT",
            &format!("/api/internal/hooks/{HOOK}"),
            r#"{"mutabel":[]}"#,
            (400, "bad_request", "`mutable`"),
        ),
        (
            "POST",
            &format!("/api/internal/hooks/{HOOK}/run"),
            r#"{"date":{}}"#,
            (400, "bad_request", "`data`"),
        ),
        (
            "POST",
            "/api/internal/identity/create_id",
            r#"{"community":"acme"}"#,
            (400, "bad_request", "`community_slug`"),
        ),
        (
            "POST",
            "/api/internal/identity/create_id",
            r#"{"community_slug":"acme","count":0}"#,
            (400, "bad_request", "/count"),
        ),
        (
            "POST",
            "/api/internal/workers/webhooks/retry",
            r#"{"ids":[1]}"#,
            (400, "bad_request", "`id`"),
        ),
        (
            "POST",
            "/api/internal/changes",
            r#"{"ressource":"story"}"#,
            (400, "bad_request", "`resource`"),
        ),
    ];
    for (method, path, body, expected) in cases {
        let answer = send(&host, method, path, body).await;
        refused(&format!("{method} {path} {body}"), &answer, *expected);
    }
    let all = host.get(COMMUNITY).await.expect(200);
    assert_eq!(all["communities"].as_array().map(Vec::len), Some(1), "nothing was made");
    assert_eq!(
        all["communities"][0]["plugins"].as_array().map(Vec::len),
        Some(2),
        "nothing was disabled"
    );
}
