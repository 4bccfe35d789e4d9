//! The plugin as the host calls it, with Discord's answers scripted.

use moothall_sdk::oauth::AuthorizeRequest;
use moothall_sdk::serde_json::{Value, from_str, from_value, json, to_value};
use moothall_sdk::testing::{Answer, Host, ProcessStatus, webhook};
use moothall_sdk::{ErrorKind, Routed, WebhookRequest, WebhookResponse};

use crate::Discord;

const API: &str = "https://discord.com/api/v10";

fn host() -> Host<Discord> {
    let public_key = "fd1724385aa0c75b64fb78cd602fa1d991fdebf76b13c58ed702eac835e9f618";
    let settings = json!({ "client_id": "7", "client_secret": "hush", "public_key": public_key, "bot_token": "b-1" });
    Host::new(Discord).config(json!({ "guild_id": 5, "channel": "6" })).settings(settings)
}

fn interaction(kind: u8, user: &str, more: Value) -> WebhookRequest {
    let mut body = json!({
        "id": "1", "application_id": "7", "type": kind, "guild_id": "5", "member": { "user": { "id": user } }
    });
    for (name, value) in more.as_object().expect("members") {
        body[name] = value.clone();
    }
    webhook(&body)
}

fn press(user: &str, button: &str) -> WebhookRequest {
    interaction(3, user, json!({ "data": { "custom_id": button }, "message": { "id": "9" } }))
}

fn answered(kind: u8, data: Value) -> Option<WebhookResponse> {
    Some(WebhookResponse::ok().json(&json!({ "type": kind, "data": data })).expect("JSON"))
}

fn only_to_them(text: &str) -> Option<WebhookResponse> {
    answered(4, json!({ "content": text, "flags": 64 }))
}

#[test]
fn discord_s_ping_is_answered_and_others_wait_for_the_guild() {
    let mut host = host();
    let pong = WebhookResponse::ok().json(&json!({ "type": 1 })).expect("JSON");
    let ping = host.global_webhook(interaction(1, "1", json!({})));
    assert_eq!(ping, Ok(Routed::nowhere().respond(pong)));
    assert_eq!(host.global_webhook(press("1", "cast_vote_0")), Ok(Routed::to_platform("5")));
    let elsewhere = interaction(2, "1", json!({ "application_id": "8" }));
    let refused = host.global_webhook(elsewhere).expect_err("another application");
    assert_eq!(refused.kind(), &ErrorKind::Unauthorized);
}

#[test]
fn a_slash_command_is_told_once_and_answered() {
    let mut host = host();
    for _ in 0..2 {
        let command = interaction(2, "1", json!({ "data": { "type": 1, "name": "ask" } }));
        assert_eq!(host.webhook(command), Ok(only_to_them("Message received!")));
    }
    let menu = interaction(2, "1", json!({ "data": { "type": 2, "name": "ask" } }));
    assert_eq!(host.webhook(menu), Ok(None));
    assert_eq!(host.webhook(interaction(2, "1", json!({ "guild_id": "6" }))), Ok(None));
    let [told] = host.events() else { panic!("told once: {:?}", host.events()) };
    assert_eq!(
        (told.event_type.as_str(), &told.data["data"]["name"]),
        ("slash_command", &json!("ask"))
    );
}

#[test]
fn a_press_is_answered_with_the_votes_and_the_end_takes_the_buttons() {
    let message = format!("{API}/channels/6/messages");
    let mut host = host()
        .answer("POST", &message, Answer::ok().json(&json!({ "id": "9" })))
        .answer("PATCH", &format!("{message}/9"), Answer::ok().json(&json!({ "id": "9" })));
    let parameters =
        json!({ "title": "Which?", "options": ["a.b", "c"], "ineligible_voters": ["3"] });
    let vote = host.start("vote", parameters).expect("a vote");
    assert_eq!(host.sent()[0].header("authorization"), Some("Bot b-1"));
    let button = |at: usize, label: &str| json!({ "type": 2, "style": 1, "custom_id": format!("cast_vote_{at}"), "disabled": false, "label": label });
    let shown = json!({
        "content": "\n\n**Which?**\n\na.b   (1) (<@1>)\n\nc   (0)",
        "components": [{ "type": 1, "components": [button(0, "a.b"), button(1, "c")] }],
        "allowed_mentions": { "parse": [] }
    });
    let voted = host.process_webhook(&vote, press("1", "cast_vote_0"));
    assert_eq!(voted, Ok(answered(7, shown)));
    let refused = host.process_webhook(&vote, press("3", "cast_vote_0"));
    assert_eq!(refused, Ok(only_to_them("You are not eligible to vote in this poll.")));
    assert_eq!(host.process_webhook(&vote, press("1", "cast_vote_2")), Ok(None), "no such option");
    host.close(&vote).expect("closed");
    let process = host.process(&vote).expect("it is kept");
    let votes = json!({ "a.b": { "count": 1, "users": ["1"] }, "c": { "count": 0, "users": [] } });
    let outcome = json!({ "votes": votes, "message_id": "9" });
    assert_eq!((process.status, &process.outcome), (ProcessStatus::Completed, &outcome));
    let last: Value = from_str(&host.sent()[1].text()).expect("JSON");
    assert_eq!(last["components"][0]["components"][1]["disabled"], true);
}

#[test]
fn the_bot_asks_for_its_permissions_by_number() {
    let request = json!({ "type": "app", "redirect_uri": "https://here" });
    let request: AuthorizeRequest = from_value(request).expect("the host's form");
    let url = host().authorize_url(request).expect("a URL");
    let scopes = "scope=applications.commands+bot+identify+guilds";
    assert_eq!(
        url,
        format!("https://discord.com/oauth2/authorize?client_id=7&{scopes}&permissions=68608")
    );
}

#[test]
fn a_person_is_in_a_guild_of_the_community() {
    let token = json!({ "access_token": "t-1", "refresh_token": "r-1" });
    let guilds = json!([{ "id": "4", "name": "elsewhere" }, { "id": "5", "name": "here" }]);
    let mut host = host()
        .answer("POST", &format!("{API}/oauth2/token"), Answer::ok().json(&token))
        .answer("GET", &format!("{API}/users/@me"), Answer::ok().json(&json!({ "id": "1" })))
        .answer("GET", &format!("{API}/users/@me/guilds"), Answer::ok().json(&guilds));
    let callback = json!({ "type": "user", "query": { "code": "42" }, "redirect_uri": "https://here", "platform_ids": ["5"] });
    let authorized = host.oauth_callback(from_value(callback).expect("the host's form"));
    let authorized = to_value(authorized.expect("authorised")).expect("JSON");
    let parameters = json!({ "guild[]": ["5:here"], "user_id": "1", "user_token": "t-1" });
    assert_eq!(authorized["redirect"]["parameters"], parameters);
    assert_eq!(authorized["account"]["community_platform_id"], "5");
}
