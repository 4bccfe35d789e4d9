//! Events as a stream: none is skipped and none comes twice; it resumes after a disconnection, and
//! ends when the host stops.

use std::time::{Duration, Instant};

use moothall_tests::{TestHost, answer, until};
use reqwest::{Method, Response};
use serde_json::json;

const EVENTS: &str = "/api/internal/events";

struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(host: &TestHost, after: Option<i64>) -> Self {
        Self::of(host, EVENTS, after).await
    }

    async fn of(host: &TestHost, path: &str, after: Option<i64>) -> Self {
        let mut request = host.request(Method::GET, path).header("accept", "text/event-stream");
        if let Some(after) = after {
            request = request.header("last-event-id", after.to_string());
        }
        let response = request.send().await.expect("the host answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no", "proxies must not gather it");
        let mut stream = Self { response, text: String::new() };
        stream.line().await.expect("it says that it is there");
        stream
    }

    /// One block up to its blank line; none at the end.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.text.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    /// The ids of the next events.
    async fn ids(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let block = self.line().await.expect("the stream goes on");
            ids.extend(
                block.lines().find_map(|line| line.strip_prefix("id: ")?.parse::<i64>().ok()),
            );
        }
        ids
    }
}

async fn publish(host: &TestHost, count: usize) {
    for _ in 0..count {
        let event = json!({ "community": "acme", "event_type": "a", "data": { "x": "line\nend" } });
        host.post(EVENTS, event).await.expect(202);
    }
}

async fn host() -> TestHost {
    let host = TestHost::with(&[]).toml("[delivery]\nstreams = 2").start().await;
    host.put_community("acme", json!([])).await.expect(201);
    host
}

#[tokio::test]
async fn a_stream_goes_on_where_it_broke_off() {
    let host = host().await;
    publish(&host, 3).await;
    let mut stream = Stream::open(&host, None).await;
    publish(&host, 4).await;
    assert_eq!(stream.ids(2).await, [4, 5], "from now on");
    drop(stream);
    let mut again = Stream::open(&host, Some(5)).await;
    publish(&host, 250).await;
    assert_eq!(again.ids(252).await, (6..=257).collect::<Vec<i64>>());
}

#[tokio::test]
async fn an_empty_last_event_id_is_none() {
    let host = host().await;
    publish(&host, 3).await;
    let request = host.request(Method::GET, EVENTS).header("accept", "text/event-stream");
    let response = request.header("last-event-id", "").send().await.expect("the host answers");
    assert_eq!(response.status(), 200);
    let mut stream = Stream { response, text: String::new() };
    stream.line().await.expect("it says that it is there");
    publish(&host, 1).await;
    assert_eq!(stream.ids(1).await, [4], "from now on");
    for wrong in [" x", "-1", "1.5"] {
        let request = host.request(Method::GET, EVENTS).header("accept", "text/event-stream");
        let refused = answer(request.header("last-event-id", wrong)).await;
        refused.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn messages_have_names_only_where_they_are_asked_for() {
    let host = host().await;
    let mut unnamed = Stream::open(&host, None).await;
    let mut named = Stream::of(&host, &format!("{EVENTS}?named=true"), None).await;
    publish(&host, 1).await;
    let fields = |block: String| -> Vec<String> {
        let names = block.lines().map(|line| line.split(':').next().unwrap_or_default().to_owned());
        names.collect()
    };
    let block = unnamed.line().await.expect("an event");
    assert_eq!(fields(block), ["id", "data"], "`EventSource.onmessage` hears it");
    let block = named.line().await.expect("an event");
    assert!(block.contains("\nevent: driver.a\n"), "{block}");
    assert_eq!(fields(block), ["id", "event", "data"]);
}

#[tokio::test]
async fn a_stream_ends_when_the_host_stops_and_holds_nothing_up() {
    let mut host = host().await;
    let mut stream = Stream::open(&host, None).await;
    let begin = Instant::now();
    host.terminate();
    assert!(begin.elapsed() < Duration::from_secs(10), "the drain waited for a stream");
    assert_eq!(stream.line().await, None);
}

#[tokio::test]
async fn streams_are_bounded() {
    let host = host().await;
    let first = Stream::open(&host, None).await;
    let _second = Stream::open(&host, None).await;
    let third = || async {
        let request = host.request(Method::GET, EVENTS).header("accept", "text/event-stream");
        request.send().await.expect("the host answers").status().as_u16()
    };
    assert_eq!(third().await, 503);
    drop(first);
    moothall_tests::until("there is room again", async || (third().await == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn what_is_no_longer_kept_is_gone() {
    let toml = "[retention]\nevent_days = 1";
    let host = TestHost::with(&[]).toml(toml).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    publish(&host, 2).await;
    host.advance(Duration::from_secs(5 * 24 * 3600));
    moothall_tests::until("the events are purged", async || {
        let page = host.get(EVENTS).await.expect(200);
        page["events"].as_array().expect("a list").is_empty().then_some(())
    })
    .await;
    let request = host.request(Method::GET, EVENTS).header("accept", "text/event-stream");
    let answer = moothall_tests::answer(request.header("last-event-id", "0")).await;
    answer.problem(410, "gone");
    Stream::open(&host, Some(2)).await;
}

#[tokio::test]
async fn a_position_that_the_log_has_not_come_to_is_refused() {
    let host = host().await;
    publish(&host, 3).await;
    for position in ["4", "9223372036854775807"] {
        let request = host.request(Method::GET, EVENTS).header("accept", "text/event-stream");
        let refused = answer(request.header("last-event-id", position)).await;
        let detail = refused.problem(410, "gone");
        assert!(detail.contains("ends at position 3"), "{detail}");
    }
    let mut stream = Stream::open(&host, Some(3)).await;
    publish(&host, 1).await;
    assert_eq!(stream.ids(1).await, [4]);
}

#[tokio::test]
async fn a_stream_ends_with_what_let_it_in() {
    let host = host().await;
    let mut stream = Stream::open(&host, None).await;
    let key = host.create_key("driver");
    until("keys are required", async || (host.get("/metrics").await.status == 401).then_some(()))
        .await;
    let driver = host.with_key(&key);
    let event = json!({ "community": "acme", "event_type": "a", "data": {} });
    driver.post(EVENTS, event).await.expect(202);
    assert_eq!(stream.line().await, None);
}

#[tokio::test]
async fn a_stream_on_which_nothing_happens_ends_with_its_key_or_its_secret() {
    for ends in [&["key", "revoke"][..], &["key", "rotate", "--keep", "0h"]] {
        let host = TestHost::with(&[]).start().await;
        let key = host.create_key("listener");
        until("the key is noticed", async || (host.get(EVENTS).await.status == 401).then_some(()))
            .await;
        let id = key.split('_').nth(1).expect("a key has an id").to_owned();
        let request = host.with_key(&key).request(Method::GET, EVENTS);
        let response =
            request.header("accept", "text/event-stream").send().await.expect("an answer");
        let mut stream = Stream { response, text: String::new() };
        stream.line().await.expect("it says that it is there");
        host.command(&[ends, &[&id]].concat()).succeeded();
        // A stream that waited for its next keep-alive would send that first.
        assert_eq!(stream.line().await, None, "{ends:?}: it ends before anything else is sent");
    }
}
