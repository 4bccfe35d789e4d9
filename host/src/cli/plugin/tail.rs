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

use crate::cli::plugin::host_client::{HostClient, in_path};

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

/// Ends with this value. Its threads may live on until the host answers them.
pub struct Tail {
    ended: Arc<AtomicBool>,
}

impl Tail {
    pub fn begin(watched: Watched, since: Since, lines: &Arc<Lines>) -> anyhow::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let (of_events, of_lists) = (watched.clone(), watched);
        let (shown, is_over) = (lines.clone(), ended.clone());
        let events = move || follow_events(&of_events, since, &shown, &is_over);
        std::thread::Builder::new().name("events".to_owned()).spawn(events)?;
        let (shown, is_over) = (lines.clone(), ended.clone());
        let lists = move || follow_lists(&of_lists, since, &shown, &is_over);
        std::thread::Builder::new().name("lists".to_owned()).spawn(lists)?;
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
        let followed = watched.client.events(&query, last.clone()).and_then(|mut stream| {
            lines.no_trouble(EVENTS);
            while let Some(event) = stream.next_event()? {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                show_event(lines, &event);
                last.clone_from(&stream.last_id);
            }
            Ok(())
        });
        if let Err(error) = followed
            && !is_over.load(Ordering::Relaxed)
        {
            lines.trouble(EVENTS, &error);
        }
        std::thread::sleep(PAUSE);
    }
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
