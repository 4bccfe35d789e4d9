//! The plugin, called as the host calls it: points come in, ticks write them.

use moothall_sdk::serde_json::{from_value, json};
use moothall_sdk::testing::{Answer, Host};
use moothall_sdk::{Point, RouteRequest, WebhookResponse};

use crate::PointsBatcher;

const INFLUX: &str = "https://influx.example/api/v2/write?org=acme&bucket=requests";
const TIME: &str = "2030-01-01T00:00:00Z";

fn host() -> Host<PointsBatcher> {
    Host::new(PointsBatcher).config(json!({ "influx_url": INFLUX, "token": "t" }))
}

fn point(status: u16) -> Point {
    let point = json!({
        "series": "requests",
        "time": TIME,
        "tags": { "status_code": status },
        "fields": { "execution_time": 0.5 }
    });
    from_value(point).expect("a point")
}

fn waiting(host: &mut Host<PointsBatcher>) -> WebhookResponse {
    host.route("/waiting", RouteRequest::default()).expect("an answer")
}

fn lines(count: u32) -> WebhookResponse {
    WebhookResponse::ok().json(&json!({ "lines": count, "lost": 0 })).expect("JSON")
}

#[test]
fn points_of_several_batches_are_written_by_one_tick() {
    let mut host = host().answer("POST", INFLUX, Answer::status(204));
    host.points(vec![point(200), point(404)]).expect("collected");
    host.points(vec![point(500)]).expect("collected");
    assert_eq!(waiting(&mut host), lines(3));
    host.schedule("flush", TIME).expect("written");
    host.schedule("flush", TIME).expect("nothing is left to write");
    let [sent] = host.sent() else { panic!("{:?}", host.sent()) };
    assert_eq!(sent.header("authorization"), Some("Token t"));
    let text = sent.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1], "requests,status_code=404 execution_time=0.5 1893456000000000000");
}

#[test]
fn what_was_not_written_waits_for_the_next_tick() {
    let mut host = host().answer("POST", INFLUX, Answer::status(503));
    host.points(vec![point(200)]).expect("collected");
    assert!(host.schedule("flush", TIME).expect_err("the server is down").is_retryable());
    assert_eq!(waiting(&mut host), lines(1));
    host.script("POST", INFLUX, Answer::status(400));
    host.schedule("flush", TIME).expect("what the server cannot read is given up");
    assert_eq!(waiting(&mut host), lines(0));
}

#[test]
fn it_is_a_teapot() {
    let answer = host().route("/teapot", RouteRequest::default());
    assert_eq!(answer, Ok(WebhookResponse::status(418).text("I'm a teapot")));
}
