//! Votes in messages: people press buttons and choose from menus, and the outcome has who voted for what.

use std::time::Duration;

use moothall_tests::platforms::slack::people::{FORM, now, signed};
use moothall_tests::platforms::slack::{ADMIN, CHANNEL, MEMBER, Slack, Whisper};
use moothall_tests::platforms::traffic::Mishap;
use moothall_tests::{Receiver, answer, until};
use serde_json::{Value, json};

use super::SlackScene;

/// A vote that runs.
struct SlackVote {
    location: String,
    channel: String,
    ts: String,
}

impl SlackScene {
    async fn vote(&self, process: &str, parameters: Value) -> SlackVote {
        let started = self.start(process, parameters).await;
        let outcome = started.expect(202)["outcome"].clone();
        let text = |name: &str| outcome[name].as_str().expect("where the message is").to_owned();
        let location = started.header("location").to_owned();
        SlackVote { location, channel: text("channel"), ts: text("message_ts") }
    }

    async fn press(&self, vote: &SlackVote, user: &str, at: (usize, usize)) {
        self.slack.clicks(&self.host, user, (&vote.channel, &vote.ts), at).await.expect(200);
    }

    async fn seen(&self, vote: &SlackVote) -> Value {
        self.host.get(&vote.location).await.expect(200)
    }

    /// Waits until the votes are these.
    async fn has_votes(&self, vote: &SlackVote, votes: Value) {
        until(&format!("the votes are {votes}"), async || {
            (self.seen(vote).await["outcome"]["votes"] == votes).then_some(())
        })
        .await;
    }

    /// The texts of the message, and how many things there are to press.
    fn shown(&self, vote: &SlackVote) -> (Vec<String>, usize) {
        let message = self.slack.message(&vote.channel, &vote.ts).expect("the message is there");
        let blocks = message["blocks"].as_array().expect("blocks").clone();
        let text = |block: &Value| block["text"]["text"].as_str().unwrap_or_default().to_owned();
        let pressable = blocks.iter().filter(|block| block.get("accessory").is_some()).count();
        (blocks.iter().map(text).collect(), pressable)
    }
}

fn tally(users: &[&str]) -> Value {
    json!({ "count": users.len(), "users": users })
}

