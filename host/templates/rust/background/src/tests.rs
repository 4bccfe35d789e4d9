//! The plugin as a host calls it, without a host, and with a feed that answers what a test says.

use moothall_sdk::serde_json::{from_value, json};
use moothall_sdk::testing::{Answer, Host};

use crate::MyPlugin;

fn host() -> Host<MyPlugin> {
    Host::new(MyPlugin).config(json!({ "feed_url": "https://feed.example/items" }))
}

#[test]
fn each_item_is_an_event_once() {
    let items = json!([{ "id": 3, "title": "Tea" }, { "id": 5, "title": "Cake" }]);
    let mut host = host()
        .answer(
            "GET",
            "https://feed.example/items?after=0",
            Answer::ok().json(&items),
        )
        .answer(
            "GET",
            "https://feed.example/items?after=5",
            Answer::ok().json(&json!([])),
        );
    host.tick().expect("two items");
    host.tick().expect("no more");
    let titles: Vec<_> = host
        .events()
        .iter()
        .map(|event| event.data["title"].clone())
        .collect();
    assert_eq!(titles, ["Tea", "Cake"]);
}

#[test]
fn a_feed_that_fails_is_asked_again_for_the_same() {
    let url = "https://feed.example/items?after=0";
    let mut host = host().answer("GET", url, Answer::status(503));
    assert!(host.tick().expect_err("the feed is down").is_retryable());
    assert_eq!(host.state("last_id"), None);
}

#[test]
fn items_are_counted_until_midnight() {
    let mut host = host();
    for id in 1..=2 {
        let event = json!({
            "id": format!("evt_{id}"), "type": "my-plugin.item_found", "source": "my-plugin",
            "event_type": "item_found", "data": { "id": id, "title": "Tea" },
        });
        host.handle("count", from_value(event).expect("an event"))
            .expect("counted");
    }
    assert_eq!(
        host.action("report", json!({})),
        Ok(json!({ "today": 2, "yesterday": null }))
    );
    host.schedule("midnight", "2030-01-01T00:00:00Z")
        .expect("a new day");
    assert_eq!(
        host.action("report", json!({})),
        Ok(json!({ "today": 0, "yesterday": 2 }))
    );
}
