//! People and their accounts as plugins see and change them.

use serde_json::json;

use super::{IDENTITY, account, get, host, link, people, with};

#[tokio::test]
async fn a_plugin_sees_what_its_call_has_linked() {
    let host = host().await;
    let linked = json!({ "platform_identifier": "U1", "custom_data": [1] });
    let linked = host.result("acme", "consent.link", linked).await;
    let person = linked["external_id"].as_str().expect("a text").to_owned();
    assert_eq!(linked["platform_type"], "consent", "the plugin's own name");
    let user = host.result("acme", "consent.user", json!({ "external_id": person })).await;
    assert_eq!(user["linked_accounts"], json!([linked]));
    assert_eq!((&user["source_ID"], &user["primary_ID"]), (&json!(person), &json!(person)));
    let named = json!({ "platform_type": "consent", "platform_identifier": "U1" });
    assert_eq!(host.result("acme", "consent.find", named.clone()).await, linked);
    // Accounts belong to the whole community: HTTP shows the same account.
    let over_http = get(&host, "get_user", &format!("external_id={person}")).await;
    assert_eq!(over_http["linked_accounts"][0]["custom_data"], json!([1]));
    // Without a person, an account that is linked already keeps its person.
    let again = host.result("acme", "consent.link", json!({ "platform_identifier": "U1" })).await;
    assert_eq!(again, linked);
    assert_eq!(host.result("acme", "consent.unlink", named.clone()).await, json!(true));
    assert_eq!(host.result("acme", "consent.unlink", named).await, json!(false));
}

#[tokio::test]
async fn a_plugin_cannot_take_an_account_without_a_surer_claim() {
    let host = host().await;
    let ids = people(&host, "acme", 2).await;
    link(&host, with(account(ids[0], "U1"), &[("link_quality", "unconfirmed")])).await.expect(200);
    let claim = json!({ "external_id": ids[1].to_string(), "platform_identifier": "U1" });
    host.action("acme", "consent.link", claim.clone()).await.problem(409, "conflict");
    let surer = with(claim, &[("link_quality", "confirmed (weak)")]);
    assert_eq!(
        host.result("acme", "consent.link", surer).await["external_id"],
        json!(ids[1].to_string())
    );
    let nobody = json!({ "external_id": "1", "platform_identifier": "U2" });
    host.action("acme", "consent.link", nobody).await.problem(404, "not_found");
    let wrong = json!({ "platform_identifier": "U2", "link_type": "magic" });
    let detail = host.action("acme", "consent.link", wrong).await.problem(400, "invalid");
    assert!(detail.contains("`email matching`"), "{detail}");
}

#[tokio::test]
async fn a_failed_call_links_nothing() {
    let host = host().await;
    let refused =
        host.action("acme", "consent.link-and-fail", json!({ "platform_identifier": "U1" }));
    refused.await.problem(500, "internal");
    assert_eq!(get(&host, "get_users", "community=acme").await, json!([]));
}

#[tokio::test]
async fn a_call_changes_a_bounded_number_of_accounts() {
    let host = host().await;
    let over = host.action("acme", "consent.link-many", json!({ "count": 101 })).await;
    let detail = over.problem(409, "conflict");
    assert!(detail.contains("100"), "{detail}");
    assert_eq!(get(&host, "get_users", "community=acme").await, json!([]));
    host.action("acme", "consent.link-many", json!({ "count": 100 })).await.expect(200);
    let users = get(&host, "get_users", "community=acme").await;
    assert_eq!(users.as_array().map(Vec::len), Some(100));
}

#[tokio::test]
async fn of_calls_that_link_one_account_at_once_all_agree_whose_it_is() {
    let host = host().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let driver = (*host).clone();
        calls.spawn(async move {
            driver.action("acme", "consent.link", json!({ "platform_identifier": "U1" })).await
        });
    }
    let mut owners = std::collections::BTreeSet::new();
    while let Some(answer) = calls.join_next().await {
        let answer = answer.expect("no task panics");
        // A call that came too late is refused, and leaves nothing.
        match answer.status {
            200 => drop(owners.insert(answer.json()["external_id"].to_string())),
            _ => drop(answer.problem(409, "conflict")),
        }
    }
    assert_eq!(owners.len(), 1, "{owners:?}");
    let users = get(&host, "get_users", "community=acme").await;
    assert_eq!(users.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_unlinking_never_beats_a_surer_link() {
    let host = host().await;
    let ids = people(&host, "acme", 2).await;
    let named = json!({ "platform_type": "consent", "platform_identifier": "U1" });
    for quality in ["confirmed (weak)", "confirmed (strong)"] {
        link(&host, with(account(ids[0], "U1"), &[("link_quality", quality)])).await.expect(200);
        let refused = host.action("acme", "consent.unlink", named.clone()).await;
        let detail = refused.problem(409, "conflict");
        assert!(detail.contains(quality), "{detail}");
        let query = format!("external_id={}&platform_type=consent", ids[0]);
        let stays = get(&host, "get_linked_account", &query).await;
        assert_eq!(stays["link_quality"], quality);
    }
    // The plugin can unlink what nobody has confirmed, and what it linked itself, however certain.
    link(&host, account(ids[0], "U2")).await.expect(200);
    let unsure = with(named.clone(), &[("platform_identifier", "U2")]);
    assert_eq!(host.result("acme", "consent.unlink", unsure).await, json!(true));
    let own = with(named, &[("platform_identifier", "U3"), ("link_quality", "confirmed (strong)")]);
    host.result("acme", "consent.link", own.clone()).await;
    assert_eq!(host.result("acme", "consent.unlink", own).await, json!(true));
    // A driver can unlink everything.
    let body = json!({ "community_slug": "acme", "platform_type": "consent", "platform_identifier": "U1" });
    host.post(&format!("{IDENTITY}/unlink_account"), body).await.expect(200);
}
