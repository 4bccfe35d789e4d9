//! Messages and their components, within Discord's limits.
//! <https://discord.com/developers/docs/resources/message>, <https://discord.com/developers/docs/components/reference>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::api::{INVALID, RouteAnswer};
use super::{CHANNEL, Guilds};

pub fn post(guilds: &mut Guilds, said: &Value) -> RouteAnswer {
    check(said)?;
    let id = guilds.new_id();
    ping(guilds, &id, said);
    let message = json!({
        "id": id, "channel_id": CHANNEL, "content": said["content"], "components": said["components"],
        "author": { "id": "1", "bot": true }, "type": 0
    });
    guilds.messages.insert(id, message.clone());
    Ok(message)
}

pub fn change(guilds: &mut Guilds, id: &str, said: &Value) -> RouteAnswer {
    check(said)?;
    ping(guilds, id, said);
    let message = guilds.messages.get_mut(id).ok_or((404, 10_008, "Unknown Message"))?;
    for field in ["content", "components"] {
        if let Some(value) = said.get(field) {
            message[field] = value.clone();
        }
    }
    Ok(message.clone())
}

/// Whoever a message names is told of it, unless it says otherwise.
fn ping(guilds: &mut Guilds, id: &str, said: &Value) {
    let text = said["content"].as_str().unwrap_or_default();
    let names = ["<@", "@everyone", "@here"].iter().any(|name| text.contains(name));
    if names && said["allowed_mentions"]["parse"] != json!([]) {
        guilds.pings.push(id.to_owned());
    }
}

/// The messages of all these authors; a list is a parameter several times.
pub fn search(guilds: &Guilds, query: &[(String, String)]) -> RouteAnswer {
    let given = query.iter().filter(|(name, _)| name == "author_id").map(|(_, id)| id.as_str());
    let authors: Vec<&str> = given.collect();
    if !authors.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(INVALID);
    }
    let is_theirs = |message: &&Value| authors.iter().any(|id| message["author"]["id"] == *id);
    let found = guilds.messages.values().filter(is_theirs);
    let found: Vec<Value> = found.map(|message| json!([seen(guilds, message)])).collect();
    Ok(json!({ "total_results": found.len(), "messages": found }))
}

/// What people write is empty for an application without the Message Content Intent.
pub fn seen(guilds: &Guilds, message: &Value) -> Value {
    let mut seen = message.clone();
    if message["author"]["bot"] != true && !guilds.sees_content {
        seen["content"] = "".into();
    }
    seen
}

/// Whether Discord would take it as a message.
pub fn check(said: &Value) -> Result<(), (u16, u32, &'static str)> {
    let length = said["content"].as_str().unwrap_or_default().trim().chars().count();
    if length > 2_000 {
        return Err(INVALID);
    }
    if length == 0 {
        return Err((400, 50_006, "Cannot send an empty message"));
    }
    let Some(rows) = said["components"].as_array() else { return Ok(()) };
    let mut ids = BTreeSet::new();
    let is_row = |row: &Value| {
        let buttons = row["components"].as_array().map(Vec::as_slice).unwrap_or_default();
        row["type"] == 1 && (1..=5).contains(&buttons.len()) && buttons.iter().all(is_button)
    };
    if rows.len() > 5 || !rows.iter().all(is_row) {
        return Err(INVALID);
    }
    let mut buttons =
        rows.iter().flat_map(|row| row["components"].as_array().into_iter().flatten());
    // Two buttons with one id are refused.
    if buttons.all(|button| ids.insert(button["custom_id"].to_string())) {
        Ok(())
    } else {
        Err(INVALID)
    }
}

fn is_button(button: &Value) -> bool {
    let fits = |name: &str, longest| {
        button[name].as_str().is_some_and(|text| (1..=longest).contains(&text.chars().count()))
    };
    let is_seen = fits("label", 80) || button["emoji"]["name"].is_string();
    let has_style = button["style"].as_u64().is_some_and(|style| (1..=4).contains(&style));
    let label = button.get("label").is_none() || fits("label", 80);
    button["type"] == 2 && is_seen && label && has_style && fits("custom_id", 100)
}
