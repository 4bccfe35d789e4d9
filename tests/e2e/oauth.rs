//! Authorisations, from the driver's link over the platform and back, and everything that must not work.
//!
//! The platform's code tells the fixture `consent` what to answer.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use moothall_tests::platforms::oauth::Platform;
use moothall_tests::{Answer, Browser, TestHost, until};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

const DRIVER: &str = "http://localhost:3000/done?session=1";
const TOKEN: &str = "xoxb-a-token-of-the-platform";

struct Scene {
    host: TestHost,
    platform: Platform,
    browser: Browser,
}

impl Scene {
    async fn new() -> Self {
        Self::with("").await
    }

    /// With more configuration.
    async fn with(toml: &str) -> Self {
        let platform = Platform::start().await;
        let settings =
            format!("[plugins.consent]\nsettings = {{ platform_url = \"{}\" }}", platform.url);
        let setup = TestHost::with(&["consent", "probe"]).toml(&settings).toml(toml);
        let host = setup.env("RUST_LOG", "trace").start().await;
        Self { host, platform, browser: Browser::default() }
    }

    /// From now on the platform sends browsers back with a code that makes the plugin do this.
    fn code(&self, code: Value) {
        self.platform.will_answer(&[("code", &code.to_string())]);
    }

    fn url(&self, query: &[(&str, &str)]) -> String {
        let mut url =
            Url::parse(&format!("{}/auth/consent/authorize", self.host.url)).expect("a URL");
        url.query_pairs_mut().extend_pairs(query);
        url.into()
    }

    /// To the platform, and with its answer to the host's door: the URL of the callback.
    async fn leave(&mut self, query: &[(&str, &str)]) -> String {
        let leaving = self.browser.visit(&self.url(query)).await;
        self.over_the_platform(&leaving).await
    }

    async fn over_the_platform(&mut self, leaving: &Answer) -> String {
        let there = self.browser.visit(Browser::sent_on(leaving).as_str()).await;
        Browser::sent_on(&there).into()
    }

    /// The whole way, to the URL of the driver.
    async fn go(&mut self, query: &[(&str, &str)]) -> Url {
        let callback = self.leave(query).await;
        Browser::sent_on(&self.browser.visit(&callback).await)
    }

    /// Moves the host's clock, and waits until it goes by it: request ids begin with the time.
    async fn advance(&self, by: Duration) {
        let time = async || {
            let id = self.host.get("/healthz").await.header("x-request-id").to_owned();
            let digit =
                |letter| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(letter).unwrap_or(0) as u64;
            id.chars().take(10).fold(0, |time, letter| time << 5 | digit(letter))
        };
        let to = time().await + u64::try_from(by.as_millis()).expect("a short time");
        self.host.advance(by);
        until("the clock was moved", async || (time().await >= to).then_some(())).await;
    }

    async fn community(&self, slug: &str) -> Value {
        self.host.get(&format!("/api/internal/community/{slug}")).await.expect(200)
    }

