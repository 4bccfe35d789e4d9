//! `issue-comment-vote`: an issue whose comments are counted when GitHub tells of one.

use serde_json::{Value, json};

use super::{GitHubScene, HOOK};

const VOTE: &str = "issue-comment-vote";
/// Comments of people who talk and do not vote: more than one page has.
const TALK: usize = 120;

/// As drivers of the original start it.
fn question() -> Value {
    json!({ "repo_name": "tea", "question": "Which?", "max_votes": 3 })
}

#[tokio::test]
async fn comments_vote_for_any_text_and_enough_of_them_end_the_vote() {
    let scene = GitHubScene::new().await;
    let (vote, number) = scene.start(VOTE, question()).await;
    let body = scene.github.issue(number)["body"].clone();
    assert!(body.as_str().is_some_and(|body| body.contains("^^^^your vote^^^^")), "{body}");
    for talk in 0..TALK {
        scene.github.comment(number, "eve", &format!("I say, number {talk}!"));
    }
    let told = scene.github.comment(number, "ann", "For me ^^^^ Green Tea^^^^ please");
    scene.tell(&told).await;
    let process =
        scene.until(&vote, |process| process["outcome"]["votes"]["green tea"]["count"] == 1).await;
    assert_eq!(process["outcome"]["votes"]["green tea"]["users"], json!(["ann"]));
    scene.tell(&scene.github.comment(number, "ann", "^^^^coffee^^^^ after all")).await;
    scene.tell(&scene.github.comment(number, "bob", "^^^^coffee^^^^")).await;
    let process =
        scene.until(&vote, |process| process["outcome"]["votes"]["coffee"]["count"] == 1).await;
    assert_eq!(
        (&process["status"], &process["outcome"]["votes"]["coffee"]["users"][0]),
        (&json!("pending"), &json!("bob"))
    );
    scene.tell(&scene.github.comment(number, "eve", "Well then: ^^^^GREEN TEA^^^^")).await;
    let process = scene.until(&vote, |process| process["status"] == "completed").await;
    assert_eq!(
        process["outcome"]["votes"]["green tea"],
        json!({ "count": 2, "users": ["ann", "eve"] })
    );
    let issue = scene.github.issue(number);
    let last = issue["comments"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    let said = last["body"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains("- green tea: 2 ann, eve") && issue["state"] == "closed", "{said}");
}

#[tokio::test]
async fn a_vote_can_be_edited_and_only_the_options_count() {
    let scene = GitHubScene::new().await;
    let parameters = json!({ "repo_name": "tea", "title": "Which?", "options": ["Tea", "Coffee"], "eligible_voters": ["ann", "bob"] });
    let (vote, number) = scene.start(VOTE, parameters).await;
    scene.tell(&scene.github.comment(number, "ann", "^^^^coffee^^^^")).await;
    scene.until(&vote, |process| process["outcome"]["votes"]["Coffee"]["count"] == 1).await;
    scene.tell(&scene.github.edit_comment(number, "ann", "^^^^tea^^^^")).await;
    scene.until(&vote, |process| process["outcome"]["votes"]["Tea"]["count"] == 1).await;
    for (login, text) in [("bob", "^^^^milk^^^^"), ("eve", "^^^^tea^^^^"), ("bob", "^^^^tea")] {
        scene.github.comment(number, login, text);
    }
    let closed = scene.host.delete(&vote).await.expect(200);
    let votes =
        json!({ "Tea": { "count": 1, "users": ["ann"] }, "Coffee": { "count": 0, "users": [] } });
    assert_eq!(closed["outcome"]["votes"], votes);
}

#[tokio::test]
async fn comments_elsewhere_and_the_app_s_own_are_no_reason_to_count() {
    let scene = GitHubScene::new().await;
    let (vote, number) = scene.start(VOTE, question()).await;
    let other = json!({ "repo_name": "tea", "title": "Another", "body": "" });
    let other = scene.act("create-issue", other).await.expect(200)["number"].as_u64();
    let elsewhere = scene.github.comment(other.expect("a number"), "ann", "^^^^tea^^^^");
    scene.tell(&elsewhere).await;
    let mut own = scene.github.comment(number, "ann", "^^^^tea^^^^");
    own["sender"] = json!({ "login": "moothall[bot]", "id": 9_001, "type": "Bot" });
    scene.tell(&own).await;
    let mut pinned = own.clone();
    pinned["action"] = json!("pinned");
    scene.tell(&pinned).await;
    scene.github.deliver(&scene.host, HOOK, "issues", &elsewhere).await.expect(200);
    scene.wait_for_events("acme", 4).await;
    assert_eq!(
        scene.github.traffic.seen("GET /api/v3/repos/acme/tea/issues/1/comments"),
        Vec::<String>::new()
    );
    scene.github.comment(number, "helper[bot]", "^^^^tea^^^^");
    let closed = scene.host.delete(&vote).await.expect(200);
    assert_eq!(closed["outcome"]["votes"]["tea"]["users"], json!(["ann"]), "of people, at the end");
}
