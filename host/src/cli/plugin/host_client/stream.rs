//! A host's events as they are committed: server-sent events, of which only the ids and the data are read.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use ureq::BodyReader;
use ureq::http::Request;

use super::{HostClient, TIMEOUT, failure};

/// The longest line, in bytes: more than an event has.
const LINE_BYTES: u64 = 4 << 20;
/// A stream that says nothing for so long is broken: a host without events sends a comment every 15 seconds.
const SILENCE: Duration = Duration::from_secs(60);

pub struct ServerSentEvents {
    lines: BufReader<BodyReader<'static>>,
    /// After which event a later stream would go on.
    pub last_id: Option<String>,
}

/// What came on a stream.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Event(Value),
    /// A comment, which only says that the stream is open.
    Comment,
}

/// The host does not have what came after that event any more, or never had it: only a new beginning is possible.
#[derive(Debug)]
pub struct EventsGone(String);

impl fmt::Display for EventsGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EventsGone {}

impl HostClient {
    /// The events from now on, or after the one with this id, without an end.
    pub fn events(&self, query: &str, last_id: Option<String>) -> anyhow::Result<ServerSentEvents> {
        self.events_within(query, last_id, SILENCE)
    }

    /// The same; it breaks when nothing comes for so long.
    fn events_within(
        &self,
        query: &str,
        last_id: Option<String>,
        silence: Duration,
    ) -> anyhow::Result<ServerSentEvents> {
        let path = format!("/api/internal/events{query}");
        let mut request = Request::builder().uri(format!("{}{path}", self.url));
        request = request.header("accept", "text/event-stream");
        if let Some((name, value)) = self.key_header() {
            request = request.header(name, value);
        }
        if let Some(id) = &last_id {
            request = request.header("last-event-id", id);
        }
        let request = request.body(()).context("this is no HTTP request")?;
        let configured = self.agent.configure_request(request).timeout_global(None);
        let request = configured
            .timeout_connect(Some(TIMEOUT))
            .timeout_recv_response(Some(TIMEOUT))
            .timeout_per_read(Some(silence));
        let answer = self.agent.run(request.build());
        let answer = answer.map_err(|error| failure::of_request(&self.url, error))?;
        if answer.status() != 200 {
            let answer = self.read(format!("GET {path}"), answer)?;
            let said = format!("the events cannot be followed: {}", answer.failure());
            match answer.status {
                410 => return Err(EventsGone(said).into()),
                _ => bail!(said),
            }
        }
        Ok(ServerSentEvents { lines: BufReader::new(answer.into_body().into_reader()), last_id })
    }
}

impl ServerSentEvents {
    /// Waits for what comes next; none when the stream has ended.
    pub fn hear(&mut self) -> anyhow::Result<Option<Heard>> {
        let mut data = None;
        loop {
            let mut line = String::new();
            let read = self.lines.by_ref().take(LINE_BYTES).read_line(&mut line);
            if read.context("the stream of events broke")? == 0 {
                return Ok(None);
            }
            match line.trim_end().split_once(':') {
                Some(("", _)) if data.is_none() => return Ok(Some(Heard::Comment)),
                Some(("id", id)) => self.last_id = Some(id.trim_start().to_owned()),
                Some(("data", text)) => data = Some(text.trim_start().to_owned()),
                _ if line.trim_end().is_empty() && data.is_some() => {
                    let data = data.unwrap_or_default();
                    let event = serde_json::from_str(&data).context("an event is no JSON")?;
                    return Ok(Some(Heard::Event(event)));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::plugin::host_client::tests::answering;

    const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

    fn stream(sent: &str, silence: Duration) -> ServerSentEvents {
        let (url, _) = answering([format!("{STREAM}{sent}")]);
        let client = HostClient::without_key(&url).expect("a client");
        client.events_within("", None, silence).expect("a stream")
    }

    #[test]
    fn a_comment_is_heard_so_that_whoever_listens_can_stop() {
        let sent = ": events follow\n\nid: 7\ndata: {\"a\":1}\n\n: still here\n\n";
        let mut stream = stream(sent, SILENCE);
        let mut heard = || stream.hear().expect("it goes on").expect("it has not ended");
        assert_eq!(heard(), Heard::Comment);
        assert_eq!(heard(), Heard::Event(json!({ "a": 1 })));
        assert_eq!(heard(), Heard::Comment);
        assert_eq!(stream.last_id.as_deref(), Some("7"));
    }

    #[test]
    fn a_stream_that_says_nothing_breaks() {
        let mut stream = stream(": events follow\n\n", Duration::from_millis(100));
        assert_eq!(stream.hear().expect("it begins"), Some(Heard::Comment));
        let broken = stream.hear().map_err(|error| format!("{error:#}"));
        assert!(broken.is_err_and(|said| said.starts_with("the stream of events broke")));
    }

    #[test]
    fn events_that_are_gone_are_told_apart_from_other_failures() {
        let problem = |status: u16| {
            let body = r#"{"code":"x","detail":"Begin again"}"#;
            let length = body.len();
            format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\n\r\n{body}"
            )
        };
        for (status, is_gone) in [(410, true), (503, false)] {
            let (url, asked) = answering([problem(status)]);
            let client = HostClient::without_key(&url).expect("a client");
            let error = client.events("", Some("9".to_owned())).err().expect("it is refused");
            assert_eq!(error.is::<EventsGone>(), is_gone, "{error:#}");
            assert!(asked.recv().expect("a request").contains("last-event-id: 9"));
        }
    }
}
