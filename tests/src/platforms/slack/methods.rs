//! The Web API: forms with a bearer token, and 200 whatever comes of it.
//! <https://docs.slack.dev/apis/web-api>

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    ADMIN, BOT, CHANNEL, Fields, Shared, Token, Whisper, Workspace, blocks, consent, lock,
};

/// What a method answers, or the word with which it refuses.
pub type MethodAnswer = Result<Value, &'static str>;

pub async fn call(
    State(shared): State<Shared>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    verb: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Json<Value> {
    let mut kept = lock(&shared);
    let mut fields = fields(query.unwrap_or_default().as_bytes());
    if verb == Method::POST {
        let is_form =
            header(&headers, "content-type").starts_with("application/x-www-form-urlencoded");
        if !body.is_empty() && !is_form {
            return refusal("invalid_post_type");
        }
        fields.extend(self::fields(&body));
    }
    kept.calls.push((method.clone(), fields.clone()));
    let bearer = header(&headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
    let token =
        if bearer.is_empty() { fields.get("token").cloned() } else { Some(bearer.to_owned()) };
    let answer = match (method.as_str(), token) {
        ("oauth.v2.access", _) => consent::access(&mut kept, &fields),
        ("openid.connect.token", _) => consent::openid_token(&mut kept, &fields),
        (_, None) => Err("not_authed"),
        (method, Some(token)) => match kept.tokens.get(&token).cloned() {
            None => Err("invalid_auth"),
            Some(of_token) => authed(&mut kept, method, &fields, (&token, &of_token)),
        },
    };
    match answer {
        Ok(mut answer) => {
            answer["ok"] = true.into();
            Json(answer)
        }
        Err(word) => refusal(word),
    }
}

fn authed(
    kept: &mut Workspace,
    method: &str,
    fields: &Fields,
    (token, of_token): (&str, &Token),
) -> MethodAnswer {
    let needed = needed_scope(method, fields);
    if needed.is_some_and(|scope| !of_token.scopes.contains(scope)) {
        return Err("missing_scope");
    }
    match method {
        "openid.connect.userInfo" => Ok(json!({
            "sub": of_token.user, "name": "Ann",
            "https://slack.com/user_id": of_token.user, "https://slack.com/team_id": of_token.team
        })),
        "auth.revoke" => {
            kept.tokens.remove(token);
            Ok(json!({ "revoked": true }))
        }
        "users.info" => user(fields),
        "conversations.open" => open(fields),
        "conversations.join" => {
            kept.joined.insert(existing_channel(fields)?);
            Ok(json!({ "channel": { "id": CHANNEL, "name": "general", "is_member": true } }))
        }
        "reactions.add" => react(kept, fields),
        "chat.postMessage" => post(kept, fields, of_token),
        "chat.update" => update(kept, fields),
        "chat.postEphemeral" => whisper(kept, fields),
        "chat.getPermalink" => permalink(kept, fields),
        _ => Err("unknown_method"),
    }
}

/// As the page of each method says.
fn needed_scope(method: &str, fields: &Fields) -> Option<&'static str> {
    match method {
        "users.info" => Some("users:read"),
        "conversations.open" if fields.get("users").is_some_and(|all| all.contains(',')) => {
            Some("mpim:write")
        }
        "conversations.open" => Some("im:write"),
        "conversations.join" => Some("channels:join"),
        "reactions.add" => Some("reactions:write"),
        "chat.postMessage" | "chat.update" | "chat.postEphemeral" => Some("chat:write"),
        "openid.connect.userInfo" => Some("openid"),
        _ => None,
    }
}

fn user(fields: &Fields) -> MethodAnswer {
    let id = fields.get("user").filter(|id| id.starts_with('U')).ok_or("user_not_found")?;
    let is_admin = id == ADMIN;
    Ok(
        json!({ "user": { "id": id, "name": id.to_lowercase(), "is_admin": is_admin, "is_owner": false, "is_bot": id == BOT } }),
    )
}

/// The conversation of the same people is always the same.
fn open(fields: &Fields) -> MethodAnswer {
    let users: Vec<&str> =
        fields.get("users").ok_or("users_list_not_supplied")?.split(',').collect();
    if users.len() > 8 {
        return Err("too_many_users");
    }
    if !users.iter().all(|user| user.starts_with('U')) {
        return Err("user_not_found");
    }
    let kind = if users.len() == 1 { 'D' } else { 'G' };
    Ok(json!({ "channel": { "id": format!("{kind}0{}", users.concat()) } }))
}

fn existing_channel(fields: &Fields) -> Result<String, &'static str> {
    let channel = fields.get("channel").ok_or("channel_not_found")?;
    let channel = if channel == "#general" { CHANNEL } else { channel };
    let exists = channel == CHANNEL || channel.starts_with("D0") || channel.starts_with("G0");
    exists.then(|| channel.to_owned()).ok_or("channel_not_found")
}

