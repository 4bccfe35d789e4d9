//! What the server is sent, and what becomes of its answers.

use moothall_sdk::serde_json::{Value, from_str, from_value, json};
use moothall_sdk::testing::{Answer, Host};
use moothall_sdk::{Envelope, ErrorKind};

use crate::EventSender;

const BUCKETS: &str = "https://events.example/buckets";
const EVENTS: &str = "https://events.example/buckets/log/events";

fn host() -> Host<EventSender> {
    let config = json!({ "server_url": "https://events.example/", "bucket": "log", "token": "t" });
    Host::new(EventSender).config(config)
}

fn item() -> Envelope {
    let envelope = json!({
        "id": "evt_1",
        "type": "api.sending_event",
        "source": "api",
        "event_type": "sending_event",
        "data": {
            "events": [{ "event_type": "post_created", "data": { "title": "Tea" } }],
            "handler_id": "tutorial.my-action",
            "account_id": "acme",
            "request_id": "r1",
            "event_create_time": "2030-01-01T00:00:00Z",
            "event_end_time": "2030-01-01T00:00:01Z"
        }
    });
    from_value(envelope).expect("an envelope")
}

#[test]
fn a_bucket_that_is_new_or_there_is_fine_and_anything_else_is_not() {
    for (status, is_fine) in [(201, true), (409, true), (500, false), (403, false)] {
        let mut host = host().answer("POST", BUCKETS, Answer::status(status));
        assert_eq!(host.enable().is_ok(), is_fine, "{status}");
        assert_eq!(host.sent()[0].text(), r#"{"name":"log"}"#);
        assert_eq!(host.sent()[0].header("authorization"), Some("Bearer t"));
    }
}

#[test]
fn the_events_of_a_call_are_one_request() {
    let mut host = host().answer("POST", EVENTS, Answer::status(204));
    host.handle("send", item()).expect("sent");
    let [sent] = host.sent() else { panic!("{:?}", host.sent()) };
    assert_eq!(sent.header("idempotency-key"), Some("evt_1"));
    let body: Value = from_str(&sent.text()).expect("JSON");
    assert_eq!(body, item().data);
}

#[test]
fn only_what_can_help_is_tried_again() {
    for (answer, kind) in [
        (Answer::unreachable(), ErrorKind::Unavailable),
        (Answer::status(503), ErrorKind::Unavailable),
        (Answer::status(429), ErrorKind::Unavailable),
        (Answer::status(400), ErrorKind::Other("permanent".to_owned())),
    ] {
        let mut host = host().answer("POST", EVENTS, answer);
        assert_eq!(host.handle("send", item()).expect_err("refused").kind(), &kind);
    }
}
