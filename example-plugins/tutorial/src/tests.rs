//! The plugin as the host calls it, without a host: what a plugin author can run with `cargo test`.

use moothall_sdk::oauth::{AuthorizeRequest, OAuthCallback};
use moothall_sdk::serde_json::{from_value, json, to_value};
use moothall_sdk::testing::{Answer, Host, ProcessStatus, webhook};
use moothall_sdk::{Routed, WebhookResponse};

use crate::Tutorial;

fn host() -> Host<Tutorial> {
    let config = json!({ "api_key": "ABC123", "server_url": "https://forum.example" });
    let settings = json!({ "oauth_base_url": "https://id.example", "client_secret": "hush" });
    Host::new(Tutorial).config(config).settings(settings)
}

#[test]
fn what_initialize_stored_is_read_by_an_action() {
    let mut host = host();
    host.enable().expect("a configuration that fits");
    let stored = json!({ "foo": "bar", "obj": { "x": 2 } });
    assert_eq!(host.action("my-action", json!({ "x": 2 })), Ok(stored));
}

#[test]
fn a_webhook_becomes_an_event() {
    let mut host = host();
    let posted = webhook(&json!({ "data": { "title": "Hello" }, "account": "ann" }));
    assert_eq!(host.webhook(posted), Ok(Some(WebhookResponse::ok())));
    let event = &host.events()[0];
    assert_eq!(
        (event.event_type.as_str(), &event.data),
        ("post_created", &json!({ "title": "Hello" }))
    );
    let initiator = json!({ "user_id": "ann", "provider": "identity-provider-key" });
    assert_eq!(event.initiator, Some(initiator));
}

#[test]
fn new_posts_are_polled_once() {
    let posts = json!([{ "id": 3, "title": "a" }, { "id": 5, "title": "b" }]);
    let mut host = host()
        .answer("GET", "https://forum.example/posts?after=0", Answer::ok().json(&posts))
        .answer("GET", "https://forum.example/posts?after=5", Answer::status(503));
    host.tick().expect("two posts");
    assert_eq!(host.sent()[0].header("authorization"), Some("Bearer ABC123"));
    assert!(host.tick().expect_err("the platform is down").is_retryable());
    assert_eq!((host.events().len(), host.state("last_post")), (2, Some(json!(5))));
    host.assert_answers_used();
}

#[test]
fn ballots_come_by_webhook_and_the_quorum_ends_the_vote() {
    let mut host = host();
    let id = host.start("my-gov-process", json!({ "title": "Tea?", "quorum": 2 })).expect("a vote");
    for (account, vote) in [("ann", "no"), ("ann", "yes"), ("eve", "maybe")] {
        let ballot = webhook(&json!({ "account": account, "vote": vote }));
        assert_eq!(host.webhook(ballot.clone()), Ok(None), "the processes answer");
        host.process_webhook(&id, ballot).expect("a ballot");
    }
    host.update(&id).expect("one of two");
    assert_eq!(host.process(&id).map(|vote| vote.status), Some(ProcessStatus::Pending));
    let elsewhere = webhook(&json!({ "account": "bob", "vote": "no", "process": "other" }));
    host.process_webhook(&id, elsewhere).expect("not for this one");
    host.process_webhook(&id, webhook(&json!({ "account": "bob", "vote": "yes" })))
        .expect("a ballot");
    host.update(&id).expect("two of two");
    let vote = host.process(&id).expect("it is kept");
    let outcome = json!({ "title": "Tea?", "votes": { "no": 0, "yes": 2 } });
    assert_eq!((vote.status, &vote.outcome), (ProcessStatus::Completed, &outcome));
}

#[test]
fn a_webhook_of_the_whole_platform_goes_to_its_community() {
    let mut host = host();
    let request = webhook(&json!({ "community_id": "c-1" }));
    assert_eq!(host.global_webhook(request.clone()), Ok(Routed::nowhere()));
    let request = request.with_header("custom-event-header", "1");
    assert_eq!(host.global_webhook(request), Ok(Routed::to_route_key("/community_id", "c-1")));
}

#[test]
fn the_platform_is_asked_at_its_endpoint_for_what_the_type_needs() {
    let request =
        json!({ "type": "user", "community": "c", "redirect_uri": "https://here/callback" });
    let request: AuthorizeRequest = from_value(request).expect("the host's form");
    let url = host().authorize_url(request).expect("a URL");
    assert_eq!(url, "https://id.example/oauth/authorize?client_id=tutorial&scope=openid+user");
}

#[test]
fn an_id_token_says_who_authorised() {
    // {"sub":"ann"}
    let token =
        json!({ "access_token": "t-1", "id_token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ." });
    let mut host =
        host().answer("POST", "https://id.example/oauth/token", Answer::ok().json(&token));
    let callback =
        json!({ "type": "user", "query": { "code": "42" }, "redirect_uri": "https://here" });
    let authorized = host.oauth_callback(from_value(callback).expect("the host's form"));
    let account = json!({ "platform_identifier": "ann", "link_quality": "confirmed (strong)" });
    let authorized = to_value(authorized.expect("authorised")).expect("JSON");
    assert_eq!(authorized, json!({ "account": account }));
}

#[test]
fn a_code_is_exchanged_for_a_configuration() {
    let token = json!({ "access_token": "t-1", "community_id": "c-1", "user_id": "ann" });
    let mut host =
        host().answer("POST", "https://id.example/oauth/token", Answer::ok().json(&token));
    let callback = json!({
        "type": "app", "query": { "code": "42" }, "redirect_uri": "https://here", "code_verifier": "v"
    });
    let callback: OAuthCallback = from_value(callback).expect("the host's form");
    let authorized = host.oauth_callback(callback).expect("authorised");
    let expected = json!({
        "config": { "api_key": "t-1", "foo": "bar", "community_id": "c-1" },
        "account": { "platform_identifier": "ann", "link_quality": "confirmed (strong)" }
    });
    assert_eq!(to_value(authorized).expect("JSON"), expected);
    let form = host.sent()[0].text();
    assert!(form.contains("code=42&redirect_uri=https%3A%2F%2Fhere"), "{form}");
    assert!(form.ends_with("code_verifier=v&client_secret=hush"), "{form}");
}
