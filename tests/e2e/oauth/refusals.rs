//! Authorisations that must fail, named after what is refused.

mod states;

use moothall_tests::{Answer, Browser, TestHost, until};
use serde_json::json;

use super::scene::{APP, DRIVER, Scene, TOKEN, USER, app, into, parameter, refused, user};

#[tokio::test]
async fn a_redirect_that_is_not_allowed_is_refused_before_anything_begins() {
    let mut scene = Scene::new().await;
    for redirect in [
        "https://evil.example/done",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "javascript:alert(1)",
        "//evil.example",
        "done",
        "",
    ] {
        let answer = scene.browser.visit(&scene.url(&[("redirect_uri", redirect)])).await;
        answer.page(400, "bad_redirect");
    }
    scene.browser.visit(&scene.url(&[])).await.page(400, "bad_redirect");
    assert_eq!(scene.browser.cookies(), 0);
}

#[tokio::test]
async fn with_a_list_only_its_redirects_are_allowed() {
    let list = "[oauth]\nredirects = [\"https://driver.example/done\"]";
    let mut scene = Scene::with(list).await;
    scene.code(app(json!({ "token": TOKEN })));
    for refused in [DRIVER, "https://driver.example/other", "https://driver.example/done/../x"] {
        let answer = scene.browser.visit(&scene.url(&[("redirect_uri", refused)])).await;
        answer.page(400, "bad_redirect");
    }
    let done = scene.go(&[("redirect_uri", "https://driver.example/done?a=1")]).await;
    assert!(done.as_str().starts_with("https://driver.example/done?a=1&community="), "{done}");

    // A plugin's own redirect is checked against the same list, before anything is stored.
    let before = scene.slugs().await.len();
    for (own, allowed) in
        [("https://evil.example/", false), ("https://driver.example/done?b=2", true)]
    {
        let answer = json!({ "config": { "token": TOKEN }, "redirect": { "url": own } });
        scene.code(json!({ "answer": answer }));
        let done = scene.go(&[("redirect_uri", "https://driver.example/done")]).await;
        assert_eq!(parameter(&done, "error").is_none(), allowed, "{done}");
        assert_eq!(parameter(&done, "b").is_some(), allowed, "{done}");
        assert_eq!(scene.slugs().await.len(), before + usize::from(allowed));
    }
}

#[tokio::test]
async fn the_platforms_error_is_passed_on_and_uses_the_state_up() {
    let mut scene = Scene::new().await;
    let parameters = [("error", "access_denied"), ("error_description", "they said no")];
    scene.platform.will_answer(&parameters);
    let callback = scene.leave(&APP).await;
    let done = Browser::sent_on(&scene.browser.visit(&callback).await);
    assert_eq!(refused(&done, "access_denied"), "they said no");
    assert_eq!(parameter(&done, "community"), None);
    scene.browser.visit(&callback).await.page(400, "bad_state");
    scene.platform.will_answer(&[]);
    refused(&scene.go(&APP).await, "server_error");
    assert!(scene.slugs().await.is_empty(), "no community without consent");
}

#[tokio::test]
async fn another_issuer_is_refused_whatever_it_sends() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    let code = user("U1").to_string();
    let evil = ("iss", "https://evil.example");
    for parameters in [[("code", code.as_str()), evil], [("error", "access_denied"), evil]] {
        scene.platform.will_answer(&parameters);
        let description = refused(&scene.go(&USER).await, "server_error");
        assert!(description.contains("issuer"), "{description}");
    }
    assert!(scene.users("acme").await.is_empty());
    scene.platform.will_answer(&[("code", &code), ("iss", "https://platform.example")]);
    assert_eq!(parameter(&scene.go(&USER).await, "error"), None);
    // An issuer with a slash at its end is another issuer.
    scene.platform.will_answer(&[("code", &code), ("iss", "https://platform.example/")]);
    refused(&scene.go(&USER).await, "server_error");
}

