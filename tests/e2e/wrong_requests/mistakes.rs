//! The usual mistakes, and communities that do not exist.

use moothall_tests::answer;
use reqwest::Method;

use super::{COMMUNITY, HOOK, Refused, host, refused, send};

#[tokio::test]
async fn what_is_wrong_with_a_url_is_said_in_its_writers_words() {
    let host = host().await;
    let (port, begin) = ("its port is no number up to 65535", "begin with `http://`");
    for (path, body, says) in [
        ("/api/internal/oauth/tutorial/start", r#"{"redirect_uri":"/done"}"#, begin),
        ("/api/internal/oauth/tutorial/start", r#"{"redirect_uri":"http://a:99999/"}"#, port),
        ("/api/internal/endpoints", r#"{"url":"http://127.0.0.1:99999/"}"#, port),
        ("/api/internal/endpoints", r#"{"url":"driver.example/events"}"#, begin),
        ("/api/internal/endpoints", r#"{"url":"http://[::g]/"}"#, "no IPv6 address"),
        ("/api/internal/endpoints", r#"{"url":"http://a b/"}"#, "characters that no name has"),
    ] {
        let answer = send(&host, "POST", path, body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains(says), "{body}: {detail}");
        for rust in ["without a base", "invalid port number", "invalid IPv6"] {
            assert!(!answer.text.contains(rust), "{body}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn the_usual_mistakes_are_named() {
    let host = host().await;
    let cases: &[(&str, &str, &str, Refused)] = &[
        (
            "POST",
            "/api/internal/action/tutorial.times-two",
            r#"{"parameters":{"value":"five"}}"#,
            (400, "invalid_parameters", "parameters/value: \"five\" is not of type \"number\""),
        ),
        (
            "POST",
            "/api/internal/action/tutorial.times-two",
            r#"{"parameters":{}}"#,
            (400, "invalid_parameters", "\"value\" is a required"),
        ),
        (
            "POST",
            "/api/internal/action/tutorial/times-two",
            "{}",
            (404, "not_found", "/api/internal/action/tutorial.times-two"),
        ),
        (
            "POST",
            "/api/internal/process/tutorial/my-gov-process",
            "{}",
            (405, "method_not_allowed", "/api/internal/process/tutorial.my-gov-process"),
        ),
        (
            "GET",
            "/api/internal/community/",
            "",
            (404, "not_found", "did you mean /api/internal/community?"),
        ),
        (
            "GET",
            "/api/internal/community/acme/hooks/",
            "",
            (404, "not_found", "/api/internal/community/acme/hooks?"),
        ),
        (
            "POST",
            "/api/internal/action/tutorial.times-tow",
            "{}",
            (404, "unknown_action", "`times-two`"),
        ),
        (
            "POST",
            "/api/internal/action/tutorial.nothing",
            "{}",
            (404, "unknown_action", "There are: "),
        ),
        (
            "POST",
            "/api/internal/process/tutorial.my-gov-proces",
            "{}",
            (404, "unknown_process", "`my-gov-process`"),
        ),
        (
            "POST",
            "/api/internal/process/tutorial.my-gov-process",
            r#"{"parameters":{"title":"Lunch?"}}"#,
            (400, "invalid_parameters", "the body itself"),
        ),
        (
            "POST",
            "/api/internal/plugin/tutorial",
            r#"{"config":{"api_key":"k"}}"#,
            (400, "invalid_config", "the body itself"),
        ),
        (
            "POST",
            "/api/internal/plugin/tutorial",
            r#"{"api_key":5}"#,
            (400, "invalid_config", "config/api_key"),
        ),
        ("POST", "/api/internal/plugin/nothing", "{}", (404, "unknown_plugin", "No such plugin")),
        (
            "POST",
            "/api/internal/action/nothing.at-all",
            "{}",
            (404, "unknown_plugin", "No such plugin"),
        ),
        (
            "PUT",
            "/api/internal/community/acme",
            r#"{"plugins":[{"name":"nothing"}]}"#,
            (400, "unknown_plugin", "No such plugin registered: nothing"),
        ),
        (
            "POST",
            "/api/internal/community",
            r#"{"plugins":[{"name":"nothing"}]}"#,
            (400, "unknown_plugin", "No such plugin registered: nothing"),
        ),
        (
            "PUT",
            "/api/internal/community/acme",
            r#"{"plugins":[{"name":"tutorial","config":{"api_key":5}}]}"#,
            (400, "invalid_config", "config/api_key"),
        ),
        (
            "POST",
            "/api/internal/action/tutorial.times-two",
            "{\"parameters\":",
            (400, "malformed_json", "not JSON"),
        ),
    ];
    for (method, path, body, expected) in cases {
        let answer = send(&host, method, path, body).await;
        refused(&format!("{method} {path} {body}"), &answer, *expected);
    }
}

#[tokio::test]
async fn an_unknown_community_is_one_code_wherever_it_is_named() {
    let host = host().await;
    let named: &[(&str, &str, &str)] = &[
        ("GET", "/api/internal/events?community=nowhere", ""),
        ("GET", "/api/internal/deliveries?community=nowhere", ""),
        ("GET", "/api/internal/process?community=nowhere", ""),
        ("GET", "/api/internal/workers?community=nowhere", ""),
        ("GET", "/api/internal/schedules?community=nowhere", ""),
        ("GET", "/api/internal/identity/get_users?community=nowhere", ""),
        (
            "GET",
            "/api/internal/identity/filter_users_by_account?community=nowhere&external_id_list=1",
            "",
        ),
        ("POST", "/api/internal/events", r#"{"community":"nowhere","event_type":"a","data":1}"#),
        ("POST", "/api/internal/changes", r#"{"community":"nowhere","resource":"story"}"#),
        (
            "POST",
            "/api/internal/endpoints",
            r#"{"url":"https://example.com/","community":"nowhere"}"#,
        ),
        ("PUT", "/api/internal/endpoints/driver", r#"{"community":"nowhere"}"#),
        (
            "POST",
            &format!("/api/internal/hooks/{HOOK}/steps"),
            r#"{"target":"https://example.com/","community":"nowhere"}"#,
        ),
        (
            "POST",
            &format!("/api/internal/hooks/{HOOK}/run"),
            r#"{"data":{},"community":"nowhere"}"#,
        ),
        ("POST", "/api/internal/workers/probe/any/retry", r#"{"community":"nowhere"}"#),
        ("POST", "/api/internal/identity/create_id", r#"{"community_slug":"nowhere"}"#),
    ];
    for (method, path, body) in named {
        let answer = send(&host, method, path, body).await;
        refused(
            &format!("{method} {path}"),
            &answer,
            (400, "unknown_community", "Community 'nowhere' not found"),
        );
    }
}

#[tokio::test]
async fn an_unknown_community_in_a_header_is_400_and_in_a_path_404() {
    let host = host().await;
    for path in [
        "/api/internal/action/probe.get",
        "/api/internal/process/tutorial.my-gov-process",
        "/api/internal/plugin/probe",
    ] {
        let request = host.request(Method::POST, path).header("X-Metagov-Community", "nowhere");
        refused(
            path,
            &answer(request).await,
            (400, "unknown_community", "Community 'nowhere' not found"),
        );
    }
    // If the path itself names it, the answer is 404.
    for (method, path) in [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/hooks"),
        ("GET", "/actions"),
        ("GET", "/processes"),
        ("GET", "/events"),
    ] {
        let path = format!("{COMMUNITY}/nowhere{path}");
        let answer = send(&host, method, &path, "").await;
        refused(
            &format!("{method} {path}"),
            &answer,
            (404, "unknown_community", "Community 'nowhere' not found"),
        );
    }
}
