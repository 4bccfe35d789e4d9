//! The plugin as a host calls it, with scripted answers of GitHub.

use moothall_sdk::oauth::{AuthorizeRequest, OAuthCallback};
use moothall_sdk::serde_json::{Value, from_value, json, to_value};
use moothall_sdk::testing::{Answer, Host, ProcessStatus, keys, webhook};
use moothall_sdk::{ErrorKind, Routed, WebhookResponse};

use crate::Github;

const API: &str = "https://api.github.com";
const ISSUES: &str = "https://api.github.com/repos/acme/tea/issues";

/// An enabled instance, whose token is `ghs_1`.
fn host() -> Host<Github> {
    let settings = json!({
        "app_name": "moot", "app_id": "7", "private_key": keys::PRIVATE_KEY,
        "client_id": "Iv1.c", "client_secret": "hush"
    });
    let config = json!({ "owner": "acme", "installation_id": "42" });
    let mut host = Host::new(Github).settings(settings).config(config);
    host.script("POST", &format!("{API}/app/installations/42/access_tokens"), token("ghs_1"));
    host.enable().expect("a token");
    host
}

fn token(token: &str) -> Answer {
    Answer::status(201).json(&json!({ "token": token, "expires_at": "2030-01-01T00:00:00Z" }))
}

fn issue() -> Answer {
    Answer::status(201).json(&json!({
        "id": 900, "number": 3, "url": format!("{ISSUES}/3"), "html_url": "https://github.com/acme/tea/issues/3",
        "user": { "id": 9, "login": "moot[bot]", "type": "Bot" }
    }))
}

fn reaction(login: &str, content: &str, kind: &str) -> Value {
    json!({ "content": content, "user": { "id": 1, "login": login, "type": kind } })
}

/// GitHub waits for nobody.
fn answered(routed: Routed) -> Routed {
    routed.respond(WebhookResponse::ok())
}

#[test]
fn the_app_asks_with_a_signed_token_and_the_installation_with_the_one_it_gets() {
    let mut host = host();
    let sent = &host.sent()[0];
    let bearer = sent.header("authorization").expect("a token");
    assert!(bearer.starts_with("Bearer eyJ") && bearer.split('.').count() == 3, "{bearer}");
    assert_eq!(sent.header("x-github-api-version"), Some("2022-11-28"));
    host.script(
        "GET",
        &format!("{API}/repos/acme/tea%20bags"),
        Answer::ok().json(&json!({ "id": 1 })),
    );
    let read = json!({ "route": "/repos/{owner}/{repo}", "repo": "tea bags" });
    assert_eq!(host.action("method", read), Ok(json!({ "id": 1 })));
    assert_eq!(host.sent()[1].header("authorization"), Some("Bearer ghs_1"));
}

#[test]
fn a_token_that_is_refused_is_renewed_once() {
    let mut host = host()
        .answer("POST", ISSUES, Answer::status(401))
        .answer("POST", &format!("{API}/app/installations/42/access_tokens"), token("ghs_2"))
        .answer("POST", ISSUES, issue());
    let new = json!({ "repo_name": "tea", "title": "Tea?", "body": "" });
    assert_eq!(host.action("create-issue", new.clone()).expect("an issue")["number"], 3);
    assert_eq!(host.state("installation_access_token"), Some(json!("ghs_2")));
    let mut host = host
        .answer("POST", ISSUES, Answer::status(401))
        .answer("POST", &format!("{API}/app/installations/42/access_tokens"), token("ghs_3"))
        .answer("POST", ISSUES, Answer::status(401));
    let refused = host.action("create-issue", new).expect_err("refused twice");
    assert_eq!(refused.kind(), &ErrorKind::Unauthorized);
    host.assert_answers_used();
}

