//! Authorisations, from the driver's link to the platform and back. `refusals` tests what must
//! fail.
//!
//! The platform's code tells the fixture `consent` what to answer.

mod provider;
mod refusals;
mod scene;
mod visits;

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use moothall_tests::Browser;
use serde_json::json;
use sha2::{Digest, Sha256};

use scene::{APP, DRIVER, Scene, TOKEN, USER, app, into, parameter, refused, user};

#[tokio::test]
async fn an_app_without_a_community_gets_one_with_its_instance_and_account() {
    let mut scene = Scene::new().await;
    let account = json!({ "platform_identifier": "U1", "community_platform_id": "T1" });
    let answer = json!({
        "config": { "team_id": "T1", "token": TOKEN },
        "account": account,
        "redirect": { "parameters": {
            "user_id": "U1", "count": 2, "team[]": ["T1", 2], "state": "own", "error": "own"
        } },
    });
    scene.code(json!({ "answer": answer }));
    let url = scene.leave(&APP).await;
    assert_eq!(scene.slugs().await, Vec::<String>::new(), "nothing before the platform has agreed");
    let done = Browser::sent_on(&scene.browser.visit(&url).await);
    assert!(done.as_str().starts_with("http://localhost:3000/done?session=1&"), "{done}");
    for (name, value) in [("state", "the driver's"), ("user_id", "U1"), ("count", "2")] {
        assert_eq!(parameter(&done, name).as_deref(), Some(value), "{done}");
    }
    assert_eq!(parameter(&done, "error"), None);
    let teams: Vec<_> = done.query_pairs().filter(|(name, _)| name == "team[]").collect();
    assert_eq!(teams.len(), 2, "a list is the same name several times: {done}");
    let slug = parameter(&done, "community").expect("the new community");
    let community = scene.community(&slug).await;
    let instance = &community["plugins"][0];
    let config = json!({ "team_id": "T1", "token": "********", "colour": "red" });
    assert_eq!((&instance["config"], &instance["community_platform_id"]), (&config, &json!("T1")));
    let users = scene.users(&slug).await;
    let linked = &users[0]["linked_accounts"][0];
    assert_eq!(linked["link_type"], "oauth");
    assert_eq!(linked["link_quality"], "confirmed (strong)", "it was authorised just now");
    assert_eq!(linked["platform_type"], "consent");
}

#[tokio::test]
async fn the_platform_is_asked_what_the_host_and_the_plugin_say() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    let elsewhere = json!({ "token": "second", "team_id": "T9" });
    scene.host.community("other", "consent", elsewhere).await;
    scene.code(user("U1"));
    let leaving = scene.browser.visit(&scene.url(&USER)).await;
    assert_eq!(leaving.header("referrer-policy"), "no-referrer");
    assert_eq!(leaving.header("cache-control"), "no-store");
    let cookie = leaving.header("set-cookie");
    for part in ["mh_oauth_", "; HttpOnly", "; SameSite=Lax", "; Path=/auth", "; Max-Age=600"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "no browser would keep it: {cookie}");
    let callback = scene.over_the_platform(&leaving).await;
    let asked = scene.platform.asked();
    assert_eq!(asked["response_type"], "code", "in place of the plugin's own");
    let to = Browser::sent_on(&leaving);
    assert!(
        to.query().is_some_and(|query| query.starts_with("client_id=me&scope=user+all&a=b%20c&")),
        "{to}"
    );
    assert_eq!(asked["client_id"], "me");
    assert_eq!(asked["scope"], "user all");
    assert_eq!(asked["teams"], "T1", "where the community has the plugin, and no other's");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["redirect_uri"], format!("{}/auth/consent/callback", scene.host.url));
    assert!(asked["state"].len() >= 43, "256 bits: {}", asked["state"]);
    let back = scene.browser.visit(&callback).await;
    assert_eq!(back.header("referrer-policy"), "no-referrer");
    assert_eq!(scene.browser.cookies(), 0, "the cookie is gone with its state");
    assert_eq!(parameter(&Browser::sent_on(&back), "community").as_deref(), Some("acme"));

    // What the host told the plugin, which put it into the account.
    let input = scene.users("acme").await[0]["linked_accounts"][0]["custom_data"].clone();
    assert_eq!((&input["type"], &input["community"]), (&json!("user"), &json!("acme")));
    assert_eq!(input["redirect_uri"], asked["redirect_uri"]);
    assert_eq!(input["platform_ids"], json!(["T1"]), "where it is enabled already");
    assert_eq!(input["query"], json!({ "code": user("U1").to_string() }), "and no state");
    let verifier = input["code_verifier"].as_str().expect("a verifier");
    assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)), asked["code_challenge"]);
}

#[tokio::test]
async fn an_app_in_a_community_is_enabled_or_reconfigured_as_over_http() {
    let mut scene = Scene::new().await;
    scene.host.put_community("acme", json!([{ "name": "probe" }])).await.expect(201);
    scene.code(app(json!({ "team_id": "T1", "token": TOKEN })));
    scene.go(&into("acme")).await;
    let first = scene.community("acme").await;
    assert_eq!(first["plugins"].as_array().map(Vec::len), Some(2), "the other one stays");
    scene.go(&into("acme")).await;
    assert_eq!(scene.community("acme").await, first, "the same config changes nothing");
    scene.code(app(json!({ "team_id": "T1", "token": TOKEN, "colour": "blue" })));
    scene.go(&into("acme")).await;
    let changed = scene.community("acme").await;
    assert_eq!(changed["plugins"].as_array().map(Vec::len), Some(2));
    assert_ne!(changed["plugins"][1]["id"], first["plugins"][1]["id"], "it was recreated");
    assert_eq!(changed["plugins"][1]["config"]["colour"], "blue");
}

