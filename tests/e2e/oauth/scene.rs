//! A host, a platform and a browser, and the steps of an authorisation between them.

use moothall_tests::platforms::oauth::Platform;
use moothall_tests::{Answer, Browser, Driver, TestHost, until};
use serde_json::{Value, json};
use url::Url;

pub const DRIVER: &str = "http://localhost:3000/done?session=1";
/// The operator's settings about the platform.
const ISSUER: &str = "https://platform.example";
pub const TOKEN: &str = "xoxb-a-token-of-the-platform";

pub struct Scene {
    pub host: TestHost,
    pub platform: Platform,
    pub browser: Browser,
}

impl Scene {
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// Starts it with more configuration.
    pub async fn with(toml: &str) -> Self {
        let platform = Platform::start().await;
        let settings = format!(
            "[plugins.consent]\nsettings = {{ platform_url = \"{}\", issuer = \"{ISSUER}\" }}",
            platform.url
        );
        let setup = TestHost::with(&["consent", "probe"]).toml(&settings).toml(toml);
        let host = setup.env("RUST_LOG", "trace").start().await;
        Self { host, platform, browser: Browser::default() }
    }

    /// From now on the platform sends browsers back with a code that tells the plugin what to do.
    pub fn code(&self, code: Value) {
        self.platform.will_answer(&[("code", &code.to_string())]);
    }

    pub fn url(&self, query: &[(&str, &str)]) -> String {
        let mut url =
            Url::parse(&format!("{}/auth/consent/authorize", self.host.url)).expect("a URL");
        url.query_pairs_mut().extend_pairs(query);
        url.into()
    }

    /// Goes to the platform and back; returns the URL of the callback, which is not visited.
    pub async fn leave(&mut self, query: &[(&str, &str)]) -> String {
        let leaving = self.browser.visit(&self.url(query)).await;
        self.over_the_platform(&leaving).await
    }

    pub async fn over_the_platform(&mut self, leaving: &Answer) -> String {
        let there = self.browser.visit(Browser::sent_on(leaving).as_str()).await;
        Browser::sent_on(&there).into()
    }

    /// Goes the whole way; returns the driver's URL at its end.
    pub async fn go(&mut self, query: &[(&str, &str)]) -> Url {
        let callback = self.leave(query).await;
        Browser::sent_on(&self.browser.visit(&callback).await)
    }

    /// A URL with which anybody may begin, which a driver asked for with its key.
    pub async fn start(&mut self, driver: &Driver, asked: &[(&str, &str)]) -> String {
        let asked: Value = asked.iter().map(|(name, value)| (*name, *value)).collect();
        let started = driver.post("/api/internal/oauth/consent/start", asked).await.expect(200);
        started["authorize_url"].as_str().expect("a URL").to_owned()
    }

    /// A driver with a key. From now on nobody may begin without one.
    pub async fn driver(&self) -> Driver {
        let driver = self.host.with_key(&self.host.create_key("driver"));
        until("keys are required", async || {
            (self.host.get("/metrics").await.status == 401).then_some(())
        })
        .await;
        driver
    }

    pub async fn community(&self, slug: &str) -> Value {
        self.host.get(&format!("/api/internal/community/{slug}")).await.expect(200)
    }

    pub async fn slugs(&self) -> Vec<String> {
        let all = self.host.get("/api/internal/community").await.expect(200);
        let all = all["communities"].as_array().cloned().unwrap_or_default();
        all.iter().map(|one| one["slug"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub async fn users(&self, community: &str) -> Vec<Value> {
        let path = format!("/api/internal/identity/get_users?community={community}");
        self.host.get(&path).await.expect(200).as_array().cloned().unwrap_or_default()
    }

    pub async fn enabled(&self, slug: &str) {
        let config = json!({ "token": "first", "team_id": "T1" });
        self.host.community(slug, "consent", config).await;
    }
}

/// A parameter of the URL to which a browser was sent, which may be there at most once.
pub fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut found =
        url.query_pairs().filter(|(one, _)| one == name).map(|(_, value)| value.into_owned());
    let first = found.next();
    assert_eq!(found.next(), None, "{name} is twice in {url}");
    first
}

pub fn app(config: Value) -> Value {
    json!({ "answer": { "config": config } })
}

pub fn user(identifier: &str) -> Value {
    json!({ "tell": true, "answer": { "account": { "platform_identifier": identifier } } })
}

/// Checks that the browser was sent to the driver with this error; returns the error's description.
#[track_caller]
pub fn refused(url: &Url, error: &str) -> String {
    assert!(url.as_str().starts_with("http://localhost:3000/done?session=1&"), "{url}");
    assert_eq!(parameter(url, "error").as_deref(), Some(error), "{url}");
    assert_eq!(parameter(url, "state").as_deref(), Some("the driver's"), "{url}");
    parameter(url, "error_description").unwrap_or_default()
}

pub const APP: [(&str, &str); 3] =
    [("type", "app"), ("redirect_uri", DRIVER), ("state", "the driver's")];
pub const USER: [(&str, &str); 4] =
    [("type", "user"), ("redirect_uri", DRIVER), ("state", "the driver's"), ("community", "acme")];

pub fn into(community: &'static str) -> Vec<(&'static str, &'static str)> {
    APP.iter().copied().chain([("community", community)]).collect()
}
