//! `/api/internal/hooks`: which hooks and steps can be declared, changed and deleted, and by whom.

use serde_json::{Value, json};

use super::{LOGIN, add, ann, host, run};

#[tokio::test]
async fn hooks_are_listed_with_who_declared_them() {
    let host = host().await;
    let all = host.get("/api/internal/hooks").await.expect(200);
    let by = |name: &str| {
        let found = all["hooks"].as_array().into_iter().flatten().find(|one| one["name"] == name);
        found.map(|one| one["declared_by"].clone()).unwrap_or_default()
    };
    assert_eq!(by(LOGIN), "driver");
    assert_eq!(by("org.example.registration.requested.v1"), "plugin:backstage");
    for point in [
        "action.requested",
        "webhook.received",
        "process.starting",
        "process.closing",
        "plugin.enabling",
    ] {
        assert_eq!(by(&format!("org.moothall.{point}.v1")), "host", "{point}");
    }
    let one = host.get(&format!("/api/internal/hooks/{LOGIN}")).await.expect(200);
    assert_eq!(
        (&one["alias"], &one["halt_exception"]),
        (&json!("StudentLoginRequested"), &json!("PreventLogin"))
    );
    host.get("/api/internal/hooks/org.example.nothing.v1").await.problem(404, "not_found");
}

#[tokio::test]
async fn what_is_no_hook_is_refused_and_says_why() {
    let host = host().await;
    let path = "/api/internal/hooks/org.example.other.v1";
    for body in [
        json!([]),
        json!("x"),
        json!({ "bogus": 1 }),
        json!({ "mutable": ["user"] }),
        json!({ "budget_ms": 0 }),
        json!({ "exceptions": ["A"], "halt_exception": "B" }),
        json!({ "input_schema": { "type": "nonsense" } }),
    ] {
        host.put(path, body).await.problem(400, "bad_request");
    }
    host.put("/api/internal/hooks/short", json!({})).await.problem(400, "bad_request");
    let own = "/api/internal/hooks/org.moothall.action.requested.v1";
    host.put(own, json!({})).await.problem(409, "hook_declared");
    host.delete(own).await.problem(409, "hook_declared");
}

#[tokio::test]
async fn data_is_checked_by_the_hooks_schema() {
    let host = host().await;
    let schema = json!({ "type": "object", "required": ["user"] });
    let hook = json!({ "input_schema": schema });
    host.put("/api/internal/hooks/org.example.checked.v1", hook).await.expect(201);
    let path = "/api/internal/hooks/org.example.checked.v1/run";
    host.post(path, json!({ "data": {} })).await.problem(400, "invalid_parameters");
    host.post(path, json!({})).await.problem(400, "bad_request");
    let run = host.post(path, json!({ "data": { "user": 1 } })).await.expect(200);
    assert_eq!((&run["outcome"], &run["trace"]), (&json!("continue"), &json!([])));
}

#[tokio::test]
async fn a_steps_secret_is_shown_once_and_steps_last_over_a_restart() {
    let mut host = host().await;
    let step = add(&host, "http://127.0.0.1:9/", json!({ "description": "the guard" })).await;
    assert!(step["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")));
    let path = format!("/api/internal/hooks/{LOGIN}/steps/{}", step["id"].as_str().unwrap_or(""));
    assert_eq!(host.get(&path).await.expect(200)["secret"], Value::Null);
    host.restart().await;
    let kept = host.get(&path).await.expect(200);
    assert_eq!((&kept["description"], &kept["kind"]), (&json!("the guard"), &json!("http")));
    assert_eq!(run(&host, ann()).await["trace"].as_array().map(Vec::len), Some(1));
    assert_eq!(host.delete(&path).await.status, 204);
    host.get(&path).await.problem(404, "not_found");
    assert_eq!(host.delete(&format!("/api/internal/hooks/{LOGIN}")).await.status, 204);
    host.get(&format!("/api/internal/hooks/{LOGIN}")).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_is_no_step_is_refused_and_says_why() {
    let host = host().await;
    let path = format!("/api/internal/hooks/{LOGIN}/steps");
    for body in [
        json!({}),
        json!([]),
        json!({ "target": "ftp://x/" }),
        json!({ "target": "http://10.1.2.3/" }),
        json!({ "target": "http://x/", "timeout_ms": 0 }),
        json!({ "target": "http://x/", "kind": "carrier-pigeon" }),
        json!({ "target": "http://x/", "preset": "other" }),
        json!({ "target": "http://x/", "bogus": 1 }),
        json!({ "target": "http://x/", "secret": 5 }),
        json!({ "target": "http://x/", "secret": "short" }),
    ] {
        host.post(&path, body).await.problem(400, "bad_request");
    }
    let plugin = json!({ "kind": "plugin", "target": "ghost" });
    host.post(&path, plugin).await.problem(400, "unknown_plugin");
    let no_filter = json!({ "kind": "plugin", "target": "backstage" });
    host.post(&path, no_filter).await.problem(422, "unusable_setting");
    let nobody = json!({ "target": "http://x/", "community": "nobody" });
    host.post(&path, nobody).await.problem(400, "unknown_community");
}