/// Only members of a channel may react.
fn react(kept: &Workspace, fields: &Fields) -> MethodAnswer {
    let channel = existing_channel(fields)?;
    if !kept.joined.contains(&channel) {
        return Err("not_in_channel");
    }
    fields.get("name").ok_or("invalid_name")?;
    kept.messages.get(&(channel, ts(fields, "timestamp")?)).ok_or("message_not_found")?;
    Ok(json!({}))
}

/// Elsewhere than in its own channels an app can post with a scope for that.
fn post(kept: &mut Workspace, fields: &Fields, token: &Token) -> MethodAnswer {
    let channel = existing_channel(fields)?;
    let is_public = channel == CHANNEL && !kept.joined.contains(&channel);
    if is_public && !token.scopes.contains("chat:write.public") {
        return Err("not_in_channel");
    }
    let message = content(fields)?;
    let ts = format!("1700000000.{:06}", kept.new_number());
    kept.messages.insert((channel.clone(), ts.clone()), message.clone());
    Ok(json!({ "channel": channel, "ts": ts, "message": message }))
}

fn update(kept: &mut Workspace, fields: &Fields) -> MethodAnswer {
    let (channel, ts) = (existing_channel(fields)?, ts(fields, "ts")?);
    let message = content(fields)?;
    let present =
        kept.messages.get_mut(&(channel.clone(), ts.clone())).ok_or("message_not_found")?;
    *present = message;
    Ok(json!({ "channel": channel, "ts": ts }))
}

/// Both the app and the person have to be in the channel.
fn whisper(kept: &mut Workspace, fields: &Fields) -> MethodAnswer {
    let channel = existing_channel(fields)?;
    if channel == CHANNEL && !kept.joined.contains(&channel) {
        return Err("not_in_channel");
    }
    let user = fields.get("user").ok_or("user_not_in_channel")?.clone();
    let text = fields.get("text").ok_or("no_text")?.clone();
    kept.whispered.push(Whisper { channel, user, text });
    Ok(json!({ "message_ts": format!("1700000000.{:06}", kept.new_number()) }))
}

fn permalink(kept: &Workspace, fields: &Fields) -> MethodAnswer {
    let (channel, ts) = (existing_channel(fields)?, ts(fields, "message_ts")?);
    kept.messages.get(&(channel.clone(), ts.clone())).ok_or("message_not_found")?;
    let number = ts.replace('.', "");
    Ok(
        json!({ "channel": channel, "permalink": format!("https://acme.slack.com/archives/{channel}/p{number}") }),
    )
}

fn ts(fields: &Fields, name: &str) -> Result<String, &'static str> {
    fields.get(name).filter(|ts| ts.contains('.')).cloned().ok_or("message_not_found")
}

/// What a message says. It has blocks, or at least a text.
fn content(fields: &Fields) -> MethodAnswer {
    let (text, given) = (fields.get("text"), fields.get("blocks"));
    if let Some(word) = given.and_then(|given| blocks::refusal(given)) {
        return Err(word);
    }
    if text.is_none_or(String::is_empty) && given.is_none() {
        return Err("no_text");
    }
    let blocks =
        given.and_then(|given| serde_json::from_str::<Value>(given).ok()).unwrap_or_default();
    let thread = fields.get("thread_ts");
    Ok(json!({ "text": text, "blocks": blocks, "thread_ts": thread, "user": BOT }))
}

fn fields(form: &[u8]) -> Fields {
    form_urlencoded::parse(form).into_owned().collect()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn refusal(word: &str) -> Json<Value> {
    Json(json!({ "ok": false, "error": word }))
}
