//! Things that do not exist are 404 where the path names them, and 400 where a query, a header or a
//! body does, with one code each.

use moothall_tests::{TestHost, until};

use super::{HOOK, host, refused, send};

#[tokio::test]
async fn an_unknown_plugin_is_one_code_wherever_it_is_named() {
    let host = host().await;
    let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for (method, path) in [
        ("POST", "/api/internal/action/nope.x".to_owned()),
        ("POST", "/api/internal/process/nope.x".to_owned()),
        ("GET", format!("/api/internal/process/nope.x/{id}")),
        ("DELETE", format!("/api/internal/process/nope.x/{id}")),
        ("POST", "/api/internal/plugin/nope".to_owned()),
        ("DELETE", "/api/internal/plugin/nope/3".to_owned()),
        ("GET", "/api/internal/plugin/nope/metadata".to_owned()),
        ("POST", "/api/internal/workers/nope/x/retry".to_owned()),
    ] {
        let answer = send(&host, method, &path, "").await;
        let what = format!("{method} {path}");
        refused(&what, &answer, (404, "unknown_plugin", "No such plugin: nope"));
    }
    let started = r#"{"redirect_uri":"http://localhost:3000/"}"#;
    let answer = send(&host, "POST", "/api/internal/oauth/nope/start", started).await;
    refused("oauth", &answer, (404, "unknown_plugin", "No such plugin: nope"));

    let steps = format!("/api/internal/hooks/{HOOK}/steps");
    for (method, path, body) in [
        ("GET", "/api/internal/process?plugin=nope", ""),
        ("GET", "/api/internal/workers?plugin=nope", ""),
        ("GET", "/api/internal/schedules?plugin=nope", ""),
        ("PUT", "/api/internal/community/acme", r#"{"plugins":[{"name":"nope"}]}"#),
        ("POST", steps.as_str(), r#"{"kind":"plugin","target":"nope"}"#),
    ] {
        let answer = send(&host, method, path, body).await;
        let what = format!("{method} {path} {body}");
        refused(&what, &answer, (400, "unknown_plugin", "No such plugin registered: nope"));
    }
    for path in ["process", "workers", "schedules"] {
        let answer = send(&host, "GET", &format!("/api/internal/{path}?plugin=probe"), "").await;
        answer.expect(200);
    }
}

#[tokio::test]
async fn what_else_is_not_there_is_told_where_it_is_named() {
    let host = host().await;
    let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for (method, path, body, expected) in [
        (
            "GET",
            "/api/internal/deliveries?endpoint=nope".to_owned(),
            "",
            (400, "unknown_endpoint", "no endpoint 'nope'"),
        ),
        (
            "GET",
            format!("/api/internal/process/probe.nope/{id}"),
            "",
            (404, "unknown_process", "There are: no-close, vote"),
        ),
        ("GET", format!("/api/internal/process/probe.vote/{id}"), "", (404, "not_found", id)),
        (
            "DELETE",
            "/api/internal/plugin/probe/-1".to_owned(),
            "",
            (404, "unknown_instance", "no instance -1 of plugin 'probe'"),
        ),
        (
            "DELETE",
            "/api/internal/plugin/probe/abc".to_owned(),
            "",
            (404, "unknown_instance", "no instance abc of plugin 'probe'"),
        ),
        (
            "POST",
            "/api/internal/workers/probe/nope/retry".to_owned(),
            "",
            (404, "not_found", "no worker 'nope'"),
        ),
        (
            "POST",
            "/api/internal/workers/webhooks/retry".to_owned(),
            r#"{"id":7}"#,
            (400, "unknown_dead_letter", "dead letter"),
        ),
        (
            "POST",
            "/api/internal/identity/merge_ids".to_owned(),
            r#"{"primary_instance_id":1,"secondary_instance_id":2}"#,
            (400, "unknown_person", "no person 1"),
        ),
    ] {
        let answer = send(&host, method, &path, body).await;
        refused(&format!("{method} {path} {body}"), &answer, expected);
    }
}

#[tokio::test]
async fn a_plugin_whose_file_was_removed_is_unavailable_wherever_the_path_names_it() {
    let host = TestHost::with(&["consent"]).start().await;
    let config = serde_json::json!({ "token": "t" });
    host.community("acme", "consent", config).await;
    std::fs::remove_file(host.plugin_file("consent.wasm")).expect("the file is there");
    let away = async |method: &str, path: &str, body: &str| {
        until("it is unavailable", async || {
            let answer = send(&host, method, path, body).await;
            (answer.status == 503).then_some(answer)
        })
        .await
    };
    let started = r#"{"redirect_uri":"http://localhost:3000/"}"#;
    for (method, path, body) in [
        ("GET", "/api/internal/plugin/consent/metadata", ""),
        ("POST", "/api/internal/action/consent.user", ""),
        ("POST", "/api/internal/oauth/consent/start", started),
    ] {
        away(method, path, body).await.problem(503, "plugin_unavailable");
    }
    let of_people = "/auth/consent/authorize?redirect_uri=http://localhost:3000/";
    away("GET", of_people, "").await.page(503, "plugin_unavailable");
    // The plugin is known, and so are the instances.
    for path in ["process", "workers", "schedules"] {
        let answer = send(&host, "GET", &format!("/api/internal/{path}?plugin=consent"), "").await;
        answer.expect(200);
    }
}
