//! Communities: created, changed, renamed, listed and deleted, each request whole or not at all.

use moothall_tests::TestHost;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const COMMUNITIES: &str = "/api/internal/community";

fn path(slug: &str) -> String {
    format!("{COMMUNITIES}/{slug}")
}

fn tutorial() -> Value {
    json!({ "name": "tutorial", "config": { "api_key": "k" } })
}

#[tokio::test]
async fn post_creates_with_the_given_slug_or_a_random_one() {
    let host = TestHost::with(&["tutorial"]).start().await;
    let body = json!({ "slug": "Acme_1", "readable_name": "Acme", "plugins": [tutorial()] });
    let community = host.post(COMMUNITIES, body).await.expect(201);
    assert_eq!(community["slug"], "Acme_1");
    assert_eq!(community["name"], "Acme_1");
    assert_eq!(community["readable_name"], "Acme");
    assert_eq!(community["plugins"][0]["config"], json!({ "api_key": "********", "foo": "bar" }));
    assert_eq!(host.get(&path("Acme_1")).await.expect(200), community);

    let mut slugs = Vec::new();
    for _ in 0..2 {
        let slug = host.post(COMMUNITIES, json!({})).await.expect(201)["slug"].clone();
        let slug = slug.as_str().expect("a slug").to_owned();
        assert!(slug.len() >= 16, "'{slug}' can be guessed");
        host.get(&path(&slug)).await.expect(200);
        slugs.push(slug);
    }
    assert_ne!(slugs[0], slugs[1]);
}

#[tokio::test]
async fn a_slug_that_is_taken_is_a_conflict() {
    let host = TestHost::with(&[]).start().await;
    host.post(COMMUNITIES, json!({ "slug": "acme" })).await.expect(201);
    let again = host.post(COMMUNITIES, json!({ "slug": "acme" })).await;
    again.problem(409, "community_exists");
    host.put(&path("other"), json!({})).await.expect(201);
    let renamed = host.put(&path("other"), json!({ "slug": "acme" })).await;
    renamed.problem(409, "community_exists");
    host.get(&path("other")).await.expect(200);
}

#[tokio::test]
async fn a_bad_plugin_config_leaves_no_community_behind() {
    let host = TestHost::with(&["tutorial", "randomness"]).start().await;
    let plugins = json!([tutorial(), { "name": "randomness", "config": { "default_low": "x" } }]);
    let refused = host.post(COMMUNITIES, json!({ "slug": "acme", "plugins": plugins })).await;
    refused.problem(400, "invalid_config");
    assert!(!refused.error_paths().is_empty());
    host.get(&path("acme")).await.problem(404, "unknown_community");

    host.put(&path("acme"), json!({ "plugins": plugins })).await.problem(400, "invalid_config");
    host.get(&path("acme")).await.expect(404);
}

#[tokio::test]
async fn an_unknown_plugin_leaves_no_community_behind() {
    let host = TestHost::with(&["tutorial"]).start().await;
    let plugins = json!([tutorial(), { "name": "nobody", "config": {} }]);
    let refused = host.put(&path("acme"), json!({ "plugins": plugins })).await;
    refused.problem(400, "unknown_plugin");
    host.get(&path("acme")).await.expect(404);
}

#[tokio::test]
async fn a_failed_change_leaves_the_community_as_it_was() {
    let host = TestHost::with(&["tutorial", "misbehaving"]).start().await;
    let before = host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    let plugins = json!([{ "name": "misbehaving", "config": { "initialize": "error" } }]);
    let body = json!({ "slug": "renamed", "readable_name": "Acme", "plugins": plugins });
    host.put(&path("acme"), body).await.problem(400, "invalid");
    assert_eq!(host.get(&path("acme")).await.expect(200), before);
    host.get(&path("renamed")).await.expect(404);
}

