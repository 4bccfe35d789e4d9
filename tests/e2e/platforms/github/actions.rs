//! The actions, the tokens with which they ask GitHub, and what comes of its refusals.

use std::time::Duration;

use moothall_tests::TestHost;
use moothall_tests::platforms::github::{ORGANISATION, USER};
use moothall_tests::platforms::traffic::Mishap;
use serde_json::json;

use super::GitHubScene;

/// The route of an installation's tokens.
const TOKENS: &str = "access_tokens";
/// Longer than a call may take here.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn any_request_is_sent_with_its_route_filled_in() {
    let scene = GitHubScene::new().await;
    let issue = json!({ "repo_name": "tea", "title": "No tea", "body": "There is none." });
    let created = scene.act("create-issue", issue).await.expect(200);
    assert_eq!((&created["number"], &created["title"]), (&json!(1), &json!("No tea")));
    let issue =
        json!({ "route": "/repos/{owner}/{repo}/issues/{number}", "repo": "tea", "number": 1 });
    let read = scene.act("method", issue.clone()).await.expect(200);
    assert_eq!(read["body"], "There is none.");
    let mut closing = issue;
    closing["method"] = json!("patch");
    closing["state"] = json!("closed");
    assert_eq!(scene.act("method", closing).await.expect(200)["state"], "closed");
    for (state, count) in [("open", 0), ("all", 1)] {
        let list =
            json!({ "route": "/repos/{owner}/{repo}/issues", "repo": "tea", "state": state });
        let list = scene.act("method", list).await.expect(200);
        assert_eq!(list.as_array().map(Vec::len), Some(count), "{state}");
    }
    let comment = json!({
        "method": "POST", "route": "/repos/{owner}/tea/issues/1/comments", "body": "Here it is."
    });
    scene.act("method", comment).await.expect(200);
    assert_eq!(scene.github.issue(1)["comments"][0]["body"], "Here it is.");
}

#[tokio::test]
async fn the_installation_is_read_as_the_app() {
    let scene = GitHubScene::new().await;
    let installation = scene.act("get-installation", json!({})).await.expect(200);
    assert_eq!(installation["id"], ORGANISATION);
    assert_eq!(installation["account"]["login"], "acme");
}

#[tokio::test]
async fn a_token_is_kept_and_renewed_once_github_takes_it_no_longer() {
    let scene = GitHubScene::new().await;
    let issue = json!({ "repo_name": "tea", "title": "Again", "body": "" });
    for _ in 0..2 {
        scene.act("create-issue", issue.clone()).await.expect(200);
    }
    assert_eq!(scene.github.traffic.seen(TOKENS).len(), 1, "when it was enabled");
    scene.github.expire_tokens();
    for _ in 0..2 {
        scene.act("create-issue", issue.clone()).await.expect(200);
    }
    assert_eq!(scene.github.traffic.seen(TOKENS).len(), 2);
    scene.github.uninstall(ORGANISATION);
    let gone = scene.act("create-issue", issue).await.problem(404, "not_found");
    assert!(gone.contains("404"), "{gone}");
    assert_eq!(scene.github.traffic.seen(TOKENS).len(), 3, "it is asked once");
}

#[tokio::test]
async fn a_refusal_is_the_caller_s_if_the_caller_can_mend_it() {
    let scene = GitHubScene::new().await;
    let no_repo = json!({ "repo_name": "coffee", "title": "None", "body": "" });
    scene.act("create-issue", no_repo).await.problem(404, "not_found");
    let no_title = json!({ "repo_name": "tea", "title": "", "body": "" });
    let refused = scene.act("create-issue", no_title).await.problem(400, "invalid");
    assert!(refused.contains("Validation Failed"), "{refused}");
    let no_number = json!({ "route": "/repos/{owner}/tea/issues/{number}" });
    let refused = scene.act("method", no_number).await.problem(400, "invalid");
    assert!(refused.contains("'number'"), "{refused}");
    scene.act("method", json!({ "route": "repos" })).await.problem(400, "invalid");
    let issue = json!({ "repo_name": "tea", "title": "No tea", "body": "" });
    scene.github.permits("issues", Some("read"));
    let refused = scene.act("create-issue", issue.clone()).await.problem(403, "forbidden");
    assert!(refused.contains("not accessible"), "{refused}");
    scene.github.permits("issues", Some("write"));
    scene.github.disables_issues("acme/tea");
    let refused = scene.act("create-issue", issue).await.problem(404, "not_found");
    assert!(refused.contains("Issues are disabled"), "{refused}");
}

