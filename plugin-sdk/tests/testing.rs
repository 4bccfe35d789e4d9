//! The in-memory host calls a plugin as the real one does.

mod courier;

use courier::{Courier, Settled};
use moothall_sdk::accounts::Account;
use moothall_sdk::log::Level;
use moothall_sdk::oauth::{AuthorizeRequest, AuthorizeType, Authorized, OAuthCallback};
use moothall_sdk::serde_json::{from_value, json};
use moothall_sdk::testing::{Answer, Host, ProcessStatus};
use moothall_sdk::{Error, ErrorKind, Event, Routed, WebhookRequest, WebhookResponse};

const SERVER: &str = "https://courier.example:8443";

fn host() -> Host<Courier> {
    Host::new(Courier)
        .config(json!({ "api_key": "k-1", "server_url": SERVER }))
        .settings(json!({ "client_secret": "c-1" }))
        .community("acme")
}

fn webhook(body: &str) -> WebhookRequest {
    WebhookRequest { body: body.into(), ..WebhookRequest::default() }
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.expect_err("it is refused").kind().clone()
}

#[test]
fn a_call_that_fails_leaves_nothing_but_its_log_and_requests() {
    let mut host = host().answer("GET", "https://courier.example:8443/a", Answer::ok());
    host.enable().expect("a configuration that fits");
    let failed = host.action("write-fetch-fail", json!({ "path": "/a" }));
    assert_eq!(kind(failed), ErrorKind::Conflict);
    assert_eq!(host.state_keys(), ["community"]);
    assert!(host.events().is_empty());
    assert_eq!((host.sent().len(), host.log().len()), (1, 1));
    assert_eq!(host.log()[0], (Level::Warn, "about to fail".to_owned()));
}

#[test]
fn a_secret_is_a_place_until_it_is_sent() {
    let mut host = host().answer("POST", "https://courier.example:8443/p?q=1", Answer::status(204));
    assert_eq!(
        host.action("config", json!({})).expect("shown")["api_key"],
        json!({ "$secret": "/api_key" })
    );
    host.action("send", json!({})).expect("sent");
    let sent = &host.sent()[0];
    assert_eq!(sent.url, "https://courier.example:8443/p?q=1&token=c-1");
    assert_eq!(sent.header("Authorization"), Some("Bearer k-1"));
    assert_eq!(sent.text(), "a=b&client_secret=c-1");
}

#[test]
fn a_secret_is_seen_only_with_its_grant() {
    assert_eq!(host().action("reveal", json!({})), Ok(json!("k-1")));
    let refused = host().without_reveal("/api_key").action("reveal", json!({}));
    assert_eq!(kind(refused), ErrorKind::Forbidden);
}

#[test]
fn only_hosts_that_the_manifest_asks_for_are_reached() {
    let mut host = host().answer("GET", "https://other.example/", Answer::ok()).answer(
        "GET",
        "https://courier.example:8443/down",
        Answer::unreachable(),
    );
    let fetch = |host: &mut Host<_>, url: &str| kind(host.action("fetch", json!({ "url": url })));
    assert_eq!(fetch(&mut host, "https://other.example/"), ErrorKind::Forbidden);
    assert_eq!(fetch(&mut host, "https://courier.example:8443/down"), ErrorKind::Unavailable);
    assert_eq!(fetch(&mut host, "https://courier.example:8443/unscripted"), ErrorKind::Unavailable);
}

#[test]
fn an_answer_is_for_one_request_and_the_next_one_for_the_next() {
    let url = "https://courier.example:8443/p?q=1";
    let mut host = host();
    host.script("POST", url, Answer::status(503).body("later"));
    host.script("POST", url, Answer::ok());
    let first = host.action("send", json!({})).expect_err("the first answer");
    assert_eq!(first.platform_status(), Some(503));
    host.action("send", json!({})).expect("the second answer");
    host.assert_answers_used();
}

#[test]
fn a_request_without_an_answer_fails_the_call_whatever_the_plugin_makes_of_it() {
    let mut host = host().answer("GET", "https://courier.example:8443/a", Answer::ok());
    let failed = host.action("fetch-or-not", json!({ "path": "/b" })).expect_err("no answer");
    assert_eq!(failed.kind(), &ErrorKind::Unavailable);
    for part in [
        "no answer to GET https://courier.example:8443/b",
        "one to GET https://courier.example:8443/a",
    ] {
        assert!(failed.message().contains(part), "{failed}");
    }
    assert_eq!(host.state("fetched"), None, "the call has failed");
    host.action("fetch-or-not", json!({ "path": "/a" })).expect("it has an answer");
    let down = "https://courier.example:8443/c";
    host.script("GET", down, Answer::unreachable());
    host.action("fetch-or-not", json!({ "path": "/c" })).expect("the plugin can do without");
    assert_eq!(host.state("fetched"), Some(json!(false)));
}

#[test]
#[should_panic(expected = "the plugin never asked GET https://courier.example:8443/a")]
fn an_answer_that_is_left_is_told_to_whom_it_asks() {
    let host = host().answer("GET", "https://courier.example:8443/a", Answer::ok());
    host.assert_answers_used();
}

#[test]
fn a_read_only_action_writes_nothing() {
    let mut host = host();
    assert_eq!(kind(host.action("write-read-only", json!({}))), ErrorKind::Forbidden);
    assert_eq!(host.state("x"), None);
}