#[tokio::test]
async fn a_person_who_is_logged_in_gets_the_account() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    let body = json!({ "community_slug": "acme", "count": 2 });
    let ids = scene.host.post("/api/internal/identity/create_id", body).await.expect(201);
    let person = ids[0].to_string();
    scene.code(user("U1"));
    let query: Vec<_> = USER.iter().copied().chain([("metagov_id", person.as_str())]).collect();
    scene.go(&query).await;
    let path = format!("/api/internal/identity/get_user?external_id={person}");
    let found = scene.host.get(&path).await.expect(200);
    assert_eq!(found["linked_accounts"][0]["platform_identifier"], "U1");
    assert_eq!(found["linked_accounts"][0]["custom_data"]["metagov_id"], json!(person));
    assert_eq!(scene.users("acme").await.len(), 2, "nobody new");

    let other = ids[1].to_string();
    let query: Vec<_> = USER.iter().copied().chain([("metagov_id", other.as_str())]).collect();
    refused(&scene.go(&query).await, "conflict");
    let elsewhere: Vec<_> = APP.iter().copied().chain([("metagov_id", other.as_str())]).collect();
    let answer = scene.browser.visit(&scene.url(&elsewhere)).await;
    answer.page(400, "bad_request");
}

#[tokio::test]
async fn a_user_flow_changes_no_config() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    let before = scene.community("acme").await;
    let answer =
        json!({ "config": { "token": TOKEN }, "account": { "platform_identifier": "U1" } });
    scene.code(json!({ "answer": answer }));
    assert_eq!(parameter(&scene.go(&USER).await, "error"), None);
    assert_eq!(scene.community("acme").await, before);
    let wrong_team = json!({ "platform_identifier": "U2", "community_platform_id": "T9" });
    scene.code(json!({ "answer": { "account": wrong_team } }));
    refused(&scene.go(&USER).await, "wrong_community");
    assert_eq!(scene.users("acme").await.len(), 1);
}

#[tokio::test]
async fn two_flows_in_one_browser_do_not_disturb_each_other() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let one = scene.leave(&USER).await;
    scene.code(user("U2"));
    let other = scene.leave(&USER).await;
    assert_eq!(scene.browser.cookies(), 2);
    for callback in [other, one] {
        let done = Browser::sent_on(&scene.browser.visit(&callback).await);
        assert_eq!(parameter(&done, "error"), None, "{done}");
    }
    assert_eq!(scene.users("acme").await.len(), 2);
}

#[tokio::test]
async fn a_community_that_was_renamed_meanwhile_is_still_the_one() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    scene.host.put("/api/internal/community/acme", json!({ "slug": "renamed" })).await.expect(200);
    let done = Browser::sent_on(&scene.browser.visit(&callback).await);
    assert_eq!(parameter(&done, "community").as_deref(), Some("renamed"));
}

#[tokio::test]
async fn once_a_key_exists_a_browser_needs_a_ticket() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    let driver = scene.driver().await;
    scene.browser.visit(&scene.url(&USER)).await.page(403, "ticket_required");
    let start = "/api/internal/oauth/consent/start";
    let asked = json!({ "type": "user", "redirect_uri": DRIVER, "state": "the driver's", "community": "acme" });
    scene.host.post(start, asked.clone()).await.problem(401, "unauthorized");
    let wrong = driver.post(start, json!({ "redirect_uri": "https://evil.example/" })).await;
    wrong.problem(400, "bad_redirect");

    let started = driver.post(start, asked.clone()).await.expect(200);
    let url = started["authorize_url"].as_str().expect("a URL").to_owned();
    let other = url.replace("/auth/consent/", "/auth/probe/");
    scene.browser.visit(&other).await.page(404, "not_found");
    scene.code(user("U1"));
    let leaving = scene.browser.visit(&url).await;
    let callback = scene.over_the_platform(&leaving).await;
    let done = Browser::sent_on(&scene.browser.visit(&callback).await);
    assert_eq!(parameter(&done, "state").as_deref(), Some("the driver's"));
    assert_eq!(parameter(&done, "error"), None, "{done}");
    scene.browser.visit(&url).await.page(400, "bad_ticket");

    let started = driver.post(start, asked).await.expect(200);
    let url = started["authorize_url"].as_str().expect("a URL").to_owned();
    scene.host.advanced(Duration::from_secs(601)).await;
    scene.browser.visit(&url).await.page(400, "bad_ticket");
}

#[tokio::test]
async fn open_authorize_lets_anybody_begin() {
    let mut scene = Scene::with("[oauth]\nopen_authorize = true").await;
    scene.driver().await;
    scene.code(app(json!({ "token": TOKEN })));
    assert_eq!(parameter(&scene.go(&APP).await, "error"), None);
}

#[tokio::test]
async fn behind_a_public_url_cookies_are_secure_and_the_platform_is_given_it() {
    let mut scene = Scene::new().await;
    scene.host.create_key("driver");
    scene.host.terminate();
    let more = "[http]\npublic_url = \"https://plugins.example/\"\n[oauth]\nopen_authorize = true";
    let settings =
        format!("[plugins.consent]\nsettings = {{ platform_url = \"{}\" }}", scene.platform.url);
    scene.host.set_toml(&format!("{settings}\n{more}"));
    scene.host.restart().await;
    let leaving = scene.browser.visit(&scene.url(&APP)).await;
    assert!(leaving.header("set-cookie").ends_with("; Secure"), "{}", leaving.header("set-cookie"));
    let to = Browser::sent_on(&leaving);
    let callback = "https://plugins.example/auth/consent/callback";
    assert_eq!(parameter(&to, "redirect_uri").as_deref(), Some(callback));
}
