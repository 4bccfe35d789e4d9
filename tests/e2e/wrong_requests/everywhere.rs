//! Rules for every route: names that its description does not have are refused, and what was read
//! can be PUT.

use serde_json::{Value, json};

use super::{COMMUNITY, HOOK, host, refused, send};

/// A path with existing values in place of its parameters.
fn filled(path: &str, step: &str) -> String {
    let id = if path.contains("/steps/") { step } else { "driver" };
    let filled = path
        .replace("{slug}", "acme")
        .replace("{id}", id)
        .replace("{worker}/{action}", "webhooks/retry");
    let hook = filled.contains("/hooks/");
    filled
        .replace("{name}", if hook { HOOK } else { "tutorial" })
        .replace("{target}", "tutorial.times-two")
        .replace("{plugin}", "tutorial")
}

#[tokio::test]
async fn every_route_refuses_what_its_description_does_not_name() {
    let host = host().await;
    let steps = format!("/api/internal/hooks/{HOOK}/steps");
    let step = host.post(&steps, json!({ "target": "https://example.com/" })).await.expect(201);
    let step = step["id"].as_str().expect("an id").to_owned();
    let document = host.get("/openapi.json").await.expect(200);
    let (mut queries, mut bodies) = (0, 0);
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let own = path.starts_with("/api/internal/") || path.starts_with("/api/action/");
        for (method, operation) in methods.as_object().expect("methods").iter().filter(|_| own) {
            let what = format!("{method} {path}");
            let (method, path) = (method.to_uppercase(), filled(path, &step));
            let answer = send(&host, &method, &format!("{path}?no_such_parameter=1"), "").await;
            refused(&what, &answer, (400, "bad_request", "no_such_parameter"));
            queries += 1;
            let schema =
                operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
            let Some(name) = schema.and_then(|schema| schema.strip_prefix("#/components/schemas/"))
            else {
                continue;
            };
            if document["components"]["schemas"][name]["additionalProperties"] != false {
                continue;
            }
            // OAuth needs a plugin that has it.
            if !path.contains("/oauth/") && !path.contains("/workers/tutorial") {
                let answer = send(&host, &method, &path, r#"{"no_such_member":1}"#).await;
                refused(&what, &answer, (400, "bad_request", "no_such_member"));
                bodies += 1;
            }
        }
    }
    assert!(queries > 50 && bodies > 15, "{queries} queries, {bodies} bodies");
}

#[tokio::test]
async fn what_was_read_can_be_put() {
    let host = host().await;
    let steps = format!("/api/internal/hooks/{HOOK}/steps");
    let step = host.post(&steps, json!({ "target": "https://example.com/" })).await.expect(201);
    let made =
        json!({ "url": "https://example.com/", "community": "acme", "headers": { "X-Key": "k" } });
    let endpoint = host.post("/api/internal/endpoints", made).await.expect(201);
    for path in [
        format!("{COMMUNITY}/acme"),
        format!("/api/internal/endpoints/{}", endpoint["id"].as_str().expect("an id")),
        format!("/api/internal/hooks/{HOOK}"),
        format!("{steps}/{}", step["id"].as_str().expect("an id")),
    ] {
        let shown: Value = host.get(&path).await.expect(200);
        assert_eq!(host.put(&path, shown.clone()).await.expect(200), shown, "{path}");
    }
}

/// The operations of the host's own routes: method, path, and description.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    let own = paths.filter(|(path, _)| path.starts_with("/api/internal/"));
    let each = own.flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").iter();
        methods.map(|(method, said)| (method.to_uppercase(), path.clone(), said.clone()))
    });
    each.collect()
}

#[tokio::test]
async fn what_a_description_calls_required_is_and_nothing_else() {
    let host = host().await;
    let document = host.get("/openapi.json").await.expect(200);
    let person = json!({ "community_slug": "acme" });
    let person = host.post("/api/internal/identity/create_id", person).await.expect(201)[0].clone();
    let mut needed = 0;
    for (method, path, said) in
        operations(&document).into_iter().filter(|(method, ..)| method == "GET")
    {
        let queried = said["parameters"].as_array().cloned().unwrap_or_default();
        let required: Vec<String> = queried
            .iter()
            .filter(|one| one["in"] == "query" && one["required"] == true)
            .map(|one| one["name"].as_str().expect("a name").to_owned())
            .collect();
        let value = |name: &str| match name.starts_with("external_id") {
            true => person.to_string(),
            false => "acme".to_owned(),
        };
        for left_out in &required {
            let others = required.iter().filter(|name| *name != left_out);
            let query: Vec<_> = others.map(|name| format!("{name}={}", value(name))).collect();
            let path = format!("{path}?{}", query.join("&"));
            let answer = send(&host, &method, &path, "").await;
            let what = format!("{path} without {left_out}");
            refused(&what, &answer, (400, "bad_request", "is missing"));
            assert!(answer.text.contains(left_out), "{what}: {}", answer.text);
            needed += 1;
        }
        if required.is_empty() && !path.contains('{') {
            host.get(&path).await.expect(200);
        }
    }
    assert!(needed >= 6, "the parameters of identity routes, at least: {needed}");
}