#[tokio::test]
async fn put_wants_the_name_of_its_path() {
    let host = TestHost::with(&[]).start().await;
    let refused = host.put(&path("acme"), json!({ "name": "other" })).await;
    assert_eq!(refused.problem(400, "bad_request"), "Expected name acme, found other");
    host.get(&path("acme")).await.expect(404);
    let body = json!({ "slug": "acme", "name": "other" });
    let refused = host.post("/api/internal/community", body).await;
    assert_eq!(refused.problem(400, "bad_request"), "Expected name acme, found other");
    let same = json!({ "slug": "acme", "name": "acme" });
    host.post("/api/internal/community", same).await.expect(201);
}

#[tokio::test]
async fn a_community_that_is_not_there_cannot_be_renamed() {
    let host = TestHost::with(&[]).start().await;
    let refused = host.put(&path("old"), json!({ "slug": "new" })).await;
    refused.problem(404, "unknown_community");
    host.get(&path("new")).await.expect(404);
    host.put(&path("old"), json!({ "slug": "old" })).await.expect(201);
}

#[tokio::test]
async fn what_was_read_can_be_put_while_a_plugins_file_is_away() {
    let host = TestHost::with(&["probe", "tutorial"]).start().await;
    let probe = json!({ "name": "probe", "config": { "token": "t", "note": "n" } });
    host.put_community("acme", json!([probe, tutorial()])).await.expect(201);
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    std::fs::remove_file(host.plugin_file("probe.wasm")).expect("the file is there");
    let mut away = moothall_tests::until("the plugin is away", async || {
        let got = host.action("acme", "probe.get", json!({ "key": "a" })).await;
        (got.status == 503).then_some(())?;
        Some(host.get(&path("acme")).await.expect(200))
    })
    .await;
    assert_eq!(away["plugins"].as_array().map(Vec::len), Some(2), "{away}");
    let put = host.put(&path("acme"), away.clone()).await.expect(200);
    assert_eq!(put, away, "it stays");

    // The other plugins can be changed, and this one needs no config.
    away["plugins"][0] = json!({ "name": "probe" });
    away["plugins"][1]["config"]["foo"] = json!("another");
    let changed = host.put(&path("acme"), away.clone()).await.expect(200);
    assert_eq!(changed["plugins"][0], put["plugins"][0]);
    assert_eq!(changed["plugins"][1]["config"]["foo"], "another", "{changed}");

    let other = json!([{ "name": "probe", "config": { "note": "other" } }]);
    host.put_community("acme", other).await.problem(503, "plugin_unavailable");
    let new = json!([{ "name": "probe" }]);
    host.put_community("beta", new).await.problem(400, "unknown_plugin");

    host.put_guest("probe");
    let kept = moothall_tests::until("the plugin serves again", async || {
        let got = host.action("acme", "probe.get", json!({ "key": "a" })).await;
        (got.status == 200).then(|| got.json())
    })
    .await;
    assert_eq!(kept["value"], 1);
}

#[tokio::test]
async fn put_with_another_slug_renames_and_keeps_instances_and_state() {
    let mut host = TestHost::with(&["probe"]).start().await;
    let before = host.community("old", "probe", json!({})).await;
    host.result("old", "probe.put", json!({ "key": "a", "value": 1 })).await;

    let renamed = host.put(&path("old"), json!({ "name": "old", "slug": "new" })).await.expect(200);
    assert_eq!(renamed["name"], "new");
    assert_eq!(renamed["plugins"][0]["id"], before["plugins"][0]["id"]);
    assert_eq!(renamed["plugins"][0]["community"], "new");
    host.get(&path("old")).await.problem(404, "unknown_community");
    host.action("old", "probe.get", json!({ "key": "a" })).await.problem(400, "unknown_community");
    let found = host.result("new", "probe.get", json!({ "key": "a" })).await;
    assert_eq!(found, json!({ "value": 1 }));

    host.restart().await;
    let whoami = host.result("new", "probe.whoami", json!({})).await;
    assert_eq!(whoami["community"], "new");
    host.put(&path("old"), json!({})).await.expect(201);
}