#[tokio::test]
async fn everybody_has_one_vote_and_sees_all() {
    let scene = SlackScene::new().await;
    let driver = Receiver::start().await;
    let vote = json!({
        "title": "Tea?", "details": "With <https://milk.example|milk>.", "poll_type": "boolean",
        "channel": CHANNEL, "callback_url": driver.url
    });
    let vote = scene.vote("emoji-vote", vote).await;
    let started = scene.seen(&vote).await;
    assert_eq!(started["outcome"]["votes"], json!({ "yes": tally(&[]), "no": tally(&[]) }));
    let url = format!("https://acme.slack.com/archives/{CHANNEL}/p{}", vote.ts.replace('.', ""));
    assert_eq!(started["url"], url);
    let (texts, buttons) = scene.shown(&vote);
    assert_eq!(
        texts,
        ["*Tea?*\nWith <https://milk.example|milk>.\n", "Approve   `0`", "Reject   `0`"]
    );
    assert_eq!(buttons, 2);

    scene.press(&vote, "U1", (0, 0)).await;
    scene.press(&vote, "U2", (0, 0)).await;
    scene.has_votes(&vote, json!({ "yes": tally(&["U1", "U2"]), "no": tally(&[]) })).await;
    scene.press(&vote, "U1", (1, 0)).await;
    scene.press(&vote, "U1", (1, 0)).await;
    scene.has_votes(&vote, json!({ "yes": tally(&["U2"]), "no": tally(&["U1"]) })).await;
    until("everybody sees the votes", async || {
        let now = ["Approve   `1` (<@U2>)", "Reject   `1` (<@U1>)"];
        (scene.shown(&vote).0[1..] == now).then_some(())
    })
    .await;

    let closed = scene.host.delete(&vote.location).await.expect(200);
    assert_eq!(closed["status"], "completed");
    assert_eq!(
        (&closed["errors"], &closed["outcome"]["message_ts"]),
        (&json!({}), &json!(vote.ts))
    );
    assert_eq!(scene.shown(&vote).1, 0, "no buttons are left");
    until("the driver knows the end", async || {
        let told = driver.received();
        told.iter().any(|told| told.json()["status"] == "completed").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_driver_that_knows_only_the_standard_has_a_vote_too() {
    let mut config = Slack::config();
    config["channel"] = json!(CHANNEL);
    let scene = SlackScene::with(config).await;
    let options: Vec<String> = (0..12).map(|number| format!("option {number}")).collect();
    let vote = json!({ "title": "Which?", "options": options, "eligible_voters": [MEMBER] });
    let vote = scene.vote("emoji-vote", vote).await;
    assert_eq!(vote.channel, CHANNEL);
    assert_eq!(scene.shown(&vote).1, 12, "there are emoji for ten of them");
    scene.press(&vote, MEMBER, (11, 0)).await;
    until("the vote counts", async || {
        let votes = scene.seen(&vote).await["outcome"]["votes"].clone();
        (votes["option 11"] == tally(&[MEMBER])).then_some(())
    })
    .await;
    let simple = scene.vote("emoji-vote", json!({ "title": "Tea?" })).await;
    assert_eq!(scene.shown(&simple).0[1], "Approve   `0`");
}

#[tokio::test]
async fn only_who_is_eligible_votes_and_others_are_told() {
    let scene = SlackScene::new().await;
    let vote = json!({
        "title": "Tea?", "poll_type": "choice", "options": ["tea", "coffee"], "emoji_family": "hearts",
        "eligible_voters": [ADMIN, MEMBER], "ineligible_voters": [ADMIN], "ineligible_voter_message": "Not you."
    });
    let vote = scene.vote("emoji-vote", vote).await;
    assert!(vote.channel.starts_with("G0"), "a conversation with the voters: {}", vote.channel);
    for user in ["U0STRANGER", ADMIN, MEMBER] {
        scene.press(&vote, user, (0, 0)).await;
    }
    scene.has_votes(&vote, json!({ "tea": tally(&[MEMBER]), "coffee": tally(&[]) })).await;
    let whisper = |user: &str| {
        let [channel, user, text] = [&vote.channel, user, "Not you."].map(str::to_owned);
        Whisper { channel, user, text }
    };
    assert_eq!(scene.slack.whispered(), [whisper("U0STRANGER"), whisper(ADMIN)]);
}

#[tokio::test]
async fn a_click_that_slack_did_not_sign_or_on_another_message_counts_nowhere() {
    let scene = SlackScene::new().await;
    let asked = json!({ "title": "Tea?", "channel": CHANNEL });
    let (one, other) =
        (scene.vote("emoji-vote", asked.clone()).await, scene.vote("emoji-vote", asked).await);
    let form = scene.slack.click("U1", (&one.channel, &one.ts), (0, 0));
    for url in ["/api/hooks/slack", "/api/hooks/acme/slack"] {
        let forged =
            signed(&scene.host, url, &form.replace("U1", "U2"), FORM, now()).body(form.clone());
        answer(forged).await.problem(401, "bad_signature");
        let old = signed(&scene.host, url, &form, FORM, now() - 400);
        answer(old).await.problem(401, "bad_signature");
    }
    scene.press(&one, "U3", (0, 0)).await;
    scene.has_votes(&one, json!({ "yes": tally(&["U3"]), "no": tally(&[]) })).await;
    scene.has_votes(&other, json!({ "yes": tally(&[]), "no": tally(&[]) })).await;
}

#[tokio::test]
async fn a_vote_that_slack_does_not_show_is_cast_all_the_same() {
    let scene = SlackScene::new().await;
    let vote = scene.vote("emoji-vote", json!({ "title": "Tea?", "channel": CHANNEL })).await;
    scene.slack.traffic.befalls("/actions/", Mishap::Status(500, "oops"));
    scene.press(&vote, "U1", (0, 0)).await;
    scene.has_votes(&vote, json!({ "yes": tally(&["U1"]), "no": tally(&[]) })).await;
    assert_eq!(scene.shown(&vote).0[1], "Approve   `0`");
    scene.press(&vote, "U2", (0, 0)).await;
    until("the next one shows both", async || {
        (scene.shown(&vote).0[1] == "Approve   `2` (<@U1>, <@U2>)").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_vote_ends_at_its_time_even_if_slack_fails_then() {
    let scene = SlackScene::new().await;
    let vote = json!({ "title": "Tea?", "channel": CHANNEL, "closing_at": "2099-01-01T00:00:00Z" });
    let vote = scene.vote("emoji-vote", vote).await;
    scene.slack.traffic.befalls("chat.update", Mishap::Status(503, "later"));
    scene.host.delete(&vote.location).await.problem(503, "unavailable");
    assert_eq!(scene.seen(&vote).await["status"], "pending");
    assert_eq!(scene.shown(&vote).1, 2);
    scene.host.advance(Duration::from_secs(80 * 365 * 24 * 3600));
    let ended = until("it is closed at its time", async || {
        let seen = scene.seen(&vote).await;
        (seen["status"] == "completed").then_some(seen)
    })
    .await;
    assert_eq!(ended["errors"], json!({}));
    assert_eq!(scene.shown(&vote).1, 0);
}

#[tokio::test]
async fn a_vote_whose_message_is_deleted_can_be_closed() {
    let scene = SlackScene::new().await;
    let vote = scene.vote("emoji-vote", json!({ "title": "Tea?", "channel": CHANNEL })).await;
    scene.press(&vote, "U1", (0, 0)).await;
    scene.has_votes(&vote, json!({ "yes": tally(&["U1"]), "no": tally(&[]) })).await;
    scene.slack.delete(&vote.channel, &vote.ts);
    let closed = scene.host.delete(&vote.location).await.expect(200);
    assert_eq!(closed["outcome"]["votes"]["yes"], tally(&["U1"]));
    assert_eq!(closed["errors"]["code"], "vote_deleted");
    let vote = scene.vote("emoji-vote", json!({ "title": "Tea?", "channel": CHANNEL })).await;
    let elsewhere = Mishap::Status(200, r#"{"ok":false,"error":"channel_not_found"}"#);
    scene.slack.traffic.befalls("chat.update", elsewhere);
    let closed = scene.host.delete(&vote.location).await.expect(200);
    assert_eq!(closed["errors"]["code"], "message_not_changed");
}

#[tokio::test]
async fn who_may_not_vote_is_told_where_the_bot_is_no_member() {
    let scene = SlackScene::new().await;
    let vote = json!({ "title": "Tea?", "channel": CHANNEL, "eligible_voters": [ADMIN] });
    let vote = scene.vote("emoji-vote", vote).await;
    scene.press(&vote, MEMBER, (0, 0)).await;
    until("the person is told", async || {
        let told = scene.slack.whispered();
        told.iter().any(|told| told.user == MEMBER && told.channel == CHANNEL).then_some(())
    })
    .await;
    assert_eq!(scene.shown(&vote).1, 2, "the message is as it was");
}

#[tokio::test]
async fn a_message_never_grows_beyond_what_slack_takes() {
    let scene = SlackScene::new().await;
    let options = |length: usize| -> Vec<String> {
        (0..40).map(|number| format!("{number} & {}", "x".repeat(length))).collect()
    };
    let details = "z".repeat(3_000);
    let vote = json!({ "title": "Which?", "details": details, "options": options(2_100), "channel": CHANNEL });
    let long = scene.vote("emoji-vote", vote).await;
    assert!(scene.shown(&long).0[40].starts_with("39 &amp; xxx"), "{:?}", scene.shown(&long).0);
    assert!(scene.shown(&long).0[40].ends_with("…   `0`"), "{:?}", scene.shown(&long).0);
    scene.press(&long, "U1", (39, 0)).await;
    until("the vote is shown", async || {
        scene.shown(&long).0[40].ends_with("…   `1`").then_some(())
    })
    .await;
    let closed = scene.host.delete(&long.location).await.expect(200);
    assert_eq!(closed["errors"], json!({}));
    assert_eq!(closed["outcome"]["votes"][&options(2_100)[39]], tally(&["U1"]));

    let vote = json!({ "title": "Which?", "options": options(220), "channel": CHANNEL });
    let names = scene.vote("emoji-vote", vote).await;
    for voter in 0..45 {
        scene.press(&names, &format!("U0VOTER{voter:012}"), (0, 0)).await;
    }
    until("the names are left out", async || {
        scene.shown(&names).0[1].ends_with("x   `45`").then_some(())
    })
    .await;

    let candidates = options(1_000);
    let vote = json!({ "title": "Who?", "candidates": candidates, "options": ["a", "b"], "channel": CHANNEL });
    let menus = scene.vote("advanced-vote", vote).await;
    assert_eq!(scene.shown(&menus).1, 40);
    let many = json!({ "title": "Who?", "candidates": candidates, "options": options(9), "channel": CHANNEL });
    scene.start("advanced-vote", many).await.problem(400, "invalid");
}

#[tokio::test]
async fn candidates_are_voted_on_from_menus_whatever_their_names() {
    let scene = SlackScene::new().await;
    let vote = json!({
        "title": "Who leads?", "candidates": ["Dr. Ann", "bob.example"], "options": ["good", "bad"],
        "channel": CHANNEL, "ineligible_voters": [MEMBER]
    });
    let vote = scene.vote("advanced-vote", vote).await;
    assert_eq!(
        scene.shown(&vote),
        (vec!["*Who leads?*\n".into(), "Dr. Ann".into(), "bob.example".into()], 2)
    );
    for (user, at) in
        [("U1", (0, 0)), ("U1", (1, 1)), ("U2", (0, 1)), ("U2", (0, 0)), (MEMBER, (0, 0))]
    {
        scene.press(&vote, user, at).await;
    }
    let votes =
        json!({ "U1": { "Dr. Ann": "good", "bob.example": "bad" }, "U2": { "Dr. Ann": "good" } });
    scene.has_votes(&vote, votes.clone()).await;
    until("who may not vote is told", async || (!scene.slack.whispered().is_empty()).then_some(()))
        .await;
    let closed = scene.host.delete(&vote.location).await.expect(200);
    assert_eq!((&closed["status"], &closed["outcome"]["votes"]), (&json!("completed"), &votes));
    assert_eq!(scene.shown(&vote).1, 0, "no menus are left");
}

#[tokio::test]
async fn a_vote_that_slack_could_not_show_does_not_begin() {
    let scene = SlackScene::new().await;
    let many: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    for (process, parameters) in [
        ("emoji-vote", json!({ "title": "Tea?" })),
        ("emoji-vote", json!({ "title": "Tea?", "poll_type": "choice", "channel": CHANNEL })),
        ("emoji-vote", json!({ "title": "Tea?", "options": many, "channel": CHANNEL })),
        ("emoji-vote", json!({ "title": "Tea?", "options": ["a", "a"], "channel": CHANNEL })),
        ("emoji-vote", json!({ "title": "Tea?", "closing_at": "2020-01-01", "channel": CHANNEL })),
        ("advanced-vote", json!({ "title": "Who?", "candidates": ["a"], "channel": CHANNEL })),
        (
            "advanced-vote",
            json!({ "title": "Who?", "candidates": many, "options": ["x"], "channel": CHANNEL }),
        ),
        (
            "advanced-vote",
            json!({ "title": "Who?", "candidates": [], "options": ["x"], "channel": CHANNEL }),
        ),
    ] {
        scene.start(process, parameters).await.problem(400, "invalid");
    }
    let unknown = json!({ "title": "Tea?", "channel": "C0NONE" });
    assert_eq!(
        scene.start("emoji-vote", unknown).await.problem(404, "not_found"),
        "channel_not_found"
    );
    assert!(scene.slack.calls("chat.postMessage").len() <= 1, "nothing was posted for the others");
}
