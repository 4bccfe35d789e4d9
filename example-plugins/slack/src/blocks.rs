//! Messages in Slack's Block Kit, within its limits.

use moothall_sdk::serde_json::{Value, json};

/// The most blocks of a message, and with that the most options under one title.
pub const BLOCKS: usize = 50;
/// The most entries of a menu.
pub const ENTRIES: usize = 100;
/// The longest text of a section, of a button and of an entry in a menu, in characters.
const SECTION: usize = 3_000;
const LABEL: usize = 75;
/// The longest message, in characters of all its texts. Slack does not say where it ends; messages of 11,341 were refused.
const MESSAGE: usize = 10_000;
/// Of a person's vote more is shown than the number as long as there are at most this many.
const SHOWN: usize = 100;

/// How much of a vote is shown.
#[derive(Clone, Copy)]
pub struct Room {
    pub has_voters: bool,
    /// For each option, in characters.
    pub option: usize,
}

/// The message with all that Slack takes: first the voters are left out, then the ends of options, of which it shows so many.
pub fn fitting(options: usize, write: impl Fn(Room) -> Vec<Value>) -> Vec<Value> {
    let with_voters = write(Room { has_voters: true, option: SECTION });
    if length(&with_voters) <= MESSAGE {
        return with_voters;
    }
    let whole = write(Room { has_voters: false, option: SECTION });
    if length(&whole) <= MESSAGE {
        return whole;
    }
    write(Room { has_voters: false, option: room(options) })
}

/// The length of each of so many options, beside a title as long as it can be.
pub fn room(options: usize) -> usize {
    (MESSAGE - SECTION) / options.max(1)
}

fn length(blocks: &[Value]) -> usize {
    let of_text = |value: &Value| value["text"].as_str().map_or(0, |text| text.chars().count());
    let of_block = |block: &Value| {
        let accessory = &block["accessory"];
        let options = accessory["options"].as_array().into_iter().flatten();
        let entries: usize = options.map(|option| of_text(&option["text"])).sum();
        of_text(&block["text"]) + of_text(&accessory["text"]) + entries
    };
    blocks.iter().map(of_block).sum()
}

/// A text in which Slack sees no links and no mentions.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The title of a vote.
pub fn header(title: &str, details: Option<&str>) -> Value {
    let details = details.map(|text| format!("{text}\n")).unwrap_or_default();
    section(&format!("*{title}*\n{details}"), None)
}

/// A text, with what can be pressed beside it.
pub fn section(text: &str, accessory: Option<Value>) -> Value {
    let mut section = json!({ "type": "section", "text": { "type": "mrkdwn", "text": shortened(text, SECTION) } });
    if let Some(accessory) = accessory {
        section["accessory"] = accessory;
    }
    section
}

pub fn button(action_id: &str, label: &str, value: &str) -> Value {
    json!({
        "type": "button",
        "text": { "type": "plain_text", "text": shortened(label, LABEL), "emoji": true },
        "value": value,
        "action_id": action_id
    })
}

/// A menu whose entries, of at most so many characters, are known by their numbers.
pub fn menu(action_id: &str, entries: &[String], longest: usize) -> Value {
    let entry = |(at, text): (usize, &String)| {
        let text = json!({ "type": "plain_text", "text": shortened(text, longest.min(LABEL)) });
        json!({ "text": text, "value": at.to_string() })
    };
    json!({
        "type": "static_select",
        "action_id": action_id,
        "placeholder": { "type": "plain_text", "text": "Select an option" },
        "options": entries.iter().enumerate().map(entry).collect::<Vec<_>>()
    })
}

/// People, by names that Slack writes.
pub fn mentions(users: &[String]) -> String {
    let named = users.iter().take(SHOWN).map(|user| format!("<@{user}>"));
    let named = named.collect::<Vec<_>>().join(", ");
    match users.len().checked_sub(SHOWN + 1) {
        Some(more) => format!("{named} and {} more", more + 1),
        None => named,
    }
}

pub fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::{mentions, section, shortened};

    #[test]
    fn what_slack_would_refuse_is_shortened() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
        let text = section(&"x".repeat(4_000), None)["text"]["text"].to_string();
        assert_eq!(text.chars().count(), 3_000 + 2, "with quotation marks");
    }

    #[test]
    fn many_people_are_a_number() {
        let people = |count| vec!["U1".to_owned(); count];
        assert_eq!(mentions(&people(2)), "<@U1>, <@U1>");
        assert!(mentions(&people(100)).ends_with("<@U1>"));
        assert!(mentions(&people(102)).ends_with("<@U1> and 2 more"));
    }
}
