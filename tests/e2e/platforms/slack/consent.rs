//! The app is installed in a workspace, and people log in, over Slack's consent page.

use moothall_tests::Browser;
use moothall_tests::platforms::slack::{ADMIN, BOT, CHANNEL, MEMBER, Slack, TEAM};
use moothall_tests::platforms::traffic::Mishap;
use serde_json::{Value, json};
use url::Url;

use super::SlackScene;

const DRIVER: &str = "http://localhost:3000/done";

impl SlackScene {
    /// Sends a browser on its way; returns the driver's URL at its end.
    async fn goes(&self, kind: &str, community: &str) -> Url {
        let mut browser = Browser::default();
        let back = self.leaves(&mut browser, kind, community).await;
        Browser::sent_on(&browser.visit(back.as_str()).await)
    }

    /// The same up to the callback.
    async fn leaves(&self, browser: &mut Browser, kind: &str, community: &str) -> Url {
        let mut url =
            Url::parse(&format!("{}/auth/slack/authorize", self.host.url)).expect("a URL");
        url.query_pairs_mut().extend_pairs([
            ("type", kind),
            ("community", community),
            ("redirect_uri", DRIVER),
            ("state", "the driver's"),
        ]);
        let there = Browser::sent_on(&browser.visit(url.as_str()).await);
        Browser::sent_on(&browser.visit(there.as_str()).await)
    }

    async fn instance(&self) -> Value {
        self.host.get("/api/internal/community/acme").await.expect(200)["plugins"][0].clone()
    }