#[tokio::test]
async fn every_integer_of_a_body_has_a_range_that_is_kept() {
    let host = host().await;
    let document = host.get("/openapi.json").await.expect(200);
    let mut kept = 0;
    for (method, path, said) in operations(&document) {
        let body = &said["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(name) = body.as_str().and_then(|name| name.rsplit('/').next()) else { continue };
        // It is a plugin's own route.
        if name.contains('.') || path.contains("/oauth/") || path.contains("{worker}/{action}") {
            continue;
        }
        let schema = &document["components"]["schemas"][name];
        for (member, said) in schema["properties"].as_object().expect("members") {
            let types = said["type"].to_string();
            if !types.contains("integer") {
                continue;
            }
            let most = &said["maximum"];
            assert!(said["minimum"].is_i64() && most.is_number(), "{name}/{member} has no range");
            for wrong in ["0.5".to_owned(), format!("{most}0"), format!("-{most}1")] {
                let body = format!("{{\"{member}\":{wrong}}}");
                let answer = send(&host, &method, &filled(&path, "none"), &body).await;
                if answer.status == 404 {
                    // The step does not exist.
                    continue;
                }
                let what = format!("{method} {path} {body}");
                assert_eq!(answer.status, 400, "{what}: {}", answer.text);
                assert!(
                    answer.error_paths().contains(&format!("/{member}")),
                    "{what}: {}",
                    answer.text
                );
                assert!(answer.text.contains(&format!("to {most}")), "{what}: {}", answer.text);
                kept += 1;
            }
        }
    }
    assert!(kept > 15, "{kept}");
}

#[tokio::test]
async fn every_success_is_described() {
    let host = host().await;
    let document = host.get("/openapi.json").await.expect(200);
    let endpoint = json!({ "url": "https://example.com/" });
    let endpoint = host.post("/api/internal/endpoints", endpoint).await.expect(201);
    let endpoint = endpoint["id"].as_str().expect("an id");
    let (hooks, run) = ("/api/internal/hooks/{name}", format!("/api/internal/hooks/{HOOK}/run"));
    let new_hook = "/api/internal/hooks/org.example.another.v1";
    let recover = format!("/api/internal/endpoints/{endpoint}/recover");
    let action = "/api/internal/action/tutorial.times-two";
    let cases: &[(&str, &str, &str, &str, u16)] = &[
        ("put", "/api/internal/community/{slug}", "/api/internal/community/new", "{}", 201),
        ("put", "/api/internal/community/{slug}", "/api/internal/community/new", "{}", 200),
        ("put", hooks, new_hook, "{}", 201),
        ("put", hooks, new_hook, "{}", 200),
        ("post", "/api/internal/hooks/{name}/run", &run, r#"{"data":{}}"#, 200),
        ("post", "/api/internal/plugin/{name}", "/api/internal/plugin/probe", "{}", 200),
        (
            "post",
            "/api/internal/endpoints/{id}/recover",
            &recover,
            r#"{"since":"2026-01-01T00:00:00Z"}"#,
            202,
        ),
        ("post", "/api/internal/action/{target}", action, r#"{"parameters":{"value":1}}"#, 200),
        ("post", action, action, r#"{"parameters":{"value":1}}"#, 200),
        (
            "post",
            "/api/internal/identity/create_id",
            "/api/internal/identity/create_id",
            r#"{"community_slug":"acme"}"#,
            201,
        ),
        ("post", "/api/internal/changes", "/api/internal/changes", r#"{"resource":"story"}"#, 202),
        (
            "post",
            "/api/internal/workers/{worker}/{action}",
            "/api/internal/workers/webhooks/skip",
            "{}",
            200,
        ),
    ];
    for (method, described, path, body, status) in cases {
        let answer = send(&host, &method.to_uppercase(), path, body).await;
        assert_eq!(answer.status, *status, "{method} {path}: {}", answer.text);
        let responses = &document["paths"][described][method]["responses"];
        assert!(responses[status.to_string()].is_object(), "{method} {described} {status}");
    }
    for (path, method, status) in [
        ("/api/internal/plugin/{name}", "post", "201"),
        ("/api/internal/hooks/{name}/run", "post", "502"),
        ("/api/internal/hooks/{name}/run", "post", "503"),
    ] {
        assert!(
            document["paths"][path][method]["responses"][status].is_object(),
            "{path} {status}"
        );
    }
}

#[tokio::test]
async fn a_single_action_or_process_is_described_as_all_of_them_are() {
    let host = host().await;
    let document = host.get("/openapi.json").await.expect(200);
    let asked = |path: &str, method: &str| {
        let parameters = document["paths"][path][method]["parameters"].as_array().cloned();
        let mut names: Vec<String> = parameters
            .expect("parameters")
            .iter()
            .filter(|one| one["in"] != "path")
            .map(ToString::to_string)
            .collect();
        names.sort();
        names
    };
    for (kind, own) in [("action", "times-two"), ("process", "my-gov-process")] {
        let all = asked(&format!("/api/internal/{kind}/{{target}}"), "post");
        assert_eq!(asked(&format!("/api/internal/{kind}/tutorial.{own}"), "post"), all);
        assert!(all.iter().any(|one| one.contains("Idempotency-Key")), "{all:?}");
    }
    let all = asked("/api/action/{target}", "post");
    assert_eq!(asked("/api/action/tutorial.times-two", "post"), all);
    let dry_run = asked("/api/internal/action/tutorial.times-two", "post");
    assert!(dry_run.iter().any(|one| one.contains("dry_run")), "{dry_run:?}");
    let events = asked("/api/internal/events", "get");
    assert!(events.iter().any(|one| one.contains("Last-Event-ID")), "{events:?}");
    let stream = &document["paths"]["/api/internal/events"]["get"]["responses"]["200"]["content"];
    assert!(
        stream["text/event-stream"].is_object() && stream["application/json"].is_object(),
        "{stream}"
    );
    let process = &document["components"]["schemas"]["tutorial.my-gov-process.parameters"];
    assert!(
        process["properties"]["callback_url"].is_object()
            && process["properties"]["title"].is_object()
    );
}