#[test]
fn a_request_has_a_query_or_a_body_and_never_what_is_in_its_route() {
    let mut host = host()
        .answer("GET", &format!("{ISSUES}?labels=a%2Fb&page=2"), Answer::ok().json(&json!([])))
        .answer("DELETE", &format!("{ISSUES}/3/lock"), Answer::status(204))
        .answer("PATCH", &format!("{ISSUES}/3"), Answer::ok().json(&json!({})));
    let route = "/repos/{owner}/tea/issues";
    let read = json!({ "route": route, "page": 2, "labels": "a/b" });
    assert_eq!(host.action("method", read), Ok(json!([])));
    let unlock = json!({ "route": format!("{route}/{{n}}/lock"), "method": "delete", "n": 3 });
    assert_eq!(host.action("method", unlock), Ok(Value::Null));
    let edit =
        json!({ "route": format!("{route}/{{n}}"), "method": "PATCH", "n": 3, "labels": ["a"] });
    assert_eq!(host.action("method", edit), Ok(json!({})));
    let texts: Vec<String> = host.sent()[1..].iter().map(|sent| sent.text()).collect();
    assert_eq!(texts, ["", "", r#"{"labels":["a"]}"#]);
}

#[test]
fn reactions_of_people_are_counted_and_the_most_end_the_vote() {
    let reactions = format!("{ISSUES}/3/reactions?per_page=100");
    let page = "https://api.github.com/repositories/1/issues/3/reactions?per_page=100&page=2";
    let link = format!("<{page}>; rel=\"next\"");
    let first =
        [reaction("bob", "+1", "User"), reaction("ann", "+1", "User"), reaction("b", "+1", "Bot")];
    let mut host = host()
        .answer("POST", ISSUES, issue())
        .answer("GET", &reactions, Answer::ok().json(&first).header("link", &link))
        .answer("GET", page, Answer::ok().json(&[reaction("ann", "-1", "User")]))
        .answer("PATCH", &format!("{ISSUES}/3"), Answer::ok())
        .answer("POST", &format!("{ISSUES}/3/comments"), Answer::status(201));
    let parameters = json!({ "repo_name": "tea", "question": "Tea?", "max_votes": 3 });
    let vote = host.start("issue-react-vote", parameters).expect("a vote");
    let none = json!({ "count": 0, "users": [] });
    let before = json!({ "issue_number": 3, "votes": { "yes": none, "no": none } });
    assert_eq!(host.process(&vote).map(|vote| vote.outcome.clone()), Some(before));
    host.update(&vote).expect("counted");
    let vote = host.process(&vote).expect("it is kept");
    let votes = json!({
        "yes": { "count": 2, "users": ["ann", "bob"] }, "no": { "count": 1, "users": ["ann"] }
    });
    assert_eq!(vote.outcome, json!({ "issue_number": 3, "votes": votes, "result": "pass" }));
    assert_eq!(vote.status, ProcessStatus::Completed);
    assert_eq!(vote.url.as_deref(), Some("https://github.com/acme/tea/issues/3"));
    host.assert_answers_used();
}

#[test]
fn what_happens_is_an_event_with_its_action_and_its_sender() {
    let body = json!({
        "action": "opened", "sender": { "id": 1, "login": "ann" }, "installation": { "id": 42 }
    });
    let request = webhook(&body).with_header("X-GitHub-Event", "issues");
    let mut host = host();
    assert_eq!(host.global_webhook(request.clone()), Ok(answered(Routed::to_platform("42"))));
    assert_eq!(host.global_webhook(webhook(&body)), Ok(answered(Routed::nowhere())));
    host.webhook(request).expect("an event");
    let event = &host.events()[0];
    assert_eq!((event.event_type.as_str(), &event.data), ("opened issues", &body));
    let initiator = json!({ "user_id": 1, "user_name": "ann", "provider": "github" });
    assert_eq!(event.initiator, Some(initiator));
}

#[test]
fn people_go_where_the_app_is_installed_or_asks_who_they_are() {
    let url = |mut host: Host<Github>, kind: &str| {
        let request =
            json!({ "type": kind, "redirect_uri": "https://here/callback", "platform_ids": [] });
        let request: AuthorizeRequest = from_value(request).expect("the host's form");
        host.authorize_url(request).expect("a URL")
    };
    assert_eq!(url(host(), "app"), "https://github.com/apps/moot/installations/new");
    assert_eq!(url(host(), "user"), "https://github.com/login/oauth/authorize?client_id=Iv1.c");
    let server = json!({ "app_name": "moot", "api_url": "https://git.acme.example/api/v3/", "web_url": "https://git.acme.example" });
    let server = Host::new(Github).settings(server);
    let there = "https://git.acme.example/github-apps/moot/installations/new";
    assert_eq!(url(server, "app"), there);
}

#[test]
fn only_an_owner_sets_an_installation_up() {
    let come_back = |membership: Answer| {
        let account = json!({ "id": 42, "account": { "id": 500, "login": "acme" } });
        let mut host = host()
            .answer(
                "POST",
                "https://github.com/login/oauth/access_token",
                Answer::ok().json(&json!({ "access_token": "ghu_1" })),
            )
            .answer(
                "GET",
                &format!("{API}/user"),
                Answer::ok().json(&json!({ "id": 1, "login": "ann" })),
            )
            .answer("GET", &format!("{API}/app/installations/42"), Answer::ok().json(&account))
            .answer("GET", &format!("{API}/user/memberships/orgs/acme"), membership);
        let callback = json!({
            "type": "app", "redirect_uri": "https://here", "code_verifier": "v", "platform_ids": [],
            "query": { "code": "c", "installation_id": "42", "setup_action": "install" }
        });
        let callback: OAuthCallback = from_value(callback).expect("the host's form");
        let authorized = host.oauth_callback(callback);
        assert!(!host.sent()[1].text().contains("code_verifier"), "GitHub has seen no challenge");
        authorized
    };
    let role = |role: &str| Answer::ok().json(&json!({ "role": role, "state": "active" }));
    let authorized = to_value(come_back(role("admin")).expect("an owner")).expect("JSON");
    assert_eq!(authorized["config"], json!({ "owner": "acme", "installation_id": "42" }));
    assert_eq!(authorized["account"]["platform_identifier"], "1");
    for refused in [role("member"), Answer::status(404)] {
        assert_eq!(come_back(refused).expect_err("no owner").kind(), &ErrorKind::Forbidden);
    }
    assert!(come_back(Answer::status(502)).expect_err("later").is_retryable());
}