#[tokio::test]
async fn github_in_trouble_is_waited_for_or_said_to_be() {
    let scene = GitHubScene::new().await;
    let traffic = &scene.github.traffic;
    let read = json!({ "route": "/repos/{owner}/tea" });
    let read = async || scene.act("method", read.clone()).await;
    traffic.befalls("/repos/", Mishap::With(403, "retry-after", "1".to_owned()));
    assert_eq!(read().await.expect(200)["full_name"], "acme/tea");
    traffic.befalls("/repos/", Mishap::With(403, "x-ratelimit-remaining", "0".to_owned()));
    read().await.problem(503, "unavailable");
    let in_words = "{\"message\":\"You have exceeded a secondary rate limit.\"}";
    traffic.befalls("/repos/", Mishap::Status(403, in_words));
    read().await.problem(503, "unavailable");
    traffic.befalls("/repos/", Mishap::With(429, "retry-after", "3600".to_owned()));
    read().await.problem(503, "unavailable");
    traffic.befalls("/repos/", Mishap::Status(500, "{}"));
    read().await.problem(503, "unavailable");
    traffic.befalls("/repos/", Mishap::Status(200, "<html>"));
    read().await.problem(500, "internal");
    traffic.befalls("/repos/", Mishap::Hang);
    let slow = tokio::time::timeout(SOON, read()).await.expect("an answer in time");
    assert!(matches!(slow.status, 503 | 504), "{}", slow.text);
    assert_eq!(read().await.expect(200)["full_name"], "acme/tea");
}

#[tokio::test]
async fn a_repository_that_was_renamed_is_found() {
    let scene = GitHubScene::new().await;
    scene.github.rename("acme/tea", "acme/coffee");
    let read = json!({ "route": "/repos/{owner}/{repo}", "repo": "tea" });
    assert_eq!(scene.act("method", read).await.expect(200)["full_name"], "acme/coffee");
    let issue = json!({ "repo_name": "tea", "title": "Where?", "body": "Here." });
    scene.act("create-issue", issue).await.expect(200);
    assert_eq!(scene.github.issue(1)["title"], "Where?");
}

#[tokio::test]
async fn the_owner_is_asked_for_if_the_configuration_does_not_name_one() {
    let scene = GitHubScene::with(json!({ "installation_id": USER.to_string() })).await;
    let issue = json!({ "repo_name": "notes", "title": "Mine", "body": "" });
    let created = scene.act("create-issue", issue).await.expect(200);
    let url = created["html_url"].as_str().unwrap_or_default();
    assert!(url.ends_with("/ann/notes/issues/1"), "{url}");
}

#[tokio::test]
async fn what_is_not_installed_or_not_set_up_cannot_be_enabled() {
    let scene = GitHubScene::without_community().await;
    let unknown =
        json!([{ "name": "github", "config": { "owner": "acme", "installation_id": "7" } }]);
    scene.host.put_community("acme", unknown.clone()).await.problem(404, "not_found");
    scene.host.get("/api/internal/community/acme").await.expect(404);
    let host = TestHost::with(&["github"]).start().await;
    let refused = host.put_community("acme", unknown).await.problem(503, "unavailable");
    assert!(refused.contains("'app_id' is missing"), "{refused}");
}
