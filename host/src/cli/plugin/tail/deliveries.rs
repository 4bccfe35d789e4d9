//! The deliveries of a plugin's events: each when it is there, when another attempt was made, and when it ended.

use std::collections::HashMap;

use serde_json::Value;

use super::{LineKind, Lines, Since, Watched};
use crate::cli::plugin::host_client::in_path;

/// The most deliveries that are read at once: the newest. Older ones are not followed any more.
const PAGE: usize = 100;

/// A delivery's state, and how many attempts there were.
type Known = (String, u64);

pub struct DeliveryTail {
    /// Those of the last page, by their ids; none before the first, unless there was nothing yet.
    known: Option<HashMap<String, Known>>,
}

impl DeliveryTail {
    pub fn new(since: Since) -> Self {
        Self { known: (since == Since::Beginning).then(HashMap::new) }
    }

    /// Shows what is new since the last time. If it is not known what there was, it only remembers what there is.
    pub fn show(&mut self, watched: &Watched, lines: &Lines) -> anyhow::Result<()> {
        let community = in_path(&watched.community);
        let path = format!("/api/internal/deliveries?community={community}&limit={PAGE}");
        let page = watched.client.get(&path)?;
        let listed = page["deliveries"].as_array().map_or(&[][..], Vec::as_slice);
        let now = listed.iter().map(|one| (id(one), known(one))).collect();
        if let Some(before) = self.known.replace(now) {
            let is_of = |one: &&Value| one["event"]["source"] == watched.plugin.as_str();
            // The list has the newest first.
            let new = listed.iter().rev().filter(is_of);
            new.filter(|one| before.get(&id(one)) != Some(&known(one)))
                .for_each(|one| show(lines, one));
        }
        Ok(())
    }
}

fn id(delivery: &Value) -> String {
    delivery["id"].as_str().map_or_else(|| delivery["id"].to_string(), str::to_owned)
}

fn known(delivery: &Value) -> Known {
    let state = delivery["state"].as_str().unwrap_or_default().to_owned();
    (state, delivery["attempts"].as_u64().unwrap_or_default())
}

fn show(lines: &Lines, delivery: &Value) {
    let (state, attempts) = known(delivery);
    let event = &delivery["event"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let times = if attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
    let endpoint = text(&delivery["endpoint"]);
    let name = format!("{}:{}", text(&event["source"]), text(&event["event_type"]));
    let said = format!("{name} to {endpoint}: {state} after {times}");
    let finished = text(&delivery["finished_at"]);
    lines.show(LineKind::Delivery, &finished, &said, &[&id(delivery), &text(&event["id"])]);
}
