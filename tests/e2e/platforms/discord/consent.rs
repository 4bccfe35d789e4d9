//! The bot is added to a guild, and people log in, over Discord's consent page.

use moothall_tests::Browser;
use moothall_tests::platforms::discord::{CHANNEL, GUILD, STRANGER, USER};
use moothall_tests::platforms::traffic::Mishap;
use serde_json::{Value, json};
use url::Url;

use super::DiscordScene;

const DRIVER: &str = "http://localhost:3000/done";

impl DiscordScene {
    /// Sends a browser on its way; returns the driver's URL at its end.
    async fn goes(&self, kind: &str) -> Url {
        let mut browser = Browser::default();
        let mut url =
            Url::parse(&format!("{}/auth/discord/authorize", self.host.url)).expect("a URL");
        url.query_pairs_mut().extend_pairs([
            ("type", kind),
            ("community", "acme"),
            ("redirect_uri", DRIVER),
            ("state", "the driver's"),
        ]);
        let there = Browser::sent_on(&browser.visit(url.as_str()).await);
        let back = Browser::sent_on(&browser.visit(there.as_str()).await);
        Browser::sent_on(&browser.visit(back.as_str()).await)
    }

    async fn instance(&self) -> Value {
        self.host.get("/api/internal/community/acme").await.expect(200)["plugins"][0].clone()
    }

    async fn account(&self) -> Value {
        let people = self.host.get("/api/internal/identity/get_users?community=acme").await;
        people.expect(200)[0]["linked_accounts"][0].clone()
    }
}

fn parameters(url: &Url, name: &str) -> Vec<String> {
    let named = url.query_pairs().filter(|(one, _)| one == name);
    named.map(|(_, value)| value.into_owned()).collect()
}

#[tokio::test]
async fn the_bot_is_added_to_a_guild_and_works_at_once() {
    let scene = DiscordScene::bare("").await;
    scene.host.put_community("acme", json!([])).await.expect(201);
    let done = scene.goes("app").await;
    assert_eq!(parameters(&done, "error"), [""; 0], "{done}");
    assert_eq!(parameters(&done, "user_id"), [USER]);
    assert_eq!(parameters(&done, "guild_id"), [GUILD]);
    assert_eq!(parameters(&done, "user_token").len(), 1);
    let instance = scene.instance().await;
    assert_eq!(instance["config"], json!({ "guild_id": GUILD, "guild_name": "guild 1" }));
    assert_eq!(instance["community_platform_id"], GUILD);
    let account = scene.account().await;
    assert_eq!(
        (&account["platform_identifier"], &account["link_type"]),
        (&json!(USER), &json!("oauth"))
    );
    scene.perform("post-message", json!({ "text": "Hello", "channel": CHANNEL })).await.expect(200);
    let asked = scene.discord.traffic.seen("/oauth2/authorize");
    assert!(asked[0].contains("permissions=68608"), "{asked:?}");
}

#[tokio::test]
async fn a_person_logs_in_who_is_in_a_guild_of_the_community() {
    let scene = DiscordScene::new().await;
    let second = "1200000000000000002";
    scene.host.enable("acme", "discord", json!({ "guild_id": second })).await.expect(201);
    scene.discord.consents(USER, &["1200000000000000003", GUILD, second]);
    let done = scene.goes("user").await;
    assert_eq!(parameters(&done, "error"), [""; 0], "{done}");
    assert_eq!(parameters(&done, "user_id"), [USER]);
    let named = [format!("{GUILD}:guild 1"), format!("{second}:guild 2")];
    assert_eq!(parameters(&done, "guild[]"), named);
    let account = scene.account().await;
    assert_eq!(
        (&account["platform_identifier"], &account["community_platform_id"]),
        (&json!(USER), &json!(GUILD))
    );

    scene.discord.consents(STRANGER, &["1200000000000000003"]);
    let done = scene.goes("user").await;
    assert_eq!(parameters(&done, "error"), ["discord_plugin_not_installed"], "{done}");
    assert_eq!(parameters(&done, "user_token"), [""; 0]);
}

#[tokio::test]
async fn the_person_s_token_need_not_be_in_the_redirect() {
    let scene = DiscordScene::bare(", user_token_in_redirect = false, permissions = 8").await;
    scene.host.put_community("acme", json!([])).await.expect(201);
    let done = scene.goes("app").await;
    assert_eq!((parameters(&done, "error").len(), parameters(&done, "user_token").len()), (0, 0));
    assert!(scene.discord.traffic.seen("/oauth2/authorize")[0].contains("permissions=8&"));
}

#[tokio::test]
async fn what_discord_does_not_confirm_adds_nothing() {
    let scene = DiscordScene::bare("").await;
    scene.host.put_community("acme", json!([])).await.expect(201);
    let refusal = Mishap::Status(400, "{\"error\":\"invalid_grant\"}");
    scene.discord.traffic.befalls("/oauth2/token", refusal);
    assert_eq!(parameters(&scene.goes("app").await, "error"), ["unauthorized"]);
    scene.discord.traffic.befalls("/users/@me", Mishap::Status(500, "oops"));
    assert_eq!(parameters(&scene.goes("app").await, "error"), ["unavailable"]);
    assert_eq!(scene.instance().await, Value::Null);
}
