//! People of communities and their accounts on platforms, over HTTP and as plugins see them.

mod plugins;

use moothall_tests::TestHost;
use serde_json::{Value, json};

const IDENTITY: &str = "/api/internal/identity";

async fn host() -> TestHost {
    let host = TestHost::with(&["consent", "probe"]).start().await;
    let plugins = json!([{ "name": "consent", "config": { "token": "t" } }, { "name": "probe" }]);
    host.put_community("acme", plugins).await.expect(201);
    host
}

async fn people(host: &TestHost, community: &str, count: usize) -> Vec<i64> {
    let body = json!({ "community_slug": community, "count": count });
    let ids = host.post(&format!("{IDENTITY}/create_id"), body).await.expect(201);
    let ids = ids.as_array().expect("a list").iter();
    ids.map(|id| id.as_i64().expect("a number")).collect()
}

async fn merge(host: &TestHost, primary: i64, secondary: i64) -> Value {
    let body = json!({ "primary_instance_id": primary, "secondary_instance_id": secondary });
    host.post(&format!("{IDENTITY}/merge_ids"), body).await.expect(200)
}

fn account(person: i64, identifier: &str) -> Value {
    json!({
        "external_id": person, "community_slug": "acme", "platform_type": "consent",
        "platform_identifier": identifier,
    })
}

/// `account` with additional or changed fields.
fn with(mut account: Value, fields: &[(&str, &str)]) -> Value {
    for (name, value) in fields {
        account[*name] = json!(value);
    }
    account
}

async fn link(host: &TestHost, account: Value) -> moothall_tests::Answer {
    host.post(&format!("{IDENTITY}/link_account"), account).await
}

async fn get(host: &TestHost, route: &str, query: &str) -> Value {
    host.get(&format!("{IDENTITY}/{route}?{query}")).await.expect(200)
}

#[tokio::test]
async fn people_get_ids_that_are_numbers_and_hard_to_guess() {
    let host = host().await;
    let ids = people(&host, "acme", 20).await;
    let close = ids.iter().filter(|one| ids.iter().any(|other| (*one - other).abs() == 1));
    assert_eq!((ids.len(), close.count()), (20, 0), "{ids:?}");
    assert!(ids.iter().all(|id| (1..1 << 53).contains(id)), "{ids:?}");
    let one = json!({ "community_slug": "acme" });
    let one = host.post(&format!("{IDENTITY}/create_id"), one).await.expect(201);
    assert_eq!(one.as_array().map(Vec::len), Some(1));
    for count in [0, 1_001] {
        let body = json!({ "community_slug": "acme", "count": count });
        host.post(&format!("{IDENTITY}/create_id"), body).await.problem(400, "bad_request");
    }
    let nobody = json!({ "community_slug": "nobody" });
    let unknown = host.post(&format!("{IDENTITY}/create_id"), nobody).await;
    unknown.problem(400, "unknown_community");
    host.post(&format!("{IDENTITY}/create_id"), json!({})).await.problem(400, "bad_request");
}

#[tokio::test]
async fn a_linked_account_is_found_by_its_person() {
    let host = host().await;
    let person = people(&host, "acme", 1).await[0];
    let mut asked = account(person, "U1");
    asked["custom_data"] = json!({ "name": "Ada" });
    let linked = link(&host, asked).await.expect(200);
    let expected = json!({
        "external_id": person, "community": "acme", "community_platform_id": null,
        "platform_type": "consent", "platform_identifier": "U1", "custom_data": { "name": "Ada" },
        "link_type": "unknown", "link_quality": "unknown",
    });
    assert_eq!(linked, expected);
    let user = get(&host, "get_user", &format!("external_id={person}")).await;
    let whole = json!({ "source_ID": person, "primary_ID": person, "linked_accounts": [linked] });
    assert_eq!(user, whole);
    let query = format!("external_id={person}&platform_type=consent");
    assert_eq!(get(&host, "get_linked_account", &query).await, expected);
    assert_eq!(
        get(&host, "get_linked_account", &format!("{query}&community_platform_id=")).await,
        expected
    );
    let other = format!("external_id={person}&platform_type=consent&community_platform_id=T1");
    assert_eq!(get(&host, "get_linked_account", &other).await, json!({}));
}