#[tokio::test]
async fn plugins_absent_stay_and_an_empty_list_disables_all() {
    let host = TestHost::with(&["probe", "tutorial"]).start().await;
    let plugins = json!([tutorial(), { "name": "probe" }]);
    let before = host.put_community("acme", plugins).await.expect(201);
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;

    let body = json!({ "readable_name": "Acme" });
    let named = host.put(&path("acme"), body).await.expect(200);
    assert_eq!(named["readable_name"], "Acme");
    assert_eq!(named["plugins"], before["plugins"]);
    assert_eq!(host.result("acme", "probe.get", json!({ "key": "a" })).await["value"], 1);

    let emptied = host.put_community("acme", json!([])).await.expect(200);
    assert_eq!(emptied["plugins"], json!([]));
    assert_eq!(emptied["readable_name"], "Acme");

    host.put_community("acme", json!([{ "name": "probe" }])).await.expect(200);
    let found = host.result("acme", "probe.get", json!({ "key": "a" })).await;
    assert_eq!(found["value"], Value::Null, "state is lost with the instance");
}

#[tokio::test]
async fn a_plugin_that_is_not_listed_any_more_is_disabled_and_the_others_stay() {
    let host = TestHost::with(&["probe", "tutorial"]).start().await;
    let plugins = json!([tutorial(), { "name": "probe" }]);
    let before = host.put_community("acme", plugins).await.expect(201);
    let after = host.put_community("acme", json!([{ "name": "probe" }])).await.expect(200);
    assert_eq!(after["plugins"].as_array().map(Vec::len), Some(1));
    let ids = before["plugins"].as_array().into_iter().flatten().map(|plugin| plugin["id"].clone());
    assert!(ids.collect::<Vec<_>>().contains(&after["plugins"][0]["id"]));
    let refused = host.action("acme", "tutorial.times-two", json!({ "value": 1 })).await;
    refused.problem(400, "plugin_not_enabled");
}

