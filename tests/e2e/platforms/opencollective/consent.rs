//! An account that acts for a collective enables the plugin, and people log in, over Open Collective's consent page.

use moothall_tests::Browser;
use moothall_tests::platforms::opencollective::{COLLECTIVE, OpenCollective, account};
use moothall_tests::{TestHost, platforms::traffic::Mishap};
use serde_json::{Value, json};
use url::Url;

use super::{bare, scene};

/// Sends a browser on its way; returns the driver's URL at its end.
async fn goes(host: &TestHost, kind: &str) -> Url {
    let mut browser = Browser::default();
    let mut url =
        Url::parse(&format!("{}/auth/opencollective/authorize", host.url)).expect("a URL");
    url.query_pairs_mut().extend_pairs([
        ("type", kind),
        ("community", "acme"),
        ("redirect_uri", "http://localhost:3000/done"),
        ("state", "the driver's"),
    ]);
    let there = Browser::sent_on(&browser.visit(url.as_str()).await);
    let back = Browser::sent_on(&browser.visit(there.as_str()).await);
    Browser::sent_on(&browser.visit(back.as_str()).await)
}

async fn start() -> (TestHost, OpenCollective) {
    let (host, platform) = bare("").await;
    host.put_community("acme", json!([])).await.expect(201);
    (host, platform)
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(one, _)| one == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn the_account_of_a_collective_enables_the_plugin() {
    let (host, platform) = start().await;
    let done = goes(&host, "app").await;
    assert_eq!(parameter(&done, "error"), None, "{done}");
    assert_eq!(parameter(&done, "collective").as_deref(), Some(COLLECTIVE));
    assert_eq!(parameter(&done, "state").as_deref(), Some("the driver's"));
    let community = host.get("/api/internal/community/acme").await.expect(200);
    let instance = &community["plugins"][0];
    assert_eq!(
        (&instance["config"]["collective_slug"], &instance["config"]["access_token"]),
        (&json!(COLLECTIVE), &json!("********"))
    );
    assert_eq!(instance["community_platform_id"], COLLECTIVE);
    host.result("acme", "opencollective.list-members", json!({})).await;
    let asked = &platform.traffic.seen("/oauth/authorize")[0];
    assert!(
        asked.contains("scope=email%2Caccount%2Cexpenses%2Cconversations%2Cwebhooks"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_person_logs_in_with_the_account_that_events_name() {
    let (host, platform) = scene().await;
    platform.consents(account("ann", "Ann", &[]));
    let done = goes(&host, "user").await;
    assert_eq!(parameter(&done, "error"), None, "{done}");
    let people = host.get("/api/internal/identity/get_users?community=acme").await.expect(200);
    let linked = &people[0]["linked_accounts"][0];
    assert_eq!(
        (&linked["platform_type"], &linked["platform_identifier"]),
        (&json!("opencollective"), &json!("ann"))
    );
}

#[tokio::test]
async fn an_account_that_does_not_act_for_one_collective_enables_nothing() {
    let (host, platform) = start().await;
    let bot = |member_of: &[(&str, &str)]| account("bot", "A governance BOT", member_of);
    for (who, error) in [
        (account("ann", "Ann", &[(COLLECTIVE, "ADMIN")]), "non_bot_account"),
        (bot(&[]), "not_one_collective"),
        (bot(&[(COLLECTIVE, "ADMIN"), ("others", "ADMIN")]), "not_one_collective"),
        (bot(&[(COLLECTIVE, "BACKER")]), "insufficient_permissions"),
    ] {
        platform.consents(who);
        assert_eq!(parameter(&goes(&host, "app").await, "error").as_deref(), Some(error));
    }
    platform.traffic.befalls("/oauth/token", Mishap::Status(400, "{\"error\":\"invalid_grant\"}"));
    assert_eq!(parameter(&goes(&host, "app").await, "error").as_deref(), Some("unauthorized"));
    platform.traffic.befalls("/graphql", Mishap::Status(500, "oops"));
    assert_eq!(parameter(&goes(&host, "app").await, "error").as_deref(), Some("unavailable"));
    let community = host.get("/api/internal/community/acme").await.expect(200);
    assert_eq!(community["plugins"], Value::Array(Vec::new()));
}
