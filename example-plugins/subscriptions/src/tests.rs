//! Which followers get which events, tested without a host.

use moothall_sdk::serde_json::{Value, from_value, json};
use moothall_sdk::testing::Host;
use moothall_sdk::{Envelope, ErrorKind};

use crate::{SUBSCRIBERS, Subscriptions};

fn change(story: &Value) -> Envelope {
    let envelope = json!({
        "id": "evt_1",
        "type": "api.change",
        "source": "api",
        "event_type": "change",
        "data": {
            "author": "storyboard",
            "method": "PUT",
            "resource": "story",
            "resource_id": story,
            "resource_before": { "title": "Tea" },
            "resource_after": { "title": "Coffee" },
            "more": "than the plugin knows"
        }
    });
    from_value(envelope).expect("an envelope")
}

fn subscribed() -> Host<Subscriptions> {
    let mut host = Host::new(Subscriptions);
    for (subscriber, story) in [("ann", "7"), ("bob", "7"), ("ann", "7"), ("eve", "8")] {
        let parameters = json!({ "subscriber": subscriber, "story": story });
        host.action("subscribe", parameters).expect("subscribed");
    }
    host
}

#[test]
fn each_subscriber_of_the_story_is_told_once() {
    let mut host = subscribed();
    host.handle("notify", change(&json!("7"))).expect("handled");
    let subscribers: Vec<_> = host.events().iter().map(|event| &event.data["subscriber"]).collect();
    assert_eq!(subscribers, ["ann", "bob"]);
    let first = json!({
        "subscriber": "ann",
        "story": "7",
        "author": "storyboard",
        "method": "PUT",
        "before": { "title": "Tea" },
        "after": { "title": "Coffee" }
    });
    assert_eq!(host.events()[0].data, first);
}

#[test]
fn nobody_is_told_of_what_nobody_follows() {
    let mut host = subscribed();
    let both = json!({ "subscriber": "ann", "story": "7" });
    assert_eq!(host.action("unsubscribe", &both), Ok(json!({ "subscribers": ["bob"] })));
    let again = host.action("unsubscribe", &both).expect_err("not any more");
    assert_eq!(again.kind(), &ErrorKind::NotFound);
    for story in [json!("9"), Value::Null] {
        host.handle("notify", change(&story)).expect("handled");
    }
    assert!(host.events().is_empty());
}

#[test]
fn data_of_another_kind_is_a_dead_letter_at_once() {
    let refused = subscribed().handle("notify", change(&json!(7))).expect_err("an id is a text");
    assert_eq!(refused.kind(), &ErrorKind::Other("permanent".to_owned()));
}

#[test]
fn a_story_has_as_many_subscribers_as_a_change_can_tell() {
    let mut host = Host::new(Subscriptions);
    let mut subscribe = |number: usize| {
        let subscriber = number.to_string();
        host.action("subscribe", json!({ "subscriber": subscriber, "story": "7" }))
    };
    assert!((0..SUBSCRIBERS).all(|number| subscribe(number).is_ok()));
    assert_eq!(subscribe(SUBSCRIBERS).expect_err("full").kind(), &ErrorKind::Conflict);
    host.handle("notify", change(&json!("7"))).expect("all are told in one call");
    assert_eq!(host.events().len(), SUBSCRIBERS);
}

#[test]
fn the_configuration_says_whether_anybody_is_told() {
    assert_eq!(subscribed().is_enabled("notify"), Ok(true));
    let mut off = Host::new(Subscriptions).config(json!({ "enable_notifications": false }));
    assert_eq!(off.is_enabled("notify"), Ok(false));
}
