//! The calls of a plugin that failed by its fault or the host's: those that are new in the host's list.

use std::collections::HashSet;

use serde_json::Value;

use super::{LineKind, Lines, Since, Watched, cut};

/// The most calls that are read at once: the newest.
const PAGE: usize = 100;

pub struct FailedCallTail {
    /// The ids of the last page; none before the first, unless there was nothing yet.
    known: Option<HashSet<String>>,
}

impl FailedCallTail {
    pub fn new(since: Since) -> Self {
        Self { known: (since == Since::Beginning).then(HashSet::new) }
    }

    /// Shows what is new since the last time. If it is not known what there was, it only remembers what there is.
    pub fn show(&mut self, watched: &Watched, lines: &Lines) -> anyhow::Result<()> {
        let page = watched.client.get(&format!("/api/internal/calls?limit={PAGE}"))?;
        let calls = page["calls"].as_array().map_or(&[][..], Vec::as_slice);
        let ids = calls.iter().map(id).collect();
        if let Some(known) = self.known.replace(ids) {
            // The list has the newest first.
            let new = calls.iter().rev().filter(|call| !known.contains(&id(call)));
            new.filter(|call| is_of(call, watched)).for_each(|call| show(lines, call));
        }
        Ok(())
    }
}

fn id(call: &Value) -> String {
    call["id"].as_str().unwrap_or_default().to_owned()
}

fn is_of(call: &Value, watched: &Watched) -> bool {
    call["plugin"] == watched.plugin.as_str() && call["community"] == watched.community.as_str()
}

fn show(lines: &Lines, call: &Value) {
    let text = |field: &str| call[field].as_str().unwrap_or_default();
    let what = [text("origin"), text("name")].join(" ");
    let said = format!("{}: {}: {}", what.trim_end(), text("code"), cut(text("detail")));
    lines.show(LineKind::Failed, text("started_at"), &said, &[text("id"), text("request_id")]);
}