    async fn slugs(&self) -> Vec<String> {
        let all = self.host.get("/api/internal/community").await.expect(200);
        let all = all["communities"].as_array().cloned().unwrap_or_default();
        all.iter().map(|one| one["slug"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn users(&self, community: &str) -> Vec<Value> {
        let path = format!("/api/internal/identity/get_users?community={community}");
        self.host.get(&path).await.expect(200).as_array().cloned().unwrap_or_default()
    }

    async fn enabled(&self, slug: &str) {
        let config = json!({ "token": "first", "team_id": "T1" });
        self.host.community(slug, "consent", config).await;
    }
}

/// A parameter of the URL that a browser was sent to, which must be there at most once.
fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut found =
        url.query_pairs().filter(|(one, _)| one == name).map(|(_, value)| value.into_owned());
    let first = found.next();
    assert_eq!(found.next(), None, "{name} is twice in {url}");
    first
}

fn app(config: Value) -> Value {
    json!({ "answer": { "config": config } })
}

fn user(identifier: &str) -> Value {
    json!({ "tell": true, "answer": { "account": { "platform_identifier": identifier } } })
}

/// Sent to the driver with this error; its description.
#[track_caller]
fn refused(url: &Url, error: &str) -> String {
    assert!(url.as_str().starts_with("http://localhost:3000/done?session=1&"), "{url}");
    assert_eq!(parameter(url, "error").as_deref(), Some(error), "{url}");
    assert_eq!(parameter(url, "state").as_deref(), Some("the driver's"), "{url}");
    parameter(url, "error_description").unwrap_or_default()
}

const APP: [(&str, &str); 3] =
    [("type", "app"), ("redirect_uri", DRIVER), ("state", "the driver's")];
const USER: [(&str, &str); 4] =
    [("type", "user"), ("redirect_uri", DRIVER), ("state", "the driver's"), ("community", "acme")];

fn into(community: &'static str) -> Vec<(&'static str, &'static str)> {
    APP.iter().copied().chain([("community", community)]).collect()
}

#[tokio::test]
async fn an_app_without_a_community_gets_one_with_its_instance_and_account() {
    let mut scene = Scene::new().await;
    let account = json!({ "platform_identifier": "U1", "community_platform_id": "T1" });
    let answer = json!({
        "config": { "team_id": "T1", "token": TOKEN },
        "account": account,
        "redirect": { "parameters": { "user_id": "U1", "count": 2, "state": "own", "error": "own" } },
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
    assert_eq!(asked["client_id"], "me");
    assert_eq!(asked["scope"], "user all");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["redirect_uri"], format!("{}/auth/consent/callback", scene.host.url));
    assert!(asked["state"].len() >= 43, "256 bits: {}", asked["state"]);
    let back = scene.browser.visit(&callback).await;
    assert_eq!(back.header("referrer-policy"), "no-referrer");
    assert_eq!(scene.browser.cookies(), 0, "the cookie is gone with its state");
    assert_eq!(parameter(&Browser::sent_on(&back), "community").as_deref(), Some("acme"));

    // What the plugin was told, which it put into the account.
    let told = scene.users("acme").await[0]["linked_accounts"][0]["custom_data"].clone();
    assert_eq!((&told["type"], &told["community"]), (&json!("user"), &json!("acme")));
    assert_eq!(told["redirect_uri"], asked["redirect_uri"]);
    assert_eq!(told["query"], json!({ "code": user("U1").to_string() }), "and no state");
    let verifier = told["code_verifier"].as_str().expect("a verifier");
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
    answer.problem(400, "unknown_person");
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
async fn a_state_that_was_used_is_refused() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    let mut thief = scene.browser.clone();
    Browser::sent_on(&scene.browser.visit(&callback).await);
    thief.visit(&callback).await.problem(400, "bad_state");
    scene.browser.visit(&callback).await.problem(400, "bad_state");
    assert_eq!(scene.users("acme").await.len(), 1);
}

#[tokio::test]
async fn a_state_is_used_once_however_many_come_with_it_at_the_same_time() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    let mut visits = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (mut browser, callback) = (scene.browser.clone(), callback.clone());
        visits.spawn(async move { browser.visit(&callback).await.status });
    }
    let mut statuses = visits.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400, 400, 400, 400, 400, 400, 400]);
}

#[tokio::test]
async fn a_state_of_another_browser_is_refused_and_stays_good_in_its_own() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    Browser::default().visit(&callback).await.problem(400, "bad_state");
    // One with a flow of its own is no better.
    let mut other = Browser::default();
    other.visit(&scene.url(&USER)).await.expect(303);
    other.visit(&callback).await.problem(400, "bad_state");
    assert!(scene.users("acme").await.is_empty());
    Browser::sent_on(&scene.browser.visit(&callback).await);
    assert_eq!(scene.users("acme").await.len(), 1);
}

#[tokio::test]
async fn a_state_of_another_plugin_is_refused() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    let mixed_up = callback.replace("/auth/consent/", "/auth/probe/");
    scene.browser.visit(&mixed_up).await.problem(400, "bad_state");
    Browser::sent_on(&scene.browser.visit(&callback).await);
}

