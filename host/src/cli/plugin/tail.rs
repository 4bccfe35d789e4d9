//! Shows what happens to one plugin on a host, as it happens: its failed calls, its events, and their deliveries.
//!
//! What it logs, a host on another machine shows only in its own log.

mod deliveries;
mod failed_calls;
mod lines;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::cli::plugin::host_client::{EventsGone, Heard, HostClient, in_path};

use deliveries::DeliveryTail;
use failed_calls::FailedCallTail;

pub use lines::{LineKind, Lines};

/// How often a host is asked for failed calls and deliveries, which it lists and does not stream.
const EVERY: Duration = Duration::from_millis(500);
/// How long nobody asks a host that did not answer.
const PAUSE: Duration = Duration::from_secs(2);
/// What is followed.
const EVENTS: &str = "events";
const LISTS: &str = "failed calls and deliveries";
/// Letters of an event's data, or of a failure's detail, on a line.
const LETTERS: usize = 500;

/// Whose happenings are shown, and where.
#[derive(Clone)]
pub struct Watched {
    pub client: HostClient,
    pub community: String,
    pub plugin: String,
}

/// From when on it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Of a host that has just begun.
    Beginning,
    Now,
}

/// Before the first event of a host.
const BEFORE_ALL: &str = "0";

/// Ends with this value. Its threads may live on until the host says something, which it does every 15 seconds.
pub struct Tail {
    ended: Arc<AtomicBool>,
}

impl Tail {
    pub fn begin(watched: Watched, since: Since, lines: &Arc<Lines>) -> anyhow::Result<Self> {
        let tail = Self::of_events(watched.clone(), since, lines)?;
        let (shown, is_over) = (lines.clone(), tail.ended.clone());
        let lists = move || follow_lists(&watched, since, &shown, &is_over);
        std::thread::Builder::new().name("lists".to_owned()).spawn(lists)?;
        Ok(tail)
    }

    /// One that shows only events.
    fn of_events(watched: Watched, since: Since, lines: &Arc<Lines>) -> anyhow::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let (shown, is_over) = (lines.clone(), ended.clone());
        let events = move || follow_events(&watched, since, &shown, &is_over);
        std::thread::Builder::new().name("events".to_owned()).spawn(events)?;
        Ok(Self { ended })
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn follow_events(watched: &Watched, since: Since, lines: &Lines, is_over: &AtomicBool) {
    let query =
        format!("?community={}&type={}:*", in_path(&watched.community), in_path(&watched.plugin));
    let mut last = (since == Since::Beginning).then(|| BEFORE_ALL.to_owned());
    while !is_over.load(Ordering::Relaxed) {
        let followed = follow_stream(watched, (&query, &mut last), lines, is_over);
        if let Err(error) = followed
            && !is_over.load(Ordering::Relaxed)
        {
            // Else the same would be asked for, and refused, for ever.
            if error.is::<EventsGone>() {
                last = None;
            }
            lines.trouble(EVENTS, &error);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Shows the events of one stream, until it ends or nobody wants to see them. `last` is the event that was shown last.
fn follow_stream(
    watched: &Watched,
    (query, last): (&str, &mut Option<String>),
    lines: &Lines,
    is_over: &AtomicBool,
) -> anyhow::Result<()> {
    let mut stream = watched.client.events(query, last.clone())?;
    lines.no_trouble(EVENTS);
    while let Some(heard) = stream.hear()? {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        if let Heard::Event(event) = heard {
            show_event(lines, &event);
        }
        last.clone_from(&stream.last_id);
    }
    Ok(())
}

fn show_event(lines: &Lines, event: &Value) {
    let text = |field: &str| event[field].as_str().unwrap_or_default();
    let said =
        format!("{}:{} {}", text("source"), text("event_type"), cut(&event["data"].to_string()));
    lines.show(LineKind::Event, text("time"), &said, &[text("id"), text("request_id")]);
}

fn follow_lists(watched: &Watched, since: Since, lines: &Lines, is_over: &AtomicBool) {
    let (mut calls, mut deliveries) = (FailedCallTail::new(since), DeliveryTail::new(since));
    while !is_over.load(Ordering::Relaxed) {
        let asked = calls.show(watched, lines).and_then(|()| deliveries.show(watched, lines));
        match asked {
            Ok(()) => lines.no_trouble(LISTS),
            Err(_) if is_over.load(Ordering::Relaxed) => return,
            Err(error) => lines.trouble(LISTS, &error),
        }
        lines.tell_left_out();
        std::thread::sleep(EVERY);
    }
}

/// A text on one line, cut to what a person reads.
fn cut(text: &str) -> String {
    let mut letters = text.chars();
    let shown: String = letters.by_ref().take(LETTERS).collect();
    let shown = shown.replace(['\n', '\r'], " ");
    if letters.next().is_some() { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::plugin::host_client::tests::answering;

    const GONE: &str = r#"{"code":"gone","detail":"Begin again"}"#;
    const STREAM: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: events follow\n\n";

    #[test]
    fn a_host_that_has_lost_its_events_is_followed_from_now_on() {
        let gone = format!(
            "HTTP/1.1 410 Gone\r\ncontent-type: application/problem+json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{GONE}",
            GONE.len()
        );
        let (url, asked) = answering([gone, STREAM.to_owned()]);
        let client = HostClient::without_key(&url).expect("a client");
        let watched = Watched { client, community: "c".to_owned(), plugin: "p".to_owned() };
        let tail = Tail::of_events(watched, Since::Beginning, &Arc::default()).expect("a thread");
        assert!(asked.recv().expect("a request").contains("last-event-id: 0"));
        assert!(!asked.recv().expect("another").contains("last-event-id"), "it begins anew");
        drop(tail);
    }
}