#[tokio::test]
async fn communities_are_listed_page_by_page() {
    let host = TestHost::with(&[]).start().await;
    for slug in ["c", "a", "e", "b", "d"] {
        host.put(&path(slug), json!({})).await.expect(201);
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    for _ in 0..3 {
        let page = host.get(&format!("{COMMUNITIES}?limit=2&after={after}")).await.expect(200);
        let slugs = page["communities"].as_array().expect("a page").iter();
        seen.extend(slugs.map(|one| one["slug"].as_str().expect("a slug").to_owned()));
        after = page["next"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    let all = host.get(COMMUNITIES).await.expect(200);
    assert_eq!(all["communities"].as_array().map(Vec::len), Some(5));
    assert_eq!(all["next"], Value::Null);
    host.get(&format!("{COMMUNITIES}?limit=many")).await.problem(400, "bad_request");
}

#[tokio::test]
async fn a_deleted_community_is_gone_with_everything_of_it() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({ "token": "s" })).await;
    let answer = host.delete(&path("acme")).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    host.delete(&path("acme")).await.problem(404, "unknown_community");
    host.get(&path("acme")).await.expect(404);
    host.action("acme", "probe.whoami", json!({})).await.problem(400, "unknown_community");
    host.restart().await;
    host.get(&path("acme")).await.expect(404);
}

#[tokio::test]
async fn slugs_are_checked() {
    let host = TestHost::with(&[]).start().await;
    let long = "x".repeat(51);
    for slug in ["", "with space", "ümlaut", "a/b", "a.b", long.as_str()] {
        let refused = host.post(COMMUNITIES, json!({ "slug": slug })).await;
        refused.problem(400, "bad_request");
    }
    host.put(&path("a.b"), json!({})).await.problem(400, "bad_request");
    host.put(&path("acme"), json!({ "slug": "a b" })).await.problem(400, "bad_request");
    host.get(&path("acme")).await.expect(404);
    host.post(COMMUNITIES, json!({ "slug": "x".repeat(50) })).await.expect(201);
}

#[tokio::test]
async fn of_many_that_create_one_slug_at_once_one_succeeds() {
    let host = TestHost::with(&["probe"]).start().await;
    let mut creations = JoinSet::new();
    for number in 0..10 {
        let driver = (*host).clone();
        let plugins = json!([{ "name": "probe", "config": { "generation": number } }]);
        let body = json!({ "slug": "acme", "plugins": plugins });
        creations.spawn(async move { driver.post(COMMUNITIES, body).await.status });
    }
    let mut statuses = creations.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn renames_that_cross_each_other_end() {
    let host = TestHost::with(&[]).start().await;
    for slug in ["a", "b"] {
        host.put(&path(slug), json!({})).await.expect(201);
    }
    let mut renames = JoinSet::new();
    for number in 0..20 {
        let (from, to) = [("a", "b"), ("b", "a"), ("a", "c"), ("c", "b")][number % 4];
        let driver = (*host).clone();
        renames.spawn(async move {
            let answer = driver.put(&path(from), json!({ "slug": to })).await;
            assert!(matches!(answer.status, 200 | 404 | 409), "{}", answer.text);
        });
    }
    renames.join_all().await;
    let all = host.get(COMMUNITIES).await.expect(200);
    assert_eq!(all["communities"].as_array().map(Vec::len), Some(2), "{all}");
}

#[tokio::test]
async fn a_community_offers_the_actions_of_its_plugins() {
    let host = TestHost::with(&["tutorial", "probe"]).start().await;
    host.community("acme", "tutorial", json!({ "api_key": "k" })).await;
    let offered = host.get(&path("acme/actions")).await.expect(200);
    let times_two = &offered["actions"][0];
    assert_eq!(times_two["id"], "tutorial.times-two");
    assert_eq!(times_two["description"], "Doubles a number.");
    assert!(times_two["parameters_schema"]["properties"]["value"].is_object());
    assert!(times_two["response_schema"]["properties"]["result"].is_object());
    let hooks = host.get(&path("acme/hooks")).await.expect(200);
    assert_eq!(hooks, json!({ "hooks": ["/api/hooks/acme/tutorial"] }));
    let processes = host.get(&path("acme/processes")).await.expect(200);
    assert_eq!(processes["processes"][0]["id"], "tutorial.my-gov-process");
    let events = host.get(&path("acme/events")).await.expect(200);
    assert_eq!(events["events"][0]["source"], "tutorial");
    for part in ["hooks", "processes", "events"] {
        host.get(&path(&format!("nobody/{part}"))).await.problem(404, "unknown_community");
    }
}

#[tokio::test]
async fn a_plugin_that_is_put_without_its_config_keeps_it() {
    let host = TestHost::with(&["probe", "tutorial"]).start().await;
    let config = json!({ "api_key": "k", "foo": "own" });
    let made = host.community("acme", "tutorial", config).await;
    let plugins = json!([{ "name": "tutorial" }, { "name": "probe" }]);
    let now = host.put_community("acme", plugins).await.expect(200);
    assert_eq!(now["plugins"][0], made["plugins"][0], "the same instance with the same config");
    assert_eq!(now["plugins"][1]["name"], "probe");

    // It is not said which of several.
    let two = json!([
        { "name": "probe", "config": { "server_url": "https://a.example" } },
        { "name": "probe", "config": { "server_url": "https://b.example" } },
    ]);
    host.put_community("two", two).await.expect(201);
    let which = host.put_community("two", json!([{ "name": "probe" }])).await;
    let detail = which.problem(400, "ambiguous_instance");
    assert!(detail.contains("config"), "{detail}");
}
