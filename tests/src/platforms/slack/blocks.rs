//! What Slack's Block Kit allows, of what the plugin uses.
//! <https://docs.slack.dev/reference/block-kit>

use serde_json::Value;

/// All texts of a message are longer than this. Slack says no number; this many were still taken.
/// <https://github.com/slackapi/bolt-js/issues/2867>
const LONGEST: usize = 11_000;

/// Slack's word, if it does not take the blocks.
pub fn refusal(blocks: &str) -> Option<&'static str> {
    if wrong(blocks).is_some() {
        return Some("invalid_blocks");
    }
    let blocks: Value = serde_json::from_str(blocks).ok()?;
    (length(&blocks) > LONGEST).then_some("msg_blocks_too_long")
}

/// Of all texts, however deep.
fn length(value: &Value) -> usize {
    match value {
        Value::Array(all) => all.iter().map(length).sum(),
        Value::Object(members) => {
            let text = members.get("text").and_then(Value::as_str);
            let own = text.map_or(0, |text| text.chars().count());
            own + members.values().map(length).sum::<usize>()
        }
        _ => 0,
    }
}

/// Why Slack answers `invalid_blocks`.
fn wrong(blocks: &str) -> Option<&'static str> {
    let Ok(Value::Array(blocks)) = serde_json::from_str(blocks) else { return Some("no list") };
    if blocks.is_empty() || blocks.len() > 50 {
        return Some("1 to 50 blocks");
    }
    blocks.iter().find_map(wrong_block)
}

fn wrong_block(block: &Value) -> Option<&'static str> {
    if block["type"] == "divider" {
        return None;
    }
    if block["type"] != "section" || block["text"]["type"] != "mrkdwn" {
        return Some("the type of a block or of its text");
    }
    if !fits(&block["text"]["text"], 3_000) {
        return Some("the text of a section");
    }
    match block.get("accessory") {
        None => None,
        Some(accessory) if !fits(&accessory["action_id"], 255) => Some("an action_id"),
        Some(accessory) if accessory["type"] == "button" => wrong_button(accessory),
        Some(accessory) if accessory["type"] == "static_select" => wrong_menu(accessory),
        Some(_) => Some("the type of an accessory"),
    }
}

fn wrong_button(button: &Value) -> Option<&'static str> {
    let is_plain = button["text"]["type"] == "plain_text" && fits(&button["text"]["text"], 75);
    if !is_plain {
        return Some("the text of a button");
    }
    (!fits(&button["value"], 2_000)).then_some("the value of a button")
}

fn wrong_menu(menu: &Value) -> Option<&'static str> {
    let is_plain =
        |text: &Value, longest| text["type"] == "plain_text" && fits(&text["text"], longest);
    if !is_plain(&menu["placeholder"], 150) {
        return Some("the placeholder of a menu");
    }
    let options = menu["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    if options.is_empty() || options.len() > 100 {
        return Some("1 to 100 options of a menu");
    }
    let is_good = |option: &Value| is_plain(&option["text"], 75) && fits(&option["value"], 150);
    (!options.iter().all(is_good)).then_some("an option of a menu")
}

/// Whether it is a text of 1 to so many characters.
fn fits(text: &Value, longest: usize) -> bool {
    text.as_str().is_some_and(|text| (1..=longest).contains(&text.chars().count()))
}
