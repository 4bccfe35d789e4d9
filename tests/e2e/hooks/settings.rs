//! Settings of hooks and steps that can never work are refused when they are set. What was read can
//! be PUT.

use serde_json::json;

use super::{LOGIN, add, host};

const ACTION: &str = "org.moothall.action.requested.v1";
const FILTER: &str = "http://127.0.0.1:9/";

fn of(hook: &str) -> String {
    format!("/api/internal/hooks/{hook}/steps")
}

#[tokio::test]
async fn a_redirect_that_can_never_happen_is_refused_when_it_is_set() {
    let host = host().await;
    for on in ["4xx", "5xx", "request_exception"] {
        let (halt, redirect) = (format!("halt_on_{on}"), format!("redirect_on_{on}"));
        for page in ["foo bar", "http://evil.example/", "/relative"] {
            let step = json!({ "target": FILTER, &halt: true, &redirect: page });
            let detail = host.post(&of(ACTION), step).await.problem(400, "bad_request");
            assert!(detail.contains(&format!("`{redirect}` leads nowhere")), "{detail}");
        }
        for hook in [ACTION, LOGIN] {
            let step = json!({ "target": FILTER, &redirect: "http://localhost:3000/" });
            let detail = host.post(&of(hook), step).await.problem(400, "bad_request");
            assert!(detail.contains(&format!("without `{halt}`")), "{detail}");
        }
        let right = json!({ "target": FILTER, &halt: true, &redirect: "http://localhost:3000/" });
        let step = host.post(&of(ACTION), right).await.expect(201);
        let path = format!("{}/{}", of(ACTION), step["id"].as_str().expect("an id"));
        // A step that is switched off keeps its page; otherwise it would redirect to nothing.
        host.put(&path, json!({ &halt: false })).await.expect(200);
        let other = json!({ &redirect: "http://localhost:3000/other" });
        host.put(&path, other).await.problem(400, "bad_request");
        host.put(&path, json!({ &halt: true })).await.expect(200);
    }
    // A driver decides itself what to do about a halt of its own hook.
    add(&host, FILTER, json!({ "halt_on_4xx": true, "redirect_on_4xx": "/sorry" })).await;
}

#[tokio::test]
async fn what_is_about_http_is_refused_for_the_step_of_a_plugin() {
    let host = host().await;
    for setting in ["halt_on_4xx", "halt_on_request_exception", "use_www_form_encoding"] {
        let step = json!({ "kind": "plugin", "target": "backstage", setting: true });
        let detail = host.post(&of(ACTION), step).await.problem(400, "bad_request");
        assert!(detail.contains(setting) || detail.contains("`halt_on_…`"), "{detail}");
    }
}

#[tokio::test]
async fn a_hook_keeps_an_exception_while_a_step_halts_with_it() {
    let host = host().await;
    let hook = format!("/api/internal/hooks/{LOGIN}");
    let step = add(&host, FILTER, json!({ "halt_on_4xx": true })).await;
    let bare = json!({ "exceptions": [], "halt_exception": null });
    let detail = host.put(&hook, bare.clone()).await.problem(422, "unusable_setting");
    assert!(detail.contains(step["id"].as_str().expect("an id")), "{detail}");
    let path = format!("{}/{}", of(LOGIN), step["id"].as_str().expect("an id"));
    host.put(&path, json!({ "halt_on_4xx": false })).await.expect(200);
    host.put(&hook, bare).await.expect(200);
    host.put(&path, json!({ "halt_on_4xx": true })).await.problem(422, "unusable_setting");
}

#[tokio::test]
async fn what_is_no_declaration_of_a_hook_is_refused_with_its_place() {
    let host = host().await;
    let hook = format!("/api/internal/hooks/{LOGIN}");
    for (body, place) in [
        (json!({ "input_schema": { "type": "array" } }), "/input_schema"),
        (json!({ "input_schema": false }), "/input_schema"),
        (json!({ "mutable": ["/x~2"] }), "/mutable/0"),
        (json!({ "sensitive": ["/a", "b"] }), "/sensitive/1"),
        (json!({ "exceptions": ["a b"] }), "/exceptions/0"),
        (json!({ "exceptions": [""] }), "/exceptions/0"),
        (json!({ "exceptions": ["A", "A"] }), "/exceptions"),
        (json!({ "alias": "" }), "/alias"),
        (json!({ "budget_ms": 60_001 }), "/budget_ms"),
    ] {
        let refused = host.put(&hook, body.clone()).await;
        let detail = refused.problem(400, "bad_request");
        assert!(refused.error_paths().contains(&place.to_owned()), "{body}: {}", refused.text);
        assert!(detail.contains(place), "{body}: {detail}");
    }
    let right = json!({ "mutable": ["/x~1y", "/z~0"], "exceptions": ["PreventLogin"],
        "input_schema": { "type": ["object", "null"] } });
    host.put(&hook, right).await.expect(200);
}

#[tokio::test]
async fn a_step_goes_with_its_community_at_once() {
    let host = host().await;
    host.put_community("gone", json!([])).await.expect(201);
    let step = add(&host, FILTER, json!({ "community": "gone" })).await;
    let path = format!("{}/{}", of(LOGIN), step["id"].as_str().expect("an id"));
    host.delete("/api/internal/community/gone").await.expect(204);
    host.get(&path).await.problem(404, "not_found");
    assert_eq!(host.get(&of(LOGIN)).await.expect(200)["steps"], json!([]));
}
