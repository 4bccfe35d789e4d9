//! The app is installed by a browser, and people link their accounts.

use moothall_tests::platforms::github::{ORGANISATION, USER};
use moothall_tests::{Answer, Browser};
use serde_json::{Value, json};
use url::Url;

use super::GitHubScene;

const DRIVER: &str = "http://localhost:3000/done";

/// Goes to GitHub and back as this person; returns the driver's URL at the end.
async fn go(scene: &GitHubScene, login: &str, query: &[(&str, &str)]) -> Url {
    let mut browser = Browser::default();
    scene.github.visited_by(login, &format!("{}/auth/github/callback", scene.host.url));
    let mut url = Url::parse(&format!("{}/auth/github/authorize", scene.host.url)).expect("a URL");
    url.query_pairs_mut().extend_pairs(query).append_pair("redirect_uri", DRIVER);
    let mut answer: Answer = browser.visit(url.as_str()).await;
    loop {
        let next = Browser::sent_on(&answer);
        if next.as_str().starts_with(DRIVER) {
            return next;
        }
        answer = browser.visit(next.as_str()).await;
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(one, _)| one == name).map(|(_, value)| value.into_owned())
}

async fn accounts(scene: &GitHubScene, community: &str) -> Value {
    let path = format!("/api/internal/identity/get_users?community={community}");
    scene.host.get(&path).await.expect(200)[0]["linked_accounts"].clone()
}

#[tokio::test]
async fn an_owner_installs_the_app_and_gets_a_community() {
    let scene = GitHubScene::without_community().await;
    for (installation, owner) in [(ORGANISATION, "acme"), (USER, "ann")] {
        scene.github.installs(Some(installation));
        let done = go(&scene, "ann", &[("type", "app")]).await;
        assert_eq!(parameter(&done, "error"), None, "{done}");
        let slug = parameter(&done, "community").expect("a community");
        let community =
            scene.host.get(&format!("/api/internal/community/{slug}")).await.expect(200);
        let config = json!({ "owner": owner, "installation_id": installation.to_string() });
        assert_eq!(community["plugins"][0]["config"], config);
        let accounts = accounts(&scene, &slug).await;
        assert_eq!(
            (&accounts[0]["platform_identifier"], &accounts[0]["custom_data"]["login"]),
            (&json!("1"), &json!("ann"))
        );
        let installed = scene.host.result(&slug, "github.get-installation", json!({})).await;
        assert_eq!(installed["account"]["login"], owner);
    }
}

#[tokio::test]
async fn nobody_gets_an_installation_that_is_not_theirs() {
    let scene = GitHubScene::without_community().await;
    // A member, a stranger, another user's, and one that is none.
    for (login, installation) in
        [("bob", ORGANISATION), ("eve", ORGANISATION), ("bob", USER), ("ann", 7)]
    {
        scene.github.installs(Some(installation));
        let done = go(&scene, login, &[("type", "app")]).await;
        let error = parameter(&done, "error").expect("an error");
        assert!(["forbidden", "not_found"].contains(&error.as_str()), "{done}");
    }
    scene.github.installs(None);
    let done = go(&scene, "bob", &[("type", "app")]).await;
    assert!(
        parameter(&done, "error_description").is_some_and(|why| why.contains("approve")),
        "{done}"
    );
    let all = scene.host.get("/api/internal/community").await.expect(200);
    assert_eq!(all["communities"], json!([]));
}

#[tokio::test]
async fn an_installation_that_exists_is_enabled_by_its_number() {
    let scene = GitHubScene::without_community().await;
    scene.github.is_installed();
    let mut browser = Browser::default();
    let url = format!("{}/auth/github/authorize?type=app&redirect_uri={DRIVER}", scene.host.url);
    let page = Browser::sent_on(&browser.visit(&url).await);
    let page = browser.visit(page.as_str()).await;
    assert_eq!((page.status, page.header("location")), (200, ""), "GitHub sends nobody back");
    let config = json!({ "installation_id": ORGANISATION.to_string() });
    scene.host.community("acme", "github", config).await;
    let installed = scene.act("get-installation", json!({})).await.expect(200);
    assert_eq!(installed["account"]["login"], "acme");
}

#[tokio::test]
async fn an_app_that_cannot_see_members_finds_no_owner() {
    let scene = GitHubScene::without_community().await;
    scene.github.installs(Some(ORGANISATION));
    scene.github.permits("members", None);
    let done = go(&scene, "ann", &[("type", "app")]).await;
    assert_eq!(parameter(&done, "error").as_deref(), Some("forbidden"), "{done}");
}

#[tokio::test]
async fn a_person_links_an_account() {
    let scene = GitHubScene::new().await;
    let done = go(&scene, "bob", &[("type", "user"), ("community", "acme")]).await;
    assert_eq!(parameter(&done, "error"), None, "{done}");
    let accounts = accounts(&scene, "acme").await;
    assert_eq!(accounts[0]["platform_identifier"], "2");
    assert_eq!(accounts[0]["link_quality"], "confirmed (strong)");
}
