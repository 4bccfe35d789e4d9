//! The plugin as a host calls it, without a host: after the check of a webhook's signature.

use moothall_sdk::WebhookResponse;
use moothall_sdk::serde_json::json;
use moothall_sdk::testing::{Host, webhook};

use crate::MyPlugin;

fn host() -> Host<MyPlugin> {
    let secret = "a secret of at least 16 bytes";
    Host::new(MyPlugin).config(json!({ "signing_secret": secret, "ignored_accounts": ["bot"] }))
}

#[test]
fn a_post_becomes_an_event_once() {
    let mut host = host();
    let post = json!({ "id": "7", "account": "ann", "text": "Tea?" });
    for _ in 0..2 {
        assert_eq!(
            host.webhook(webhook(&post)),
            Ok(Some(WebhookResponse::ok()))
        );
    }
    let [event] = host.events() else {
        panic!("{:?}", host.events())
    };
    assert_eq!(
        (event.event_type.as_str(), &event.data),
        ("posted", &json!({ "id": "7", "text": "Tea?" }))
    );
}

#[test]
fn posts_are_counted_but_not_those_of_ignored_accounts() {
    let mut host = host();
    for (id, account) in [("1", "ann"), ("2", "bot")] {
        let post = json!({ "id": id, "account": account, "text": "Tea?" });
        host.webhook(webhook(&post)).expect("a post");
    }
    assert_eq!(
        host.action("received", json!({})),
        Ok(json!({ "posts": 1 }))
    );
}

#[test]
fn a_body_that_is_no_post_is_an_error() {
    assert!(
        host()
            .webhook(webhook(&json!({ "hello": "world" })))
            .is_err()
    );
}
