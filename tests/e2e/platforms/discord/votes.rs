//! Votes in messages: people press buttons, and the answer to each press shows the votes.

use std::time::Duration;

use moothall_tests::platforms::discord::{CHANNEL, GUILD, STRANGER, USER};
use moothall_tests::platforms::traffic::Mishap;
use moothall_tests::until;
use serde_json::{Value, json};

use super::{DiscordScene, number};

const OTHER: &str = "1400000000000000002";

impl DiscordScene {
    /// Starts a vote; returns where it is, and its message.
    async fn vote(&self, parameters: Value) -> (String, String) {
        let started = self.start(parameters).await;
        let message = started.expect(202)["outcome"]["message_id"].clone();
        (started.header("location").to_owned(), message.as_str().expect("a message").to_owned())
    }

    async fn votes(&self, location: &str) -> Value {
        self.host.get(location).await.expect(200)["outcome"]["votes"].clone()
    }

    fn content(&self, message: &str) -> String {
        let message = self.discord.message(message).expect("the message is there");
        message["content"].as_str().expect("a text").to_owned()
    }

    /// How many buttons can be pressed.
    fn buttons(&self, message: &str) -> usize {
        let message = self.discord.message(message).expect("the message is there");
        let rows = message["components"].as_array().cloned().unwrap_or_default();
        let buttons =
            rows.iter().flat_map(|row| row["components"].as_array().into_iter().flatten());
        buttons.filter(|button| button["disabled"] == false).count()
    }
}

fn tally(users: &[&str]) -> Value {
    json!({ "count": users.len(), "users": users })
}

#[tokio::test]
async fn each_press_is_answered_with_the_votes() {
    let scene = DiscordScene::new().await;
    let asked = json!({ "title": "Tea?", "details": "With milk.", "poll_type": "boolean", "channel": number(CHANNEL) });
    let (vote, message) = scene.vote(asked).await;
    let started = scene.host.get(&vote).await.expect(200);
    assert_eq!(started["url"], format!("https://discord.com/channels/{GUILD}/{CHANNEL}/{message}"));
    assert_eq!(started["outcome"]["votes"], json!({ "yes": tally(&[]), "no": tally(&[]) }));
    assert!(
        scene
            .content(&message)
            .ends_with("**Tea?**\n\nWith milk.\n\nApprovals   (0)\n\nRejections   (0)")
    );
    for (user, at) in [(USER, 0), (OTHER, 0), (USER, 1), (USER, 1)] {
        assert_eq!(scene.discord.presses(&scene.host, user, &message, at).await, None);
    }
    assert_eq!(scene.votes(&vote).await, json!({ "yes": tally(&[OTHER]), "no": tally(&[USER]) }));
    let shown = format!("Approvals   (1) (<@{OTHER}>)\n\nRejections   (1) (<@{USER}>)");
    assert!(scene.content(&message).ends_with(&shown), "{}", scene.content(&message));
    assert_eq!(scene.buttons(&message), 2);
    let closed = scene.host.delete(&vote).await.expect(200);
    assert_eq!((&closed["status"], &closed["errors"]), (&json!("completed"), &json!({})));
    assert_eq!(closed["outcome"]["votes"]["no"], tally(&[USER]));
    assert_eq!(scene.buttons(&message), 0, "nobody can press them any more");
    assert!(scene.content(&message).ends_with(&shown));
}

#[tokio::test]
async fn only_who_is_eligible_votes_and_others_are_told() {
    let scene = DiscordScene::new().await;
    let asked = json!({
        "title": "Which?", "poll_type": "choice", "options": ["tea", "coffee"], "channel": CHANNEL,
        "eligible_voters": [USER, OTHER], "ineligible_voters": [OTHER]
    });
    let (vote, message) = scene.vote(asked).await;
    for user in [STRANGER, OTHER] {
        let told = scene.discord.presses(&scene.host, user, &message, 0).await;
        assert_eq!(told.as_deref(), Some("You are not eligible to vote in this poll."));
    }
    assert_eq!(scene.discord.presses(&scene.host, USER, &message, 1).await, None);
    assert_eq!(scene.votes(&vote).await, json!({ "tea": tally(&[]), "coffee": tally(&[USER]) }));
    assert_eq!(scene.discord.whispered().len(), 2);
}

#[tokio::test]
async fn a_driver_that_knows_only_the_standard_has_a_vote_too() {
    let scene = DiscordScene::with(json!({ "guild_id": GUILD, "channel": CHANNEL })).await;
    let options: Vec<String> = (0..12).map(|number| format!("option {number}")).collect();
    let asked =
        json!({ "title": "Which?", "options": options, "closing_at": "2099-01-01T00:00:00Z" });
    let (vote, message) = scene.vote(asked).await;
    assert_eq!(scene.buttons(&message), 12, "in three rows");
    scene.discord.presses(&scene.host, USER, &message, 11).await;
    assert_eq!(scene.votes(&vote).await["option 11"], tally(&[USER]));
    let (_, simple) = scene.vote(json!({ "title": "Tea?" })).await;
    assert_eq!(scene.buttons(&simple), 2);
    scene.host.advance(Duration::from_secs(80 * 365 * 24 * 3600));
    until("it is closed at its time", async || {
        (scene.host.get(&vote).await.expect(200)["status"] == "completed").then_some(())
    })
    .await;
    assert_eq!(scene.buttons(&message), 0);
}