#[tokio::test]
async fn a_state_that_has_expired_is_refused() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let in_time = scene.leave(&USER).await;
    let late = scene.leave(&USER).await;
    scene.advance(Duration::from_secs(9 * 60)).await;
    Browser::sent_on(&scene.browser.visit(&in_time).await);
    scene.advance(Duration::from_secs(61)).await;
    scene.browser.visit(&late).await.problem(400, "bad_state");
    assert_eq!(scene.users("acme").await.len(), 1);
}

#[tokio::test]
async fn a_state_that_was_tampered_with_is_refused() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    let state = scene.platform.asked()["state"].clone();
    for wrong in [format!("{state}x"), state.to_lowercase(), "x".to_owned(), String::new()] {
        scene.browser.visit(&callback.replace(&state, &wrong)).await.problem(400, "bad_state");
    }
    let (bare, _) = callback.split_once('?').expect("a query");
    scene.browser.visit(bare).await.problem(400, "bad_state");
    scene.browser.visit(&format!("{bare}?code=x")).await.problem(400, "bad_state");
}

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
        answer.problem(400, "bad_redirect");
    }
    scene.browser.visit(&scene.url(&[])).await.problem(400, "bad_redirect");
    assert_eq!(scene.browser.cookies(), 0);
}

#[tokio::test]
async fn with_a_list_only_its_redirects_are_allowed() {
    let list = "[oauth]\nredirects = [\"https://driver.example/done\"]";
    let mut scene = Scene::with(list).await;
    scene.code(app(json!({ "token": TOKEN })));
    for refused in [DRIVER, "https://driver.example/other", "https://driver.example/done/../x"] {
        let answer = scene.browser.visit(&scene.url(&[("redirect_uri", refused)])).await;
        answer.problem(400, "bad_redirect");
    }
    let done = scene.go(&[("redirect_uri", "https://driver.example/done?a=1")]).await;
    assert!(done.as_str().starts_with("https://driver.example/done?a=1&community="), "{done}");

    // A plugin's own redirect is held to the same list, before anything is stored.
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
    scene.browser.visit(&callback).await.problem(400, "bad_state");
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
}

#[tokio::test]
async fn what_the_plugin_refuses_reaches_the_driver_and_leaves_nothing() {
    let mut scene = Scene::new().await;
    let bad_colour = json!({ "token": TOKEN, "colour": "refused" });
    for (code, error) in [
        (json!({ "refuse": "not-one-collective" }), "not-one-collective"),
        (json!({ "refuse": "Not A Kind" }), "other"),
        (json!({ "trap": true }), "server_error"),
        (json!({ "text": "not JSON" }), "server_error"),
        (json!({ "text": "[]" }), "server_error"),
        (json!({ "answer": {} }), "server_error"),
        (
            json!({ "answer": { "config": { "token": TOKEN }, "account": { "x": 1 } } }),
            "server_error",
        ),
        (app(json!({ "token": [TOKEN] })), "invalid_config"),
        (app(json!({ "tokne": TOKEN })), "invalid_config"),
        (app(bad_colour), "bad-colour"),
    ] {
        scene.code(code.clone());
        let done = scene.go(&APP).await;
        let description = refused(&done, error);
        assert!(!description.is_empty() && !done.as_str().contains(TOKEN), "{code}: {done}");
    }
    assert!(scene.slugs().await.is_empty());
}

