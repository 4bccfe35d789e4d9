//! The tutorial's authorisations with a real provider (npm's `oidc-provider`, unchanged), which demands what the
//! RFCs demand.

use moothall_tests::node::Script;
use moothall_tests::{Answer, Browser, TestHost};
use serde_json::{Value, json};
use url::Url;

use super::scene::{APP, USER, into, parameter, refused};
use super::visits::form;

struct ProviderScene {
    host: TestHost,
    browser: Browser,
    _provider: Script,
}

impl ProviderScene {
    /// Starts the provider and the tutorial, configured for each other as the book says.
    async fn new(issuer: Option<&str>) -> Self {
        let mut provider = Script::start("provider.mjs", &[]);
        let url = provider.line().await;
        let issuer = issuer.unwrap_or(&url);
        let host = TestHost::with(&["tutorial"])
            .toml(&format!(
                "[plugins.tutorial]\n\
                 settings = {{ oauth_base_url = \"{url}\", oauth_issuer = \"{issuer}\", \
                 client_id = \"moot & hall\", client_secret = \"hush+%&\" }}\n\
                 grants = {{ http = [\"settings:/oauth_base_url\"], cidr = [\"127.0.0.0/8\"] }}"
            ))
            .start()
            .await;
        let client = json!({
            "client_id": "moot & hall",
            "client_secret": "hush+%&",
            "redirect_uris": [format!("{}/auth/tutorial/callback", host.url)],
            "token_endpoint_auth_method": "client_secret_post",
        });
        provider.send(&client.to_string());
        assert_eq!(provider.line().await, "ready");
        Self { host, browser: Browser::default(), _provider: provider }
    }

    fn url(&self, query: &[(&str, &str)]) -> String {
        let mut url =
            Url::parse(&format!("{}/auth/tutorial/authorize", self.host.url)).expect("a URL");
        url.query_pairs_mut().extend_pairs(query);
        url.into()
    }

    /// Goes through the provider's pages, with more of its parameters, to the first redirect that
    /// leaves it.
    async fn over_the_provider(&mut self, query: &[(&str, &str)], more: &str) -> Answer {
        let leaving = self.browser.visit(&self.url(query)).await;
        let mut url = Url::parse(&format!("{}{more}", Browser::sent_on(&leaving))).expect("a URL");
        loop {
            let answer = self.browser.visit(url.as_str()).await;
            let Ok(next) = url.join(answer.header("location")) else { return answer };
            if answer.status != 303 || next.as_str().starts_with(&self.host.url) {
                return answer;
            }
            url = next;
        }
    }

    async fn go(&mut self, query: &[(&str, &str)], more: &str) -> Url {
        let back = self.over_the_provider(query, more).await;
        Browser::sent_on(&self.browser.visit(Browser::sent_on(&back).as_str()).await)
    }

    async fn accounts(&self) -> Value {
        let people = self.host.get("/api/internal/identity/get_users?community=acme").await;
        people.expect(200)[0]["linked_accounts"].clone()
    }
}

#[tokio::test]
async fn the_tutorial_is_installed_and_people_are_linked_by_a_real_provider() {
    let mut scene = ProviderScene::new(None).await;
    let done = scene.go(&APP, "").await;
    assert_eq!(parameter(&done, "error"), None, "{done}");
    let slug = parameter(&done, "community").expect("a new community");
    let community = scene.host.get(&format!("/api/internal/community/{slug}")).await.expect(200);
    assert_eq!(community["plugins"][0]["name"], "tutorial");
    assert_eq!(community["plugins"][0]["config"]["api_key"], "********");

    scene.host.community("acme", "tutorial", json!({ "api_key": "first" })).await;
    let done = scene.go(&USER, "").await;
    assert_eq!(parameter(&done, "error"), None, "{done}");
    let accounts = scene.accounts().await;
    assert_eq!(accounts[0]["platform_identifier"], "ann", "{accounts}");
    let done = scene.go(&into("acme"), "").await;
    assert_eq!(parameter(&done, "error"), None, "{done}");
}

#[tokio::test]
async fn a_real_provider_s_error_is_passed_on() {
    let mut scene = ProviderScene::new(None).await;
    let done = scene.go(&APP, "&login_hint=nobody").await;
    assert_eq!(refused(&done, "access_denied"), "nobody may");
    let done = scene.go(&APP, "&prompt=none").await;
    assert!(!refused(&done, "login_required").is_empty(), "{done}");
}

#[tokio::test]
async fn a_real_provider_that_is_not_the_issuer_is_refused() {
    let mut scene = ProviderScene::new(Some("https://another.example")).await;
    let done = scene.go(&APP, "").await;
    assert!(refused(&done, "server_error").contains("issuer"), "{done}");
}

#[tokio::test]
async fn a_real_provider_may_post_its_answer() {
    let mut scene = ProviderScene::new(None).await;
    scene.host.community("acme", "tutorial", json!({ "api_key": "first" })).await;
    let page = scene.over_the_provider(&USER, "&response_mode=form_post").await;
    let (url, fields) = form(&page, &scene.host.url);
    assert!(url.starts_with(&scene.host.url), "{url}");
    let page = scene.browser.post_from_elsewhere(&url, &fields).await;
    let (url, fields) = form(&page, &url);
    let done = Browser::sent_on(&scene.browser.post(&url, &fields).await);
    assert_eq!(parameter(&done, "error"), None, "{done}");
    assert_eq!(scene.accounts().await[0]["platform_identifier"], "ann");
}

#[tokio::test]
async fn what_a_real_token_endpoint_says_reaches_the_driver() {
    let mut scene = ProviderScene::new(None).await;
    let back = scene.over_the_provider(&APP, "").await;
    // A code of another authorisation, which has another PKCE verifier.
    let stolen = Browser::sent_on(&back);
    let stolen = parameter(&stolen, "code").expect("a code");
    let back = Browser::sent_on(&scene.over_the_provider(&APP, "").await);
    let own = parameter(&back, "code").expect("a code");
    let mixed_up = back.as_str().replace(&own, &stolen);
    let done = Browser::sent_on(&scene.browser.visit(&mixed_up).await);
    assert!(refused(&done, "unauthorized").contains("invalid_grant"), "{done}");
}
