//! The routes of the API, version 10. <https://discord.com/developers/docs/reference>

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    APPLICATION, BOT_TOKEN, CHANNEL, GUILD, Guilds, Shared, consent, guild, lock, messages,
};

/// What a route answers: a value, or a status with Discord's own code and message.
pub type RouteAnswer = Result<Value, (u16, u32, &'static str)>;

pub const UNAUTHORIZED: (u16, u32, &str) = (401, 0, "401: Unauthorized");
const NO_ROUTE: (u16, u32, &str) = (404, 0, "404: Not Found");
pub const INVALID: (u16, u32, &str) = (400, 50_035, "Invalid Form Body");

pub async fn call(
    State(shared): State<Shared>,
    Path(route): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut guilds = lock(&shared);
    let text = |name: header::HeaderName| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let is_bot = |agent: &str| agent.starts_with("DiscordBot (http") && agent.contains(", ");
    if !is_bot(text(header::USER_AGENT)) {
        return answer(Err((403, 40_333, "internal network error")));
    }
    // Discord still answers older versions, and none is the oldest.
    let Some(route) = ["v10/", "v9/"].iter().find_map(|version| route.strip_prefix(version)) else {
        return answer(Err((400, 50_041, "Invalid API version")));
    };
    if route == "oauth2/token" {
        return consent::token(&mut guilds, text(header::CONTENT_TYPE), &body);
    }
    let said = if body.is_empty() {
        Value::Null
    } else if text(header::CONTENT_TYPE) == "application/json" {
        serde_json::from_slice(&body).unwrap_or_default()
    } else {
        return answer(Err(INVALID));
    };
    let path: Vec<&str> = route.split('/').collect();
    let authorization = text(header::AUTHORIZATION);
    answer(match authorization.split_once(' ') {
        Some(("Bot", BOT_TOKEN)) => {
            of_bot(&mut guilds, (method.as_str(), &path), query.as_deref(), &said)
        }
        Some(("Bearer", token)) => consent::of_person(&guilds, token, &path),
        _ => Err(UNAUTHORIZED),
    })
}

fn of_bot(
    guilds: &mut Guilds,
    route: (&str, &[&str]),
    query: Option<&str>,
    said: &Value,
) -> RouteAnswer {
    match route {
        ("GET", ["guilds", GUILD]) => Ok(guild(GUILD)),
        ("GET", ["guilds", GUILD, "messages", "search"]) => messages::search(guilds, &pairs(query)),
        (_, ["guilds", ..]) => Err((404, 10_004, "Unknown Guild")),
        ("POST", ["applications", APPLICATION, "guilds", GUILD, "commands"]) => {
            command(guilds, None, said)
        }
        ("PATCH", ["applications", APPLICATION, "guilds", GUILD, "commands", id]) => {
            command(guilds, Some(id), said)
        }
        (_, ["channels", channel, ..]) if *channel != CHANNEL => {
            Err((404, 10_003, "Unknown Channel"))
        }
        ("GET", ["channels", _, "messages"]) => {
            let query = pairs(query);
            let limit = query.iter().find(|(name, _)| name == "limit");
            let limit = limit.map_or(Ok(50), |(_, limit)| limit.parse()).map_err(|_| INVALID)?;
            if !(1..=100).contains(&limit) {
                return Err(INVALID);
            }
            let latest = guilds.messages.values().rev().take(limit);
            Ok(latest.map(|message| messages::seen(guilds, message)).collect())
        }
        ("GET", ["channels", _, "messages", "pins"]) => {
            Ok(json!({ "items": [], "has_more": false }))
        }
        ("POST", ["channels", _, "messages"]) => messages::post(guilds, said),
        ("PATCH", ["channels", _, "messages", id]) => messages::change(guilds, id, said),
        ("PUT", ["channels", _, "messages", id, "reactions", _, "@me"]) => {
            guilds.messages.get(*id).ok_or((404, 10_008, "Unknown Message")).map(|_| Value::Null)
        }
        ("GET", ["channels", channel]) => {
            Ok(json!({ "id": channel, "type": 0, "guild_id": GUILD }))
        }
        _ => Err(NO_ROUTE),
    }
}

fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// A command of the same name is replaced. <https://discord.com/developers/docs/interactions/application-commands>
fn command(guilds: &mut Guilds, id: Option<&str>, said: &Value) -> RouteAnswer {
    let is_name = |name: &str| {
        (1..=32).contains(&name.chars().count())
            && name.chars().all(|one| one.is_lowercase() || one.is_numeric() || "-_".contains(one))
    };
    let name = said["name"].as_str().filter(|name| is_name(name)).ok_or(INVALID)?.to_owned();
    let description = said["description"].as_str().unwrap_or_default();
    if !(1..=100).contains(&description.chars().count()) {
        return Err(INVALID);
    }
    let known =
        guilds.commands.iter().find(|(_, command)| Some(command["id"].as_str()) == Some(id));
    let known = known.map(|(name, _)| name.clone());
    let id = match (id, known) {
        (Some(_), None) => return Err((404, 10_063, "Unknown application command")),
        (Some(id), Some(known)) => {
            guilds.commands.remove(&known);
            id.to_owned()
        }
        (None, _) => guilds.new_id(),
    };
    let mut command = said.clone();
    command["id"] = id.into();
    command["type"] = 1.into();
    command["guild_id"] = GUILD.into();
    guilds.commands.insert(name, command.clone());
    Ok(command)
}

pub fn answer(answer: RouteAnswer) -> Response {
    let (status, body) = match answer {
        Ok(Value::Null) => return StatusCode::NO_CONTENT.into_response(),
        Ok(body) => (200, body),
        Err((status, code, message)) => (status, json!({ "message": message, "code": code })),
    };
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
