//! Votes by reactions to a conversation.

use std::time::Duration;

use moothall_tests::platforms::traffic::Mishap;
use serde_json::{Value, json};

use super::scene;

/// Longer than the process waits before it looks again.
const LATER: Duration = Duration::from_secs(130);

const HUNDRED_YEARS: Duration = Duration::from_secs(100 * 365 * 86_400);

fn votes(yes: u64, no: u64) -> Value {
    json!({ "yes": { "count": yes, "users": [] }, "no": { "count": no, "users": [] } })
}

#[tokio::test]
async fn reactions_are_counted_until_a_driver_closes_the_vote() {
    let (host, platform) = scene().await;
    let vote = json!({ "title": "More nails?", "details": "<p>They are cheap.</p>" });
    let location = host.process("acme", "opencollective.vote", vote).await;
    let (id, conversation) = platform.last_conversation();
    assert_eq!(conversation["tags"], json!(["metagov-vote"]));
    let body = conversation["summary"].as_str().expect("a text");
    assert!(
        body.starts_with("<p>They are cheap.</p>")
            && body.contains("<li>👍️ yes</li><li>👎 no</li>"),
        "{body}"
    );
    let process = host.get(&location).await.expect(200);
    assert_eq!(process["url"], format!("{}/makers/conversations/more-nails--{id}", platform.url));
    assert_eq!(process["outcome"]["votes"], votes(0, 0));

    platform.reacts(&id, "👍️", 2);
    platform.reacts(&id, "👀", 5);
    host.advance(LATER);
    host.process_that(&location, "has two votes", |one| one["outcome"]["votes"] == votes(2, 0))
        .await;
    platform.reacts(&id, "👎", 1);
    let closed = host.delete(&location).await.expect(200);
    assert_eq!(
        (&closed["status"], &closed["outcome"]["votes"]),
        (&json!("completed"), &votes(2, 1))
    );
    let title = platform.conversation(&id).expect("it is there")["title"].clone();
    assert_eq!(title, "[CLOSED] More nails?");
    let told = platform.comments()[0]["html"].clone();
    assert_eq!(told, "<p>Voting period is closed. Final count is 1 for no, 2 for yes.</p>");
}

#[tokio::test]
async fn a_vote_of_the_standard_has_its_options_and_its_end() {
    let (host, platform) = scene().await;
    let vote =
        json!({ "title": "Which?", "options": ["tea", "co<ffee"], "closing_at": "2100-01-31" });
    let location = host.process("acme", "opencollective.vote", vote).await;
    let (id, conversation) = platform.last_conversation();
    assert!(conversation["summary"].as_str().expect("a text").contains("<li>👎 co&lt;ffee</li>"));
    platform.reacts(&id, "👎", 3);
    host.advance(HUNDRED_YEARS);
    let ended = host.process_that(&location, "has ended", |one| one["status"] == "completed").await;
    assert_eq!(ended["outcome"]["votes"]["co<ffee"], json!({ "count": 3, "users": [] }));
}

#[tokio::test]
async fn a_vote_that_cannot_be_held_is_refused_before_there_is_a_conversation() {
    let (host, platform) = scene().await;
    let many: Vec<String> = (0..9).map(|n| n.to_string()).collect();
    for (wrong, why) in [
        (json!({ "title": "Who?", "eligible_voters": ["ann"] }), "does not tell who voted"),
        (json!({ "title": "Which?", "options": many }), "has 8 reactions"),
        (json!({ "title": "When?", "closing_at": "2020-01-31" }), "is past"),
        (json!({ "title": " " }), "'title' is empty"),
    ] {
        let refused = host.start_process("acme", "opencollective.vote", wrong).await;
        assert!(refused.problem(400, "invalid").contains(why), "{}", refused.text);
    }
    assert!(platform.traffic.seen("/graphql").len() <= 1, "only the collective was asked for");
}

#[tokio::test]
async fn a_vote_whose_conversation_is_deleted_ends_with_what_was_seen() {
    let (host, platform) = scene().await;
    let location = host.process("acme", "opencollective.vote", json!({ "title": "Tea?" })).await;
    let (id, _) = platform.last_conversation();
    platform.reacts(&id, "👍️", 1);
    host.advance(LATER);
    host.process_that(&location, "has a vote", |one| one["outcome"]["votes"] == votes(1, 0)).await;
    platform.delete(&id);
    host.advance(LATER);
    let ended = host.process_that(&location, "has ended", |one| one["status"] == "completed").await;
    assert_eq!(ended["errors"]["code"], "vote_deleted");
    assert_eq!(ended["outcome"]["votes"], votes(1, 0));
}

#[tokio::test]
async fn an_end_that_fails_is_tried_again_and_told_once() {
    let (host, platform) = scene().await;
    let location = host.process("acme", "opencollective.vote", json!({ "title": "Tea?" })).await;
    platform.traffic.befalls("/graphql", Mishap::Status(500, "oops"));
    host.delete(&location).await.problem(503, "unavailable");
    assert_eq!(host.get(&location).await.expect(200)["status"], "pending");
    assert_eq!(host.delete(&location).await.expect(200)["status"], "completed");
    assert_eq!(platform.comments().len(), 1);
}