#[test]
fn an_event_with_a_dedupe_key_is_emitted_once() {
    let mut host = host();
    assert_eq!(
        host.webhook(webhook("7")),
        Ok(Some(WebhookResponse::ok().text("evt_00000000000000000000000001")))
    );
    assert_eq!(
        host.webhook(webhook("7")),
        Ok(Some(WebhookResponse::ok().text("evt_00000000000000000000000001")))
    );
    let [event] = host.events() else { panic!("{:?}", host.events()) };
    assert_eq!((event.event_type.as_str(), &event.data), (Settled::TYPE, &json!({ "number": 7 })));
    assert_eq!(event.initiator, Some(json!({ "user_id": "ann" })));
}

#[test]
fn a_text_that_the_host_cannot_carry_is_refused_with_its_place() {
    let mut host = host();
    let id = host.start("parcel", json!({ "stops": 2 })).expect("started");
    let refusals = [
        host.action("keep-twice", json!({})).map(drop),
        host.action("emit-twice", json!({})).map(drop),
        host.process_webhook(&id, webhook("twice")).map(drop),
    ];
    for refused in refusals {
        let error = refused.expect_err("it is refused");
        assert_eq!(error.kind(), &ErrorKind::Invalid, "{error:?}");
        assert!(error.to_string().contains("at /a"), "{error:?}");
    }
    assert!(host.events().is_empty());
}

#[test]
fn a_process_lives_until_it_is_completed() {
    let mut host = host();
    assert_eq!(kind(host.start("parcel", json!({ "stops": 0 }))), ErrorKind::Invalid);
    assert_eq!(host.process("1"), None);
    let id = host.start("parcel", json!({ "stops": 2 })).expect("started");
    assert_eq!(host.process(&id).map(|p| p.status), Some(ProcessStatus::Pending));
    assert_eq!(
        host.process(&id).and_then(|p| p.closing_at.clone()).as_deref(),
        Some("2030-01-01T00:00:00Z")
    );
    host.update(&id).expect("one stop");
    assert_eq!(kind(host.process_webhook(&id, webhook("lost"))), ErrorKind::Invalid);
    host.close(&id).expect("closed");
    let process = host.process(&id).expect("it is still there");
    assert_eq!(
        (process.status, &process.outcome),
        (ProcessStatus::Completed, &json!({ "left": 1 }))
    );
    assert_eq!(kind(host.update(&id)), ErrorKind::Conflict);
    assert_eq!(kind(host.start("letter", json!({}))), ErrorKind::NotFound);
}

#[test]
fn a_changed_configuration_that_is_refused_is_not_kept() {
    let mut host = host();
    assert_eq!(
        host.change_config(json!({ "api_key": "k-2", "server_url": "bad" })),
        Err(Error::invalid("bad"))
    );
    assert_eq!(host.action("reveal", json!({})), Ok(json!("k-1")));
    host.change_config(json!({ "api_key": "k-3", "server_url": SERVER })).expect("accepted");
    assert_eq!(host.action("reveal", json!({})), Ok(json!("k-3")));
}

#[test]
fn what_no_instance_is_behind_has_neither_state_nor_config() {
    let mut host = host();
    assert_eq!(host.global_webhook(webhook("T1")), Ok(Routed::to_platform("T1")));
    let request = AuthorizeRequest {
        authorize_type: AuthorizeType::App,
        community: None,
        platform_ids: Vec::new(),
        redirect_uri: String::new(),
    };
    assert_eq!(kind(host.authorize_url(request)), ErrorKind::Forbidden);
    let callback: OAuthCallback =
        from_value(json!({ "type": "user", "query": { "code": "1" }, "redirect_uri": "" }))
            .expect("a callback");
    assert_eq!(host.oauth_callback(callback), Ok(Authorized::user().account(Account::new("ann"))));
    host.tick().expect("a tick has an instance");
    assert_eq!(host.state("ticks"), Some(json!(1)));
}

#[test]
fn a_stronger_link_wins_and_a_weaker_one_does_not() {
    let mut host = host();
    let link = |host: &mut Host<_>, quality: &str, data: i32| {
        let account =
            json!({ "platform_identifier": "ann", "link_quality": quality, "custom_data": data });
        host.action("link", account).expect("linked")
    };
    let first = link(&mut host, "confirmed (weak)", 1);
    assert_eq!((&first["external_id"], &first["platform_type"]), (&json!("1"), &json!("courier")));
    assert_eq!(link(&mut host, "unconfirmed", 2)["custom_data"], json!(1));
    assert_eq!(link(&mut host, "confirmed (strong)", 3)["external_id"], json!("1"));
    assert_eq!(host.accounts().len(), 1);
    let unknown = json!({ "platform_identifier": "bob", "external_id": "9" });
    assert_eq!(kind(host.action("link", unknown)), ErrorKind::NotFound);
}

#[test]
fn an_account_of_a_platform_that_is_not_asked_for_is_forbidden() {
    let mut host = host();
    let account = json!({ "platform_identifier": "ann", "platform_type": "discord" });
    assert_eq!(kind(host.action("link", account)), ErrorKind::Forbidden);
    assert!(host.accounts().is_empty());
}