#[tokio::test]
async fn a_wrong_request_is_told_what_is_right() {
    let host = host().await;
    let person = people(&host, "acme", 1).await[0];
    for (field, value, says) in [
        ("link_type", "magic", "\"manual admin\""),
        ("link_quality", "sure", "\"confirmed (strong)\""),
        ("platform_identifier", "", "1 to 500"),
    ] {
        let refused = link(&host, with(account(person, "U1"), &[(field, value)])).await;
        let detail = refused.problem(400, "bad_request");
        assert!(detail.contains(says), "{detail}");
    }
    let elsewhere = with(account(person, "U1"), &[("platform_type", "nothing")]);
    link(&host, elsewhere).await.problem(400, "plugin_not_enabled");
    let nobody = link(&host, account(1, "U1")).await.problem(400, "unknown_person");
    assert_eq!(nobody, "There is no person 1");
    for (path, status) in [
        ("get_user", 400),
        ("get_user?external_id=x", 400),
        ("get_user?external_id=1", 400),
        ("get_users", 400),
        ("get_users?community=nobody", 400),
        ("get_users?community=acme&link_type=magic", 400),
        ("filter_users_by_account?community=acme", 400),
        ("filter_users_by_account?community=acme&external_id_list=x", 400),
        ("get_linked_account?external_id=1&platform_type=consent", 400),
    ] {
        let answer = host.get(&format!("{IDENTITY}/{path}")).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
    let missing = format!("get_linked_account?external_id={person}");
    host.get(&format!("{IDENTITY}/{missing}")).await.problem(400, "bad_request");
}

#[tokio::test]
async fn only_a_surer_claim_changes_an_account_or_takes_it_over() {
    let host = host().await;
    let ids = people(&host, "acme", 2).await;
    let weak = with(account(ids[0], "U1"), &[("link_quality", "confirmed (weak)")]);
    link(&host, with(weak.clone(), &[("link_type", "manual admin")])).await.expect(200);
    let same = link(&host, with(weak, &[("link_type", "oauth")])).await.expect(200);
    assert_eq!(same["link_type"], "manual admin", "no surer, no change");
    let strong = [("link_quality", "confirmed (strong)"), ("link_type", "oauth")];

    let mut of_other = account(ids[1], "U1");
    link(&host, of_other.clone()).await.problem(409, "account_owned");
    of_other["link_quality"] = json!("confirmed (weak)");
    link(&host, of_other.clone()).await.problem(409, "account_owned");
    let taken = link(&host, with(of_other, &strong)).await.expect(200);
    assert_eq!((&taken["external_id"], &taken["link_type"]), (&json!(ids[1]), &json!("oauth")));
    let user = get(&host, "get_user", &format!("external_id={}", ids[0])).await;
    assert_eq!(user["linked_accounts"], json!([]));
    link(&host, with(account(ids[0], "U1"), &strong)).await.problem(409, "account_owned");
}

#[tokio::test]
async fn merging_is_transitive_and_can_be_repeated() {
    let host = host().await;
    let ids = people(&host, "acme", 5).await;
    for (at, id) in ids.iter().enumerate() {
        link(&host, account(*id, &format!("U{at}"))).await.expect(200);
    }
    merge(&host, ids[0], ids[1]).await;
    merge(&host, ids[2], ids[3]).await;
    let merged = merge(&host, ids[1], ids[3]).await;
    assert_eq!((&merged["source_ID"], &merged["primary_ID"]), (&json!(ids[1]), &json!(ids[0])));
    assert_eq!(merge(&host, ids[1], ids[3]).await, merged);
    assert_eq!(merge(&host, ids[3], ids[1]).await["primary_ID"], json!(ids[0]));
    for id in &ids[..4] {
        let user = get(&host, "get_user", &format!("external_id={id}")).await;
        assert_eq!(user["primary_ID"], json!(ids[0]));
        assert_eq!(user["linked_accounts"].as_array().map(Vec::len), Some(4));
    }
    // Accounts keep their owners, and are found from everyone merged; a person's own come first.
    let query = format!("external_id={}&platform_type=consent", ids[3]);
    assert_eq!(get(&host, "get_linked_account", &query).await["platform_identifier"], "U3");
    let body = json!({ "community_slug": "acme", "platform_type": "consent", "platform_identifier": "U3" });
    let unlink = format!("{IDENTITY}/unlink_account");
    assert_eq!(host.post(&unlink, body.clone()).await.expect(200), json!(true));
    host.post(&unlink, body).await.problem(400, "unknown_account");
    assert_eq!(get(&host, "get_linked_account", &query).await["platform_identifier"], "U0");

    let all = get(&host, "get_users", "community=acme").await;
    let mut primaries = [ids[0], ids[4]];
    primaries.sort_unstable();
    let listed: Vec<_> = all.as_array().expect("a list").iter().map(|u| &u["primary_ID"]).collect();
    assert_eq!(json!(listed), json!(primaries));
}

#[tokio::test]
async fn people_of_two_communities_are_never_one() {
    let host = host().await;
    host.put_community("other", json!([{ "name": "consent", "config": { "token": "t" } }]))
        .await
        .expect(201);
    let (here, there) = (people(&host, "acme", 1).await[0], people(&host, "other", 1).await[0]);
    let body = json!({ "primary_instance_id": here, "secondary_instance_id": there });
    host.post(&format!("{IDENTITY}/merge_ids"), body).await.problem(400, "bad_request");
    let nobody = link(&host, account(there, "U1")).await.problem(400, "unknown_person");
    assert_eq!(nobody, format!("There is no person {there} in community 'acme'"));
    // The same account can be linked in both.
    link(&host, account(here, "U1")).await.expect(200);
    link(&host, with(account(there, "U1"), &[("community_slug", "other")])).await.expect(200);
    let seen =
        host.action("other", "consent.user", json!({ "external_id": here.to_string() })).await;
    seen.problem(404, "not_found");
}

#[tokio::test]
async fn users_are_filtered_by_their_accounts() {
    let host = host().await;
    let ids = people(&host, "acme", 3).await;
    link(&host, with(account(ids[0], "U1"), &[("link_type", "oauth")])).await.expect(200);
    link(&host, with(account(ids[1], "U2"), &[("community_platform_id", "T1")])).await.expect(200);
    link(&host, with(account(ids[2], "U3"), &[("platform_type", "probe")])).await.expect(200);
    for (filter, expected) in [
        ("platform_type=probe", vec![ids[2]]),
        ("platform_identifier=U1", vec![ids[0]]),
        ("community_platform_id=T1&platform_type=consent", vec![ids[1]]),
        ("link_type=oauth", vec![ids[0]]),
        ("link_quality=confirmed%20(strong)", vec![]),
    ] {
        let users = get(&host, "get_users", &format!("community=acme&{filter}")).await;
        let found: Vec<_> =
            users.as_array().expect("a list").iter().map(|u| &u["source_ID"]).collect();
        assert_eq!(json!(found), json!(expected), "{filter}");
        let list = format!("{},{},{}", ids[0], ids[1], ids[2]);
        let query = format!("community=acme&external_id_list={list}&{filter}");
        assert_eq!(
            get(&host, "filter_users_by_account", &query).await,
            json!(expected),
            "{filter}"
        );
    }
    let list = format!("external_id_list={}&external_id_list={}", ids[2], ids[0]);
    let kept = get(&host, "filter_users_by_account", &format!("community=acme&{list}")).await;
    assert_eq!(kept, json!([ids[2], ids[0]]));
    let list = format!("external_id_list=[{},{}]&platform_type=consent", ids[2], ids[0]);
    let kept = get(&host, "filter_users_by_account", &format!("community=acme&{list}")).await;
    assert_eq!(kept, json!([ids[0]]));
}

#[tokio::test]
async fn users_come_in_pages() {
    let host = host().await;
    let mut ids = people(&host, "acme", 3).await;
    ids.sort_unstable();
    let path = format!("{IDENTITY}/get_users?community=acme&limit=2");
    let first = host.get(&path).await;
    let next = first.header("link").split(['<', '>']).nth(1).unwrap_or_default().to_owned();
    let rest = host.get(&next).await;
    assert_eq!(rest.header("link"), "", "the last page leads nowhere");
    let pages = [first.expect(200), rest.expect(200)];
    let seen: Vec<_> = pages.iter().filter_map(Value::as_array).flatten().collect();
    let seen: Vec<_> = seen.iter().map(|user| user["primary_ID"].as_i64().unwrap_or(0)).collect();
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn which_of_two_accounts_is_unlinked_has_to_be_said() {
    let host = host().await;
    let person = people(&host, "acme", 1).await[0];
    let body = json!({ "community_slug": "acme", "platform_type": "consent", "platform_identifier": "U1" });
    for team in ["T1", "T2"] {
        link(&host, with(account(person, "U1"), &[("community_platform_id", team)]))
            .await
            .expect(200);
    }
    let unlink = format!("{IDENTITY}/unlink_account");
    host.post(&unlink, body.clone()).await.problem(400, "bad_request");
    host.post(&unlink, with(body, &[("community_platform_id", "T1")])).await.expect(200);
    let user = get(&host, "get_user", &format!("external_id={person}")).await;
    assert_eq!(user["linked_accounts"][0]["community_platform_id"], "T2");
    assert_eq!(user["linked_accounts"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_linked_account_is_of_an_instance_that_there_is_as_an_action_is() {
    let host = TestHost::with(&["consent"]).start().await;
    let team = |id: &str| json!({ "name": "consent", "config": { "token": "t", "team_id": id } });
    host.put_community("acme", json!([team("T1")])).await.expect(201);
    let person = people(&host, "acme", 1).await[0];
    let of = |team: &str| with(account(person, "U1"), &[("community_platform_id", team)]);
    link(&host, account(person, "U0")).await.expect(200);
    host.put_community("acme", json!([team("T1"), team("T2")])).await.expect(200);
    link(&host, of("T1")).await.expect(200);
    let refused = link(&host, of("T9")).await.problem(400, "unknown_instance");
    assert!(refused.contains("T1") && refused.contains("T2"), "{refused}");
    let refused = link(&host, account(person, "U2")).await.problem(400, "ambiguous_instance");
    assert!(refused.contains("T1") && refused.contains("T2"), "{refused}");
}

#[tokio::test]
async fn an_account_is_unlinked_only_from_whoever_has_it() {
    let host = host().await;
    let ids = people(&host, "acme", 3).await;
    link(&host, account(ids[0], "U1")).await.expect(200);
    merge(&host, ids[0], ids[1]).await;
    let unlink = format!("{IDENTITY}/unlink_account");
    let refused = host.post(&unlink, account(ids[2], "U1")).await;
    let detail = refused.problem(409, "account_owned");
    assert!(detail.contains(&ids[2].to_string()), "{detail}");
    host.post(&unlink, account(1, "U1")).await.problem(400, "unknown_person");
    let query = format!("external_id={}&platform_type=consent", ids[0]);
    let stays = get(&host, "get_linked_account", &query).await;
    assert_eq!(stays["platform_identifier"], "U1");
    // A person who is merged with the owner counts as the owner.
    assert_eq!(host.post(&unlink, account(ids[1], "U1")).await.expect(200), json!(true));
}

#[tokio::test]
async fn deleting_a_community_deletes_its_people_and_accounts() {
    let mut host = host().await;
    let person = people(&host, "acme", 1).await[0];
    link(&host, account(person, "U1")).await.expect(200);
    host.delete("/api/internal/community/acme").await.expect(204);
    host.get(&format!("{IDENTITY}/get_user?external_id={person}"))
        .await
        .problem(400, "unknown_person");
    let plugins = json!([{ "name": "consent", "config": { "token": "t" } }]);
    host.put_community("acme", plugins).await.expect(201);
    assert_eq!(get(&host, "get_users", "community=acme").await, json!([]));
    let found = json!({ "platform_type": "consent", "platform_identifier": "U1" });
    assert_eq!(host.result("acme", "consent.find", found).await, Value::Null);
    host.restart().await;
    host.get(&format!("{IDENTITY}/get_user?external_id={person}")).await.expect(400);
}
