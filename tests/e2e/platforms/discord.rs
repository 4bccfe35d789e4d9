//! The plugin `discord` with an application of a Discord: its actions and what people do here, votes in `votes`, the
//! guild's and people's consent in `consent`.

mod consent;
mod votes;

use moothall_tests::platforms::discord::interactions::signed;
use moothall_tests::platforms::discord::{APPLICATION, CHANNEL, Discord, GUILD, KEY, USER};
use moothall_tests::platforms::traffic::Mishap;
use moothall_tests::{Answer, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

/// A community with the plugin, and its Discord.
struct DiscordScene {
    host: TestHost,
    discord: Discord,
}

impl DiscordScene {
    async fn new() -> Self {
        Self::with(json!({ "guild_id": GUILD, "guild_name": "guild 1" })).await
    }

    async fn with(config: Value) -> Self {
        let scene = Self::bare("").await;
        scene.host.community("acme", "discord", config).await;
        scene
    }

    /// Nobody has enabled the plugin yet. `more` are settings, after a comma.
    async fn bare(more: &str) -> Self {
        let discord = Discord::start().await;
        let host = TestHost::with(&["discord"]).toml(&discord.toml(more)).start().await;
        Self { host, discord }
    }

    async fn perform(&self, action: &str, parameters: Value) -> Answer {
        self.host.action("acme", &format!("discord.{action}"), parameters).await
    }

    async fn start(&self, parameters: Value) -> Answer {
        self.host.start_process("acme", "discord.vote", parameters).await
    }
}

/// A number as drivers of Metagov's gateway write it.
fn number(id: &str) -> u64 {
    id.parse().expect("a number")
}

#[tokio::test]
async fn a_message_is_posted_with_whatever_discord_knows() {
    let scene = DiscordScene::new().await;
    let parameters = json!({ "text": "Hello", "channel": number(CHANNEL), "tts": false });
    let posted = scene.perform("post-message", parameters).await.expect(200);
    assert_eq!((&posted["content"], &posted["channel_id"]), (&json!("Hello"), &json!(CHANNEL)));
    let by_text = json!({ "text": "Hello", "channel": CHANNEL });
    scene.perform("post-message", by_text).await.expect(200);
    let empty = json!({ "text": "", "channel": CHANNEL });
    let refused = scene.perform("post-message", empty).await.problem(400, "invalid");
    assert_eq!(refused, "Cannot send an empty message");
    scene
        .perform("post-message", json!({ "text": "Hello" }))
        .await
        .problem(400, "invalid_parameters");
}

#[tokio::test]
async fn any_route_can_be_called() {
    let scene = DiscordScene::new().await;
    let post = json!({ "route": format!("channels/{CHANNEL}/messages"), "method": "post", "content": "Hello" });
    let id = scene.perform("method", post).await.expect(200)["id"].clone();
    let id = id.as_str().expect("an id");
    let listed = json!({ "route": format!("/channels/{CHANNEL}/messages"), "limit": 1 });
    let listed = scene.perform("method", listed).await.expect(200);
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let versioned = json!({ "route": format!("/v9/channels/{CHANNEL}") });
    assert_eq!(scene.perform("method", versioned).await.expect(200)["id"], CHANNEL);
    assert_eq!(scene.discord.traffic.seen("GET /api/v9/").len(), 1);
    let react = format!("/channels/{CHANNEL}/messages/{id}/reactions/%F0%9F%91%8D/@me");
    let silent = scene.perform("method", json!({ "route": react, "method": "PUT" })).await;
    assert_eq!(silent.expect(200), Value::Null);
    let pins = json!({ "route": format!("/channels/{CHANNEL}/messages/pins") });
    assert_eq!(scene.perform("method", pins).await.expect(200)["items"], json!([]));
    let too_many = json!({ "route": format!("/channels/{CHANNEL}/messages"), "limit": 101 });
    scene.perform("method", too_many).await.problem(400, "invalid");
    scene.perform("method", json!({ "route": "/../../x" })).await.problem(400, "invalid");
}

#[tokio::test]
async fn a_list_in_a_query_is_its_parameter_several_times() {
    let scene = DiscordScene::new().await;
    let (ann, bob) = (USER, "1400000000000000002");
    scene.discord.says(ann, "Hello");
    scene.discord.says(bob, "Hi");
    let search = json!({ "route": format!("/guilds/{GUILD}/messages/search"), "author_id": [ann, number(bob)] });
    let found = scene.perform("method", search.clone()).await.expect(200);
    assert_eq!(found["total_results"], 2);
    // As long as the operator has not asked Discord for what people write.
    assert_eq!(found["messages"][0][0]["content"], "");
    scene.discord.allows_content();
    let found = scene.perform("method", search).await.expect(200);
    assert_eq!(found["messages"][0][0]["content"], "Hello");
}

#[tokio::test]
async fn a_guild_has_its_commands() {
    let scene = DiscordScene::new().await;
    let options = json!([{ "name": "command", "description": "Command", "type": 3 }]);
    let command = json!({ "name": "policykit", "description": "Asks.", "options": options });
    let made = scene.perform("register-guild-command", command).await.expect(200);
    assert_eq!(made["options"], options, "everything that Discord knows is passed on");
    let changed =
        json!({ "name": "policykit", "description": "Asks again.", "command_id": made["id"] });
    let changed = scene.perform("register-guild-command", changed).await.expect(200);
    assert_eq!(changed["id"], made["id"]);
    assert_eq!(scene.discord.commands()["policykit"]["description"], "Asks again.");
    let wrong = json!({ "name": "Policy Kit", "description": "No." });
    scene.perform("register-guild-command", wrong).await.problem(400, "invalid");
    let guild = scene.perform("get-guild", json!({})).await.expect(200);
    assert_eq!((&guild["id"], &guild["name"]), (&json!(GUILD), &json!("guild 1")));
}

#[tokio::test]
async fn discord_s_refusals_are_told_from_its_failures() {
    let scene = DiscordScene::new().await;
    let post = async |channel: &str| {
        scene.perform("post-message", json!({ "text": "Hello", "channel": channel })).await
    };
    assert_eq!(post("1").await.problem(404, "not_found"), "Unknown Channel");
    let limited = |seconds: &str| Mishap::With(429, "retry-after", seconds.to_owned());
    scene.discord.traffic.befalls("/messages", limited("1"));
    post(CHANNEL).await.expect(200);
    scene.discord.traffic.befalls("/messages", limited("60"));
    post(CHANNEL).await.problem(503, "unavailable");
    scene.discord.traffic.befalls("/messages", Mishap::Status(500, "oops"));
    post(CHANNEL).await.problem(503, "unavailable");
    scene.discord.traffic.befalls(
        "/messages",
        Mishap::Status(403, "{\"message\":\"Missing Access\",\"code\":50001}"),
    );
    assert_eq!(post(CHANNEL).await.problem(403, "forbidden"), "Missing Access");
    scene.discord.traffic.befalls("/messages", Mishap::Status(200, "<html>"));
    post(CHANNEL).await.problem(500, "internal");
}

#[tokio::test]
async fn a_slash_command_is_answered_at_once_and_told_whole() {
    // As a driver enables it that knows the number.
    let scene = DiscordScene::with(json!({ "guild_id": number(GUILD) })).await;
    let told = scene.discord.uses(&scene.host, USER, "policykit").await;
    assert_eq!(told.as_deref(), Some("Message received!"));
    let events = until("the event is there", async || {
        let page = scene.host.get("/api/internal/events?community=acme").await.expect(200);
        let events = page["events"].as_array().expect("a list").clone();
        (!events.is_empty()).then_some(events)
    })
    .await;
    let event = &events[0];
    assert_eq!(
        (&event["source"], &event["event_type"]),
        (&json!("discord"), &json!("slash_command"))
    );
    let by = json!({ "user_id": USER, "provider": "discord", "is_metagov_bot": false });
    assert_eq!(event["initiator"], by);
    assert_eq!(event["data"]["data"]["options"][0]["value"], "hello");
    assert_eq!(
        (&event["data"]["application_id"], &event["data"]["guild_id"]),
        (&json!(APPLICATION), &json!(GUILD))
    );
}

#[tokio::test]
async fn discord_checks_the_url_before_it_uses_it() {
    let scene = DiscordScene::bare("").await;
    let ping =
        json!({ "id": "1", "application_id": APPLICATION, "type": 1, "token": "t", "version": 1 });
    let pong = scene.discord.sends(&scene.host, &ping).await;
    assert_eq!(pong.expect(200), json!({ "type": 1 }));
    // It also sends wrong signatures, and takes only 401 for an answer.
    let forged = signed(&scene.host, "/api/hooks/discord", &ping.to_string(), &[1; 32]);
    answer(forged).await.problem(401, "bad_signature");
    let changed = signed(&scene.host, "/api/hooks/discord", &ping.to_string(), &KEY).body("{}");
    answer(changed).await.problem(401, "bad_signature");
    let bare = scene.host.request(Method::POST, "/api/hooks/discord").json(&ping);
    answer(bare).await.problem(401, "bad_signature");
}

#[tokio::test]
async fn what_is_for_another_application_or_guild_reaches_nobody() {
    let scene = DiscordScene::new().await;
    let command = json!({ "id": "1", "name": "policykit", "type": 1 });
    let mut elsewhere = scene.discord.interaction(2, USER, GUILD, command.clone(), Value::Null);
    elsewhere["application_id"] = json!("1100000000000000002");
    scene.discord.sends(&scene.host, &elsewhere).await.problem(401, "unauthorized");
    let other = scene.discord.interaction(2, USER, "1200000000000000002", command, Value::Null);
    assert_eq!(scene.discord.sends(&scene.host, &other).await.text, "");
    // Signed by Discord, and sent to the URL of a community that has another guild.
    let sent = signed(&scene.host, "/api/hooks/acme/discord", &other.to_string(), &KEY);
    assert_eq!(answer(sent).await.text, "");
    let forged = signed(&scene.host, "/api/hooks/acme/discord", &other.to_string(), &[1; 32]);
    answer(forged).await.problem(401, "bad_signature");
    let page = scene.host.get("/api/internal/events").await.expect(200);
    assert_eq!(page["events"], json!([]));
}