#[tokio::test]
async fn two_votes_at_a_time_are_told_apart() {
    let scene = DiscordScene::new().await;
    let asked = json!({ "title": "Tea?", "channel": CHANNEL });
    let (one, first) = scene.vote(asked.clone()).await;
    let (other, second) = scene.vote(asked).await;
    scene.discord.presses(&scene.host, USER, &second, 0).await;
    scene.discord.presses(&scene.host, USER, &first, 1).await;
    assert_eq!(scene.votes(&one).await, json!({ "yes": tally(&[]), "no": tally(&[USER]) }));
    assert_eq!(scene.votes(&other).await, json!({ "yes": tally(&[USER]), "no": tally(&[]) }));
}

#[tokio::test]
async fn a_message_never_grows_beyond_what_discord_takes() {
    let scene = DiscordScene::new().await;
    let options = ["x".repeat(300), "y".repeat(300)];
    let asked = json!({ "title": "Which?", "details": "z".repeat(1_500), "options": options, "channel": CHANNEL });
    let (vote, message) = scene.vote(asked).await;
    for voter in 0..4 {
        let user = format!("14000000000000001{voter:02}");
        scene.discord.presses(&scene.host, &user, &message, 0).await;
    }
    assert_eq!(scene.votes(&vote).await[&options[0]]["count"], 4);
    assert!(scene.content(&message).contains("   (4)"), "{}", scene.content(&message));
}

#[tokio::test]
async fn nobody_is_told_of_a_vote_because_it_names_them() {
    let scene = DiscordScene::new().await;
    let asked = json!({ "title": format!("Tea, @everyone and <@{OTHER}>?"), "channel": CHANNEL });
    let (vote, message) = scene.vote(asked).await;
    scene.discord.presses(&scene.host, USER, &message, 0).await;
    scene.host.delete(&vote).await.expect(200);
    assert_eq!(scene.discord.pings(), [""; 0]);
    let hello = json!({ "text": format!("Hello <@{OTHER}>"), "channel": CHANNEL });
    scene.perform("post-message", hello).await.expect(200);
    assert_eq!(scene.discord.pings().len(), 1, "a driver's own message is as the driver wants it");
}

#[tokio::test]
async fn no_press_waits_for_the_end_longer_than_discord_waits() {
    let scene = DiscordScene::new().await;
    let (vote, message) = scene.vote(json!({ "title": "Tea?", "channel": CHANNEL })).await;
    let limited = Mishap::With(429, "retry-after", "2".to_owned());
    scene.discord.traffic.befalls("PATCH", limited);
    scene.host.delete(&vote).await.problem(503, "unavailable");
    scene.discord.presses(&scene.host, USER, &message, 0).await;
    let closed = scene.host.delete(&vote).await.expect(200);
    assert_eq!(closed["outcome"]["votes"]["yes"], tally(&[USER]));
}

#[tokio::test]
async fn a_vote_ends_although_discord_fails_or_the_message_is_gone() {
    let scene = DiscordScene::new().await;
    let (vote, message) = scene.vote(json!({ "title": "Tea?", "channel": CHANNEL })).await;
    scene.discord.presses(&scene.host, USER, &message, 0).await;
    scene.discord.traffic.befalls("PATCH", Mishap::Status(502, "oops"));
    scene.host.delete(&vote).await.problem(503, "unavailable");
    assert_eq!(scene.host.get(&vote).await.expect(200)["status"], "pending");
    scene.discord.delete(&message);
    let closed = scene.host.delete(&vote).await.expect(200);
    assert_eq!(closed["outcome"]["votes"]["yes"], tally(&[USER]));
    assert_eq!(closed["errors"]["code"], "vote_deleted");
}

#[tokio::test]
async fn a_vote_that_discord_could_not_show_does_not_begin() {
    let scene = DiscordScene::new().await;
    let many: Vec<String> = (0..26).map(|number| number.to_string()).collect();
    for asked in [
        json!({ "title": "Tea?" }),
        json!({ "title": "Tea?", "poll_type": "choice", "channel": CHANNEL }),
        json!({ "title": "Tea?", "options": many, "channel": CHANNEL }),
        json!({ "title": "Tea?", "options": [], "channel": CHANNEL }),
    ] {
        scene.start(asked).await.problem(400, "invalid");
    }
    let unknown = scene.start(json!({ "title": "Tea?", "channel": "1" })).await;
    assert_eq!(unknown.problem(404, "not_found"), "Unknown Channel");
}