    async fn accounts(&self) -> Value {
        let people = self.host.get("/api/internal/identity/get_users?community=acme").await;
        people.expect(200)[0]["linked_accounts"].clone()
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(one, _)| one == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn an_admin_installs_the_app_and_it_works_at_once() {
    let scene = SlackScene::bare("").await;
    scene.host.put_community("acme", json!([])).await.expect(201);
    let done = scene.goes("app", "acme").await;
    assert_eq!(parameter(&done, "error"), None, "{done}");
    assert_eq!(parameter(&done, "user_id").as_deref(), Some(ADMIN));
    assert_eq!(parameter(&done, "community").as_deref(), Some("acme"));
    assert_eq!(parameter(&done, "state").as_deref(), Some("the driver's"));
    let token = parameter(&done, "user_token").expect("what PolicyKit wants");
    assert!(scene.slack.accepts(&token));
    let instance = scene.instance().await;
    let config = json!({
        "team_id": TEAM, "team_name": "Acme", "bot_token": "********", "bot_user_id": BOT,
        "installer_user_id": ADMIN, "installer_user_token": "********"
    });
    assert_eq!((&instance["config"], &instance["community_platform_id"]), (&config, &json!(TEAM)));
    let account = scene.accounts().await[0].clone();
    assert_eq!(
        (&account["platform_identifier"], &account["community_platform_id"]),
        (&json!(ADMIN), &json!(TEAM))
    );
    assert_eq!(
        (&account["link_type"], &account["link_quality"]),
        (&json!("oauth"), &json!("confirmed (strong)"))
    );
    let message = json!({ "channel": CHANNEL, "text": "Hello" });
    scene.perform("post-message", message).await.expect(200);
}

#[tokio::test]
async fn who_is_no_admin_installs_nothing_and_ends_no_installation() {
    let scene = SlackScene::bare("").await;
    scene.host.put_community("acme", json!([])).await.expect(201);
    scene.host.community("elsewhere", "slack", Slack::config()).await;
    scene.slack.consents(MEMBER, TEAM);
    let done = scene.goes("app", "acme").await;
    assert_eq!(parameter(&done, "error").as_deref(), Some("slack_installer_is_not_admin"));
    let said = parameter(&done, "error_description");
    assert_eq!(said.as_deref(), Some("Non-admin user is not permitted to install"));
    assert_eq!(scene.instance().await, Value::Null);
    let message = json!({ "channel": CHANNEL, "text": "Hello" });
    scene.host.result("elsewhere", "slack.post-message", message).await;

    let open = ", installer_must_be_admin = false, user_token_in_redirect = false";
    let scene = SlackScene::bare(open).await;
    scene.host.put_community("acme", json!([])).await.expect(201);
    scene.slack.consents(MEMBER, TEAM);
    let done = scene.goes("app", "acme").await;
    assert_eq!((parameter(&done, "error"), parameter(&done, "user_token")), (None, None));
    assert_eq!(scene.instance().await["config"]["installer_user_id"], MEMBER);
}

#[tokio::test]
async fn a_second_installation_renews_the_token_and_keeps_the_votes() {
    let scene = SlackScene::new().await;
    let vote = json!({ "title": "Tea?", "channel": CHANNEL });
    let vote = scene.start("emoji-vote", vote).await.header("location").to_owned();
    let before = scene.instance().await["id"].clone();
    assert_eq!(parameter(&scene.goes("app", "acme").await, "error"), None);
    assert_eq!(scene.instance().await["id"], before);
    assert_eq!(scene.host.get(&vote).await.expect(200)["status"], "pending");
}

#[tokio::test]
async fn a_person_logs_in_with_slack() {
    let scene = SlackScene::new().await;
    scene.slack.consents(MEMBER, TEAM);
    let done = scene.goes("user", "acme").await;
    assert_eq!(parameter(&done, "error"), None, "{done}");
    assert_eq!(parameter(&done, "user_id").as_deref(), Some(MEMBER));
    assert_eq!(parameter(&done, "team_id").as_deref(), Some(TEAM));
    let token = parameter(&done, "user_token").expect("the person's token");
    assert!(scene.slack.accepts(&token));
    assert_eq!(scene.accounts().await[0]["platform_identifier"], MEMBER);
    assert_eq!(scene.slack.traffic.seen("/openid/connect/authorize").len(), 1);

    scene.slack.consents("U0STRANGER", "T0OTHER");
    let done = scene.goes("user", "acme").await;
    assert_eq!(parameter(&done, "error").as_deref(), Some("wrong_community"), "{done}");
}

#[tokio::test]
async fn a_code_that_slack_does_not_accept_installs_nothing() {
    let scene = SlackScene::bare("").await;
    scene.host.put_community("acme", json!([])).await.expect(201);
    let mut browser = Browser::default();
    let back = scene.leaves(&mut browser, "app", "acme").await;
    let forged = back.as_str().replace("code=code.", "code=other.");
    let done = Browser::sent_on(&browser.visit(&forged).await);
    assert_eq!(parameter(&done, "error").as_deref(), Some("invalid_code"), "{done}");
    scene.slack.traffic.befalls("oauth.v2.access", Mishap::Status(500, "oops"));
    let done = scene.goes("app", "acme").await;
    assert_eq!(parameter(&done, "error").as_deref(), Some("unavailable"), "{done}");
    assert_eq!(scene.instance().await, Value::Null);
}

#[tokio::test]
async fn a_token_can_do_what_the_installation_asked_for() {
    let scene = SlackScene::bare(", bot_scopes = [\"chat:write\", \"users:read\"]").await;
    scene.host.put_community("acme", json!([])).await.expect(201);
    scene.slack.consents(ADMIN, "T0NEW");
    let done = scene.goes("app", "acme").await;
    assert_eq!(parameter(&done, "error"), None, "{done}");
    let people = json!({ "users": [MEMBER], "text": "Psst" });
    let refused = scene.perform("post-message", people).await;
    assert_eq!(refused.problem(403, "forbidden"), "missing_scope");
    let message = json!({ "channel": CHANNEL, "text": "Hello" });
    let refused = scene.perform("post-message", message).await;
    assert_eq!(refused.problem(403, "forbidden"), "not_in_channel");
}
