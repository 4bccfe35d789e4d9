//! A plugin sees and changes accounts of other platforms only with a grant.

use moothall_tests::TestHost;
use serde_json::json;

const IDENTITY: &str = "/api/internal/identity";

async fn consent(toml: &str) -> TestHost {
    let host = TestHost::with(&["consent", "probe"]).toml(toml).start().await;
    let plugins = json!([{ "name": "consent", "config": { "token": "t" } }, { "name": "probe" }]);
    host.put_community("acme", plugins).await.expect(201);
    host
}

/// Links an account of the platform `probe`, as a driver; returns the person.
async fn link_probe(host: &TestHost) -> i64 {
    let ids = json!({ "community_slug": "acme", "count": 1 });
    let ids = host.post(&format!("{IDENTITY}/create_id"), ids).await.expect(201);
    let account = json!({
        "external_id": ids[0], "community_slug": "acme", "platform_type": "probe",
        "platform_identifier": "U1", "link_quality": "unconfirmed",
    });
    host.post(&format!("{IDENTITY}/link_account"), account).await.expect(200);
    ids[0].as_i64().expect("a number")
}

async fn accounts_of(host: &TestHost, person: i64) -> usize {
    let user = host.result("acme", "consent.user", json!({ "external_id": person.to_string() }));
    user.await["linked_accounts"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn accounts_of_other_platforms_are_a_plugins_only_with_a_grant() {
    let mut host = consent("").await;
    let person = link_probe(&host).await;
    let of_probe = json!({
        "platform_type": "probe", "platform_identifier": "U1", "link_quality": "confirmed (strong)",
    });
    for action in ["consent.link", "consent.unlink", "consent.find"] {
        let refused = host.action("acme", action, of_probe.clone()).await;
        let detail = refused.problem(403, "forbidden");
        let line = "`grants = { accounts = [\"probe\"] }` under [plugins.consent] in moothall.toml";
        assert!(detail.contains(line), "{action}: {detail}");
    }
    assert_eq!(accounts_of(&host, person).await, 0, "it sees none of them");

    for platform in ["probe", "*"] {
        let toml = format!("[plugins.consent]\ngrants = {{ accounts = [\"{platform}\"] }}");
        host.set_toml(&toml);
        host.restart().await;
        assert_eq!(accounts_of(&host, person).await, 1);
        let found = host.result("acme", "consent.find", of_probe.clone()).await;
        assert_eq!(found["external_id"], json!(person.to_string()));
    }
    let linked = host.result("acme", "consent.link", of_probe).await;
    assert_eq!(linked["link_quality"], "confirmed (strong)");
}
