//! `issue-react-vote`: an issue whose reactions are counted.

use std::time::Duration;

use moothall_tests::platforms::github::ORGANISATION;
use moothall_tests::platforms::traffic::Mishap;
use serde_json::{Value, json};

use super::GitHubScene;

const VOTE: &str = "issue-react-vote";
/// More than one page has, and fewer than two.
const MANY: usize = 150;

/// As drivers of the original start it.
fn question() -> Value {
    json!({ "repo_name": "tea", "question": "Tea?", "help_text": "Think of the cups." })
}

fn counts(process: &Value) -> [&Value; 2] {
    let votes = &process["outcome"]["votes"];
    [&votes["yes"]["count"], &votes["no"]["count"]]
}

#[tokio::test]
async fn reactions_are_read_page_by_page_and_enough_of_them_end_the_vote() {
    let scene = GitHubScene::new().await;
    let mut parameters = question();
    parameters["max_votes"] = json!(MANY + 1);
    let (vote, number) = scene.start(VOTE, parameters).await;
    let issue = scene.github.issue(number);
    assert_eq!(issue["title"], "VOTE: Tea?");
    for part in ["Think of the cups.", "👍 yes", "👎 no", "151 votes"] {
        assert!(issue["body"].as_str().is_some_and(|body| body.contains(part)), "{issue}");
    }
    let process = scene.process(&vote).await;
    assert_eq!((&process["url"], counts(&process)), (&issue["html_url"], [&json!(0), &json!(0)]));
    for voter in 0..MANY {
        scene.github.react(number, &format!("voter-{voter:03}"), "+1");
    }
    scene.github.react(number, "helpful[bot]", "+1");
    scene.github.react(number, "ann", "heart");
    scene.host.advance(super::MINUTE);
    let process = scene.until(&vote, |process| counts(process)[0] == MANY).await;
    assert_eq!(
        (&process["status"], &process["outcome"]["result"]),
        (&json!("pending"), &Value::Null)
    );
    assert_eq!(process["outcome"]["votes"]["yes"]["users"][149], "voter-149");
    scene.github.react(number, "ann", "-1");
    let process = scene.completed(&vote).await;
    assert_eq!(
        (counts(&process), &process["outcome"]["result"]),
        ([&json!(MANY), &json!(1)], &json!("pass"))
    );
    let issue = scene.github.issue(number);
    assert_eq!(issue["state"], "closed");
    let comment = issue["comments"][0]["body"].as_str().unwrap_or_default();
    assert!(comment.contains("**pass**") && comment.contains("- no: 1 ann"), "{comment}");
}

#[tokio::test]
async fn a_driver_ends_the_vote_with_the_votes_of_that_moment() {
    let scene = GitHubScene::new().await;
    let (vote, number) = scene.start(VOTE, question()).await;
    for login in ["bob", "eve"] {
        scene.github.react(number, login, "-1");
    }
    let closed = scene.host.delete(&vote).await.expect(200);
    assert_eq!(
        (&closed["status"], &closed["outcome"]["result"]),
        (&json!("completed"), &json!("fail"))
    );
    assert_eq!(closed["outcome"]["votes"]["no"]["users"], json!(["bob", "eve"]));
    let (vote, _) = scene.start(VOTE, question()).await;
    assert_eq!(scene.host.delete(&vote).await.expect(200)["outcome"]["result"], "tie");
}

#[tokio::test]
async fn the_standard_s_vote_is_held_in_the_configured_repository() {
    let config =
        json!({ "owner": "acme", "installation_id": ORGANISATION.to_string(), "repo_name": "tea" });
    let scene = GitHubScene::with(config).await;
    let parameters = json!({
        "title": "Which?", "details": "Both are hot.", "options": ["tea", "coffee", "milk"],
        "closing_at": "2100-01-01", "eligible_voters": ["ann", "bob"],
    });
    let (vote, number) = scene.start(VOTE, parameters).await;
    assert!(
        scene.github.issue(number)["body"].as_str().is_some_and(|body| body.contains("👎 coffee"))
    );
    for (login, reaction) in [("ann", "-1"), ("bob", "+1"), ("eve", "-1"), ("ann", "laugh")] {
        scene.github.react(number, login, reaction);
    }
    scene.host.advance(Duration::from_secs(80 * 365 * 24 * 3_600));
    let process = scene.until(&vote, |process| process["status"] == "completed").await;
    let votes = json!({
        "tea": { "count": 1, "users": ["bob"] },
        "coffee": { "count": 1, "users": ["ann"] },
        "milk": { "count": 1, "users": ["ann"] },
    });
    assert_eq!(process["outcome"], json!({ "issue_number": number, "votes": votes }));
}

#[tokio::test]
async fn a_vote_that_cannot_be_held_is_refused_before_there_is_an_issue() {
    let scene = GitHubScene::new().await;
    let many: Vec<String> = (0..9).map(|option| option.to_string()).collect();
    for (parameters, part) in [
        (json!({ "question": "Tea?" }), "'repo_name'"),
        (json!({ "repo_name": "tea" }), "'title'"),
        (json!({ "repo_name": "tea", "title": "Which?", "options": many }), "8 reactions"),
        (json!({ "repo_name": "tea", "title": "Tea?", "closing_at": "2020-01-01" }), "past"),
    ] {
        let refused = scene.try_to_start(VOTE, parameters).await.problem(400, "invalid");
        assert!(refused.contains(part), "{refused}");
    }
    let elsewhere = json!({ "repo_name": "coffee", "question": "Tea?" });
    scene.try_to_start(VOTE, elsewhere).await.problem(404, "not_found");
    assert_eq!(scene.github.traffic.seen("POST /api/v3/repos/").len(), 1, "only where it is not");
}

#[tokio::test]
async fn an_end_that_fails_on_github_is_tried_again_and_told_once() {
    let scene = GitHubScene::new().await;
    let (vote, number) = scene.start(VOTE, question()).await;
    scene.github.react(number, "ann", "+1");
    scene.github.traffic.befalls("PATCH", Mishap::Status(502, "{}"));
    scene.host.delete(&vote).await.problem(503, "unavailable");
    scene.github.traffic.befalls("/comments", Mishap::Status(502, "{}"));
    scene.host.delete(&vote).await.problem(503, "unavailable");
    assert_eq!(scene.process(&vote).await["status"], "pending");
    scene.github.expire_tokens();
    assert_eq!(scene.host.delete(&vote).await.expect(200)["outcome"]["result"], "pass");
    assert_eq!(scene.github.issue(number)["comments"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_vote_whose_issue_is_deleted_ends_with_the_votes_that_were_read() {
    let scene = GitHubScene::new().await;
    let (vote, number) = scene.start(VOTE, question()).await;
    scene.github.react(number, "ann", "+1");
    scene.host.advance(super::MINUTE);
    scene.until(&vote, |process| counts(process)[0] == 1).await;
    scene.github.delete_issue(number);
    let process = scene.completed(&vote).await;
    assert_eq!(
        (&process["errors"]["code"], counts(&process)[0]),
        (&json!("vote_deleted"), &json!(1))
    );
}