#[tokio::test]
async fn a_community_that_was_deleted_meanwhile_is_not_made_again() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(app(json!({ "token": TOKEN })));
    let callback = scene.leave(&into("acme")).await;
    scene.host.delete("/api/internal/community/acme").await.expect(204);
    // Another one of that name is another one.
    scene.host.put_community("acme", json!([])).await.expect(201);
    let done = Browser::sent_on(&scene.browser.visit(&callback).await);
    refused(&done, "community_not_found");
    assert_eq!(scene.community("acme").await["plugins"], json!([]));
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
        (vec![redirect, ("community", "nobody")], 400, "unknown_community"),
        (vec![redirect, ("type", "user")], 400, "bad_request"),
        (vec![redirect, ("type", "user"), ("community", "bare")], 400, "plugin_not_enabled"),
        (vec![redirect, ("metagov_id", "x")], 400, "bad_request"),
        (vec![redirect, ("community", "refused")], 403, "forbidden"),
        (vec![("ticket", "nothing")], 400, "bad_ticket"),
    ] {
        let answer = scene.browser.visit(&scene.url(&query)).await;
        answer.problem(status, code);
    }
    for (plugin, code) in [("nobody", "unknown_plugin"), ("probe", "no_oauth")] {
        let url =
            format!("{}/auth/{plugin}/authorize?redirect_uri=http://localhost/", scene.host.url);
        scene.browser.visit(&url).await.problem(404, code);
    }
    assert_eq!(scene.browser.cookies(), 0);
}

#[tokio::test]
async fn once_a_key_exists_a_browser_needs_a_ticket_which_is_good_once() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    let key = scene.host.create_key("driver");
    until("keys are required", async || {
        (scene.host.get("/metrics").await.status == 401).then_some(())
    })
    .await;
    scene.browser.visit(&scene.url(&USER)).await.problem(403, "ticket_required");
    let start = "/api/internal/oauth/consent/start";
    let asked = json!({ "type": "user", "redirect_uri": DRIVER, "state": "the driver's", "community": "acme" });
    scene.host.post(start, asked.clone()).await.problem(401, "unauthorized");
    let driver = scene.host.with_key(&key);
    let wrong = driver.post(start, json!({ "redirect_uri": "https://evil.example/" })).await;
    wrong.problem(400, "bad_redirect");

    let started = driver.post(start, asked.clone()).await.expect(200);
    let url = started["authorize_url"].as_str().expect("a URL").to_owned();
    let other = url.replace("/auth/consent/", "/auth/probe/");
    scene.browser.visit(&other).await.problem(404, "no_oauth");
    scene.code(user("U1"));
    let leaving = scene.browser.visit(&url).await;
    let callback = scene.over_the_platform(&leaving).await;
    let done = Browser::sent_on(&scene.browser.visit(&callback).await);
    assert_eq!(parameter(&done, "state").as_deref(), Some("the driver's"));
    assert_eq!(parameter(&done, "error"), None, "{done}");
    scene.browser.visit(&url).await.problem(400, "bad_ticket");

    let started = driver.post(start, asked).await.expect(200);
    let url = started["authorize_url"].as_str().expect("a URL").to_owned();
    scene.advance(Duration::from_secs(601)).await;
    scene.browser.visit(&url).await.problem(400, "bad_ticket");
}

#[tokio::test]
async fn open_authorize_lets_anybody_begin() {
    let mut scene = Scene::with("[oauth]\nopen_authorize = true").await;
    scene.host.create_key("driver");
    until("keys are required", async || {
        (scene.host.get("/metrics").await.status == 401).then_some(())
    })
    .await;
    scene.code(app(json!({ "token": TOKEN })));
    assert_eq!(parameter(&scene.go(&APP).await, "error"), None);
}

#[tokio::test]
async fn behind_a_public_url_cookies_are_secure_and_the_platform_is_given_it() {
    let mut scene = Scene::with("[http]\npublic_url = \"https://plugins.example/\"").await;
    let leaving = scene.browser.visit(&scene.url(&APP)).await;
    assert!(leaving.header("set-cookie").ends_with("; Secure"), "{}", leaving.header("set-cookie"));
    let to = Browser::sent_on(&leaving);
    let callback = "https://plugins.example/auth/consent/callback";
    assert_eq!(parameter(&to, "redirect_uri").as_deref(), Some(callback));
}

#[tokio::test]
async fn through_a_tunnel_the_public_url_has_to_be_known() {
    let scene = Scene::new().await;
    let url = scene.url(&APP);
    let path = url.strip_prefix(&scene.host.url).expect("a URL of the host");
    let request = scene.host.request(reqwest::Method::GET, path).header("Host", "tunnel.example");
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
    browser.visit(&url).await.problem(502, "plugin_bad_output");
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