#[tokio::test]
async fn what_the_plugin_refuses_reaches_the_driver_and_leaves_nothing() {
    let mut scene = Scene::new().await;
    let bad_colour = json!({ "token": TOKEN, "colour": "refused" });
    for (code, error) in [
        (json!({ "refuse": "not-one-collective" }), "not_one_collective"),
        (json!({ "refuse": "Not A Kind" }), "server_error"),
        (json!({ "trap": true }), "server_error"),
        (json!({ "text": "not JSON" }), "server_error"),
        (json!({ "text": "[]" }), "server_error"),
        (
            json!({ "text": format!(r#"{{"config":{{"token":"{TOKEN}","token":"x"}}}}"#) }),
            "server_error",
        ),
        (json!({ "answer": {} }), "server_error"),
        (
            json!({ "answer": { "config": { "token": TOKEN }, "account": { "x": 1 } } }),
            "server_error",
        ),
        (app(json!({ "token": [TOKEN] })), "invalid_config"),
        (app(json!({ "tokne": TOKEN })), "invalid_config"),
        (app(bad_colour), "bad_colour"),
    ] {
        scene.code(code.clone());
        let done = scene.go(&APP).await;
        let description = refused(&done, error);
        assert!(!description.is_empty() && !done.as_str().contains(TOKEN), "{code}: {done}");
    }
    assert!(scene.slugs().await.is_empty());
}

#[tokio::test]
async fn a_config_that_its_plugin_does_not_accept_is_a_failed_call_that_says_why() {
    let mut scene = Scene::new().await;
    scene.code(app(json!({ "token": TOKEN, "tokne": "x" })));
    let callback = scene.leave(&APP).await;
    let back = scene.browser.visit(&callback).await;
    let description = refused(&Browser::sent_on(&back), "invalid_config");
    assert!(description.contains("config/tokne: no such member"), "{description}");
    let request = back.header("x-request-id");
    let call = until("the exchange is listed", async || {
        let call = scene.host.get(&format!("/api/internal/calls/{request}")).await;
        (call.status == 200).then(|| call.json())
    })
    .await;
    assert_eq!((&call["origin"], &call["code"]), (&json!("oauth"), &json!("plugin_bad_output")));
    assert!(call["detail"].to_string().contains("config/tokne"), "{call}");
    assert!(scene.slugs().await.is_empty());
}

#[tokio::test]
async fn what_a_plugin_says_of_its_platform_is_for_the_operator_and_not_for_the_public() {
    let mut scene = Scene::new().await;
    let said = "no connection: 10.0.0.8:8190: connection refused";
    scene.code(json!({ "unavailable": said }));
    let done = scene.go(&APP).await;
    let description = refused(&done, "unavailable");
    assert!(!description.is_empty() && !description.contains("10.0.0.8"), "{description}");
    until("the log has it", async || {
        let log = scene.host.logs();
        log.lines().any(|line| line.contains("call failed") && line.contains(said)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_community_that_was_deleted_meanwhile_is_not_made_again() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(app(json!({ "token": TOKEN })));
    let callback = scene.leave(&into("acme")).await;
    scene.host.delete("/api/internal/community/acme").await.expect(204);
    // A new community with the same name is another community.
    scene.host.put_community("acme", json!([])).await.expect(201);
    let done = Browser::sent_on(&scene.browser.visit(&callback).await);
    refused(&done, "community_not_found");
    assert_eq!(scene.community("acme").await["plugins"], json!([]));
}

#[tokio::test]
async fn a_plugin_that_was_disabled_meanwhile_links_nothing() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    scene.host.put_community("acme", json!([])).await.expect(200);
    let done = Browser::sent_on(&scene.browser.visit(&callback).await);
    refused(&done, "plugin_not_enabled");
    assert!(scene.users("acme").await.is_empty());
}

#[tokio::test]
async fn what_cannot_begin_is_told_to_the_browser() {
    let mut scene = Scene::new().await;
    scene.host.put_community("bare", json!([])).await.expect(201);
    scene.host.put_community("refused", json!([])).await.expect(201);
    let redirect = ("redirect_uri", DRIVER);
    for (query, status, code) in [
        (vec![redirect, ("type", "magic")], 400, "bad_request"),
        (vec![redirect, ("type", "user")], 400, "bad_request"),
        (vec![redirect, ("metagov_id", "x")], 400, "bad_request"),
        (vec![redirect, ("community", "refused")], 403, "forbidden"),
        (vec![("ticket", "nothing")], 400, "bad_ticket"),
    ] {
        let answer = scene.browser.visit(&scene.url(&query)).await;
        answer.page(status, code);
    }
    // Nobody may learn which communities, people and plugins exist.
    let mut details = Vec::new();
    for query in [
        vec![redirect, ("community", "nobody")],
        vec![redirect, ("type", "user"), ("community", "nobody")],
        vec![redirect, ("type", "user"), ("community", "bare")],
        vec![redirect, ("community", "bare"), ("metagov_id", "1")],
        vec![redirect, ("community", "nobody"), ("metagov_id", "1")],
    ] {
        details.push(scene.browser.visit(&scene.url(&query)).await.page(400, "bad_request"));
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
    for plugin in ["nobody", "probe"] {
        let url =
            format!("{}/auth/{plugin}/authorize?redirect_uri=http://localhost/", scene.host.url);
        details.push(scene.browser.visit(&url).await.page(404, "not_found"));
    }
    details.dedup();
    assert_eq!(details.len(), 2, "{details:?}");
    assert_eq!(scene.browser.cookies(), 0);
}

#[tokio::test]
async fn through_a_tunnel_the_public_url_has_to_be_known() {
    let scene = Scene::new().await;
    let url = scene.url(&APP);
    let path = url.strip_prefix(&scene.host.url).expect("a URL of the host");
    let request = scene.host.request(reqwest::Method::GET, path).header("Host", "tunnel.example");
    // A program that asks for JSON gets JSON.
    let request = request.header("Accept", "application/json");
    let answer = request.send().await.expect("the host answers");
    let detail = Answer::read(answer).await.expect("a whole answer").problem(503, "no_public_url");
    assert!(detail.contains("public_url"), "{detail}");
}

#[tokio::test]
async fn a_platform_url_that_is_no_web_address_is_the_plugins_fault() {
    let settings = "[plugins.consent]\nsettings = { platform_url = \"javascript:alert(1)\" }";
    let host = TestHost::with(&["consent"]).toml(settings).start().await;
    let url = format!("{}/auth/consent/authorize?redirect_uri=http://localhost/", host.url);
    let mut browser = Browser::default();
    browser.visit(&url).await.page(502, "plugin_bad_output");
    assert_eq!(browser.cookies(), 0);
}

#[tokio::test]
async fn no_secret_of_a_flow_is_in_the_log_or_in_the_clear_on_disk() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(app(json!({ "team_id": "T1", "token": TOKEN })));
    let leaving = scene.browser.visit(&scene.url(&into("acme"))).await;
    let cookie = leaving.header("set-cookie").to_owned();
    let cookie = cookie.split(['=', ';']).nth(1).expect("a value").to_owned();
    let callback = scene.over_the_platform(&leaving).await;
    let state = scene.platform.asked()["state"].clone();
    let on_disk = |scene: &Scene| {
        let read = |file: &str| std::fs::read(scene.host.data().join(file)).unwrap_or_default();
        ["moothall.db", "moothall.db-wal"].map(read).concat()
    };
    let before = on_disk(&scene);
    Browser::sent_on(&scene.browser.visit(&callback).await);
    for code in [app(json!({ "token": [TOKEN] })), json!({ "text": TOKEN })] {
        scene.code(code);
        scene.go(&into("acme")).await;
    }
    let after = on_disk(&scene);
    scene.host.terminate();
    let log = scene.host.logs();
    for secret in [TOKEN, &cookie, &state] {
        assert!(!log.contains(secret), "a secret is in the log");
        for bytes in [&before, &after] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret is on disk");
        }
    }
}

#[tokio::test]
async fn a_hook_that_prevents_a_plugin_prevents_it_here_too() {
    let mut scene = Scene::new().await;
    scene.host.put_community("acme", json!([])).await.expect(201);
    let steps = "/api/internal/hooks/org.moothall.plugin.enabling.v1/steps";
    let nobody = json!({ "target": "http://filter.invalid/", "halt_on_request_exception": true });
    let step = scene.host.post(steps, nobody).await.expect(201);
    scene.code(app(json!({ "team_id": "T1", "token": TOKEN })));
    let said = refused(&scene.go(&into("acme")).await, "access_denied");
    assert!(said.contains("did not answer"), "{said}");
    assert_eq!(scene.community("acme").await["plugins"], json!([]));
    let path = format!("{steps}/{}", step["id"].as_str().expect("an id"));
    assert_eq!(scene.host.delete(&path).await.status, 204);
    scene.go(&into("acme")).await;
    assert_eq!(scene.community("acme").await["plugins"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_account_of_another_platform_needs_its_grant_here_too() {
    let mut scene = Scene::new().await;
    let account = json!({ "platform_type": "discord", "platform_identifier": "U1" });
    let answer = json!({ "config": { "token": TOKEN }, "account": account });
    scene.code(json!({ "answer": answer }));
    let said = refused(&scene.go(&APP).await, "server_error");
    assert!(said.contains("accounts = [\"discord\"]"), "{said}");
    assert!(scene.slugs().await.is_empty(), "nothing of it is stored");
}

#[tokio::test]
async fn what_the_plugin_fails_at_is_told_to_the_operator_too() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    let wrong_answers = [
        (json!({ "refuse": "broken" }), "plugin:broken"),
        (json!({ "trap": true }), "plugin_trap"),
        (json!({ "answer": {} }), "plugin_bad_output"),
    ];
    for (code, listed) in wrong_answers {
        scene.code(code);
        let callback = scene.leave(&USER).await;
        let back = scene.browser.visit(&callback).await;
        assert_eq!(back.status, 303);
        let request = back.header("x-request-id");
        let call = until("the exchange is listed", async || {
            let call = scene.host.get(&format!("/api/internal/calls/{request}")).await;
            (call.status == 200).then(|| call.json())
        })
        .await;
        assert_eq!((&call["origin"], &call["code"]), (&json!("oauth"), &json!(listed)), "{call}");
        until("the log has it", async || {
            let id = call["id"].as_str()?;
            let log = scene.host.logs();
            log.lines().any(|line| line.contains("call failed") && line.contains(id)).then_some(())
        })
        .await;
    }
}