#[tokio::test]
async fn a_step_that_may_not_be_sent_to_any_more_can_still_be_disabled() {
    let mut host = host().await;
    let target = "http://127.0.0.1:9/";
    let step = add(&host, target, json!({})).await;
    host.set_toml("");
    host.restart().await;
    let id = step["id"].as_str().expect("an id");
    let path = format!("/api/internal/hooks/{LOGIN}/steps/{id}");
    let changed = host.put(&path, json!({ "target": target, "enabled": false })).await.expect(200);
    assert_eq!(changed["enabled"], false);
    let moved = host.put(&path, json!({ "target": "http://127.0.0.1:10/" })).await;
    let detail = moved.problem(400, "bad_request");
    assert!(detail.contains("allow_cidr"), "{detail}");
}

#[tokio::test]
async fn what_a_put_of_a_step_leaves_out_stays() {
    let host = host().await;
    host.put_community("other", json!([])).await.expect(201);
    let settings = json!({
        "order": 7, "description": "the guard", "enabled": false, "community": "acme", "mode": "broadcast",
        "merge": "deep", "disable_filtering": true, "disable_halt": true, "halt_on_4xx": true,
        "redirect_on_4xx": "/4", "halt_on_5xx": true, "redirect_on_5xx": "/5", "halt_on_request_exception": true,
        "redirect_on_request_exception": "/e", "use_www_form_encoding": true, "fail_silently": false,
        "timeout_ms": 900,
    });
    let mut made = add(&host, "http://127.0.0.1:9/", settings).await;
    made.as_object_mut().expect("an object").remove("secret");
    let path = format!("/api/internal/hooks/{LOGIN}/steps/{}", made["id"].as_str().unwrap_or(""));
    assert_eq!(host.put(&path, json!({})).await.expect(200), made);

    made["description"] = json!("a note");
    let noted = host.put(&path, json!({ "description": "a note" })).await.expect(200);
    assert_eq!(noted, made, "and above all: no other community's data goes there");

    // It stays with its community when that is renamed, and does not go to a community that takes
    // the old name.
    let renamed = json!({ "slug": "renamed" });
    host.put("/api/internal/community/acme", renamed).await.expect(200);
    host.put("/api/internal/community/other", json!({ "slug": "acme" })).await.expect(200);
    made["community"] = json!("renamed");
    assert_eq!(host.put(&path, json!({ "description": "a note" })).await.expect(200), made);

    // A preset sets four settings and no others.
    let preset = host.put(&path, json!({ "preset": "openedx-webhooks" })).await.expect(200);
    (made["merge"], made["timeout_ms"]) = (json!("shallow"), json!(10_000));
    assert_eq!(preset, made);
}

#[tokio::test]
async fn what_a_put_of_a_hook_leaves_out_stays() {
    let host = host().await;
    let path = format!("/api/internal/hooks/{LOGIN}");
    let before = host.get(&path).await.expect(200);
    assert_eq!(before["sensitive"], json!(["/user/password"]), "what steps must not see");
    assert_eq!(host.put(&path, json!({})).await.expect(200), before);
    let described = host.put(&path, json!({ "description": "who logs in" })).await.expect(200);
    let mut expected = before.clone();
    expected["description"] = json!("who logs in");
    assert_eq!(described, expected);
    // `null` removes what is optional.
    let bare = host.put(&path, json!({ "alias": null })).await.expect(200);
    assert_ne!(bare["alias"], before["alias"]);
}

#[tokio::test]
async fn what_two_put_into_a_step_or_a_hook_at_once_both_stays() {
    let host = host().await;
    let step = add(&host, "http://127.0.0.1:9/", json!({})).await;
    let hook = format!("/api/internal/hooks/{LOGIN}");
    let step = format!("{hook}/steps/{}", step["id"].as_str().unwrap_or(""));
    for round in 1..=20 {
        let (one, other) = (json!({ "order": round }), json!({ "timeout_ms": 1_000 + round }));
        let (one, other) = tokio::join!(host.put(&step, one), host.put(&step, other));
        [one, other].iter().for_each(|answer| drop(answer.expect(200)));
        let now = host.get(&step).await.expect(200);
        assert_eq!((&now["order"], &now["timeout_ms"]), (&json!(round), &json!(1_000 + round)));

        let (one, other) =
            (json!({ "description": round.to_string() }), json!({ "budget_ms": 1_000 + round }));
        let (one, other) = tokio::join!(host.put(&hook, one), host.put(&hook, other));
        [one, other].iter().for_each(|answer| drop(answer.expect(200)));
        let now = host.get(&hook).await.expect(200);
        assert_eq!(
            (&now["description"], &now["budget_ms"]),
            (&json!(round.to_string()), &json!(1_000 + round))
        );
    }
}
