//! The plugin as the host calls it, with Slack's answers scripted.

use moothall_sdk::oauth::AuthorizeRequest;
use moothall_sdk::serde_json::{Value, from_str, from_value, json, to_value};
use moothall_sdk::testing::{Answer, Host, ProcessStatus, payload_webhook, webhook};
use moothall_sdk::{Routed, WebhookResponse};

use crate::Slack;

const API: &str = "https://slack.com/api";

fn host() -> Host<Slack> {
    let config =
        json!({ "team_id": "T1", "bot_token": "xoxb-1", "bot_user_id": "UB", "channel": "C1" });
    let settings = json!({ "client_id": "1.2", "client_secret": "hush", "signing_secret": "sixteen or more bytes" });
    Host::new(Slack).config(config).settings(settings)
}

fn ok(answer: Value) -> Answer {
    let mut answer = answer;
    answer["ok"] = true.into();
    Answer::ok().json(&answer)
}

fn method(name: &str) -> String {
    format!("{API}/{name}")
}

fn click(user: &str, ts: &str, value: &str) -> moothall_sdk::WebhookRequest {
    payload_webhook(&json!({
        "type": "block_actions", "team": { "id": "T1" }, "user": { "id": user }, "channel": { "id": "C1" },
        "message": { "ts": ts }, "response_url": "https://hooks.slack.com/actions/1",
        "actions": [{ "action_id": "cast_vote", "value": value }]
    }))
}

#[test]
fn a_request_is_for_its_workspace_and_answered_at_once() {
    let mut host = host();
    let event =
        json!({ "type": "event_callback", "team_id": "T1", "event": { "type": "message" } });
    let to_team = Routed::to_platform("T1").respond(WebhookResponse::ok());
    assert_eq!(host.global_webhook(webhook(&event)), Ok(to_team.clone()));
    assert_eq!(host.global_webhook(click("U1", "1.1", "yes")), Ok(to_team));
    let again = webhook(&event).with_header("X-Slack-Retry-Reason", "http_timeout");
    let enough = WebhookResponse::ok().header("X-Slack-No-Retry", "1");
    assert_eq!(host.global_webhook(again), Ok(Routed::to_platform("T1").respond(enough)));
    let check = json!({ "type": "url_verification", "challenge": "abc" });
    let echo = Routed::nowhere().respond(WebhookResponse::ok().text("abc"));
    assert_eq!(host.global_webhook(webhook(&check)), Ok(echo));
    let modal = payload_webhook(&json!({ "type": "view_submission", "team": { "id": "T1" } }));
    assert_eq!(host.global_webhook(modal), Ok(Routed::nowhere().respond(WebhookResponse::ok())));
}

