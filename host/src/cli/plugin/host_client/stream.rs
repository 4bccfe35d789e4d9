//! A host's events as they are committed: server-sent events, of which only the ids and the data are read.

use std::io::{BufRead, BufReader, Read};

use anyhow::{Context, bail};
use serde_json::Value;
use ureq::BodyReader;
use ureq::http::Request;

use super::{HostClient, TIMEOUT, failure};

/// The longest line, in bytes: more than an event has.
const LINE_BYTES: u64 = 4 << 20;

pub struct ServerSentEvents {
    lines: BufReader<BodyReader<'static>>,
    /// After which event a later stream would go on.
    pub last_id: Option<String>,
}

impl HostClient {
    /// The events from now on, or after the one with this id, without an end.
    pub fn events(&self, query: &str, last_id: Option<String>) -> anyhow::Result<ServerSentEvents> {
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
        let request =
            configured.timeout_connect(Some(TIMEOUT)).timeout_recv_response(Some(TIMEOUT));
        let answer = self.agent.run(request.build());
        let answer = answer.map_err(|error| failure::of_request(&self.url, error))?;
        if answer.status() != 200 {
            let answer = self.read(format!("GET {path}"), answer)?;
            bail!("the events cannot be followed: {}", answer.failure());
        }
        Ok(ServerSentEvents { lines: BufReader::new(answer.into_body().into_reader()), last_id })
    }
}

impl ServerSentEvents {
    /// Waits for the next event; none when the stream has ended.
    pub fn next_event(&mut self) -> anyhow::Result<Option<Value>> {
        let mut data = None;
        loop {
            let mut line = String::new();
            let read = self.lines.by_ref().take(LINE_BYTES).read_line(&mut line);
            if read.context("the stream of events broke")? == 0 {
                return Ok(None);
            }
            match line.trim_end().split_once(':') {
                Some(("id", id)) => self.last_id = Some(id.trim_start().to_owned()),
                Some(("data", text)) => data = Some(text.trim_start().to_owned()),
                _ if line.trim_end().is_empty() && data.is_some() => {
                    let data = data.unwrap_or_default();
                    return serde_json::from_str(&data).context("an event is no JSON").map(Some);
                }
                _ => {}
            }
        }
    }
}