#[test]
fn an_event_has_slack_s_type_and_data() {
    let mut host = host();
    let event = json!({ "type": "pin_added", "user": "UB", "channel_id": "C1" });
    let body =
        json!({ "type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event });
    for _ in 0..2 {
        host.webhook(webhook(&body)).expect("received");
    }
    let [told] = host.events() else { panic!("told once: {:?}", host.events()) };
    assert_eq!(
        (told.event_type.as_str(), &told.data),
        ("pin_added", &json!({ "channel_id": "C1" }))
    );
    let by = json!({ "user_id": "UB", "provider": "slack", "is_metagov_bot": true });
    assert_eq!(told.initiator, Some(by));
}

#[test]
fn a_vote_is_posted_shown_and_closed() {
    let posted = ok(json!({ "channel": "C1", "ts": "1.1" }));
    let mut host = host()
        .answer("POST", &method("chat.postMessage"), posted)
        .answer("POST", &method("chat.getPermalink"), ok(json!({ "permalink": "https://x" })))
        .answer("POST", "https://hooks.slack.com/actions/1", Answer::ok())
        .answer("POST", "https://hooks.slack.com/actions/1", Answer::ok())
        .answer("POST", &method("chat.update"), ok(json!({})));
    let vote = host.start("emoji-vote", json!({ "title": "Tea?" })).expect("a vote");
    let form = host.sent()[0].text();
    assert!(form.contains("channel=C1") && form.contains("text=Tea%3F"), "{form}");
    assert_eq!(host.sent()[0].header("authorization"), Some("Bearer xoxb-1"));
    host.process_webhook(&vote, click("U1", "9.9", "0")).expect("another message");
    host.process_webhook(&vote, webhook(&json!({ "type": "event_callback" }))).expect("no click");
    host.process_webhook(&vote, click("U1", "1.1", "0")).expect("a vote");
    host.process_webhook(&vote, click("U1", "1.1", "2")).expect("no such option");
    let shown: Value = from_str(&host.sent()[2].text()).expect("JSON");
    assert_eq!(shown["blocks"][1]["text"]["text"], "Approve   `1` (<@U1>)");
    host.close(&vote).expect("closed");
    let process = host.process(&vote).expect("it is kept");
    let votes =
        json!({ "yes": { "count": 1, "users": ["U1"] }, "no": { "count": 0, "users": [] } });
    let outcome = json!({ "votes": votes, "channel": "C1", "message_ts": "1.1" });
    assert_eq!((process.status, &process.outcome), (ProcessStatus::Completed, &outcome));
    assert_eq!(process.url.as_deref(), Some("https://x"));
    assert!(!host.sent()[4].text().contains("cast_vote"), "no button is left");
    host.assert_answers_used();
}

#[test]
fn slack_is_asked_for_what_the_type_needs() {
    let asked = |kind: &str| -> AuthorizeRequest {
        let request =
            json!({ "type": kind, "redirect_uri": "https://here", "platform_ids": ["T1"] });
        from_value(request).expect("the host's form")
    };
    let url = host().authorize_url(asked("user")).expect("a URL");
    let login =
        "https://slack.com/openid/connect/authorize?client_id=1.2&scope=openid+profile&team=T1";
    assert_eq!(url, login);
    let url = host().authorize_url(asked("app")).expect("a URL");
    assert!(url.contains("scope=app_mentions%3Aread%2Ccalls%3Aread%2C"), "{url}");
    assert!(url.contains("&user_scope=chat%3Awrite%2Cchannels%3Awrite"), "{url}");
}

#[test]
fn an_installation_that_is_refused_leaves_the_token_alone() {
    let access = json!({
        "token_type": "bot", "access_token": "xoxb-2", "bot_user_id": "UB", "team": { "id": "T1", "name": "Acme" },
        "authed_user": { "id": "U1", "access_token": "xoxp-1" }
    });
    let mut host = host().answer("POST", &method("oauth.v2.access"), ok(access)).answer(
        "GET",
        &method("users.info?user=U1"),
        ok(json!({ "user": { "is_admin": false } })),
    );
    let callback =
        json!({ "type": "app", "query": { "code": "42" }, "redirect_uri": "https://here" });
    let refused = host.oauth_callback(from_value(callback).expect("the host's form"));
    let refused = refused.expect_err("the installer is no admin");
    assert_eq!(refused.message(), "Non-admin user is not permitted to install");
    assert_eq!(host.sent().len(), 2, "a running installation has it, too");
    let form = host.sent()[0].text();
    assert!(form.ends_with("redirect_uri=https%3A%2F%2Fhere&client_secret=hush"), "{form}");
}

#[test]
fn an_installation_has_the_tokens_and_the_person() {
    let access = json!({
        "token_type": "bot", "access_token": "xoxb-2", "bot_user_id": "UB", "team": { "id": "T1", "name": "Acme" },
        "authed_user": { "id": "U1", "access_token": "xoxp-1" }
    });
    let mut host = host().answer("POST", &method("oauth.v2.access"), ok(access)).answer(
        "GET",
        &method("users.info?user=U1"),
        ok(json!({ "user": { "is_admin": true } })),
    );
    let callback =
        json!({ "type": "app", "query": { "code": "42" }, "redirect_uri": "https://here" });
    let authorized = host.oauth_callback(from_value(callback).expect("the host's form"));
    let authorized = to_value(authorized.expect("an admin")).expect("JSON");
    let config = json!({
        "team_id": "T1", "team_name": "Acme", "bot_token": "xoxb-2", "bot_user_id": "UB",
        "installer_user_id": "U1", "installer_user_token": "xoxp-1"
    });
    assert_eq!(authorized["config"], config);
    assert_eq!(authorized["account"]["community_platform_id"], "T1");
    let parameters = json!({ "user_id": "U1", "user_token": "xoxp-1" });
    assert_eq!(authorized["redirect"]["parameters"], parameters);
}

#[test]
fn slack_says_who_logs_in() {
    let token =
        json!({ "access_token": "xoxp-2", "token_type": "Bearer", "id_token": "e30.e30.e30" });
    let who = json!({ "sub": "U1", "https://slack.com/user_id": "U1", "https://slack.com/team_id": "T1" });
    let mut host = host().answer("POST", &method("openid.connect.token"), ok(token)).answer(
        "GET",
        &method("openid.connect.userInfo"),
        ok(who),
    );
    let callback =
        json!({ "type": "user", "query": { "code": "42" }, "redirect_uri": "https://here" });
    let authorized = host.oauth_callback(from_value(callback).expect("the host's form"));
    let authorized = to_value(authorized.expect("somebody")).expect("JSON");
    assert_eq!(host.sent()[1].header("authorization"), Some("Bearer xoxp-2"));
    assert_eq!(authorized["account"]["platform_identifier"], "U1");
    let parameters = json!({ "team_id": "T1", "user_id": "U1", "user_token": "xoxp-2" });
    assert_eq!(authorized["redirect"]["parameters"], parameters);
}
