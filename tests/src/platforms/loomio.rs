//! A Loomio instance (3.8): its API for users, `/api/b2`. It takes a key as bearer token or in a body, and never from a
//! query, refuses parameters that it does not know, and has pages of 50.

mod polls;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::traffic::Traffic;
use polls::LoomioPoll;

/// An instance that listens, with the group `makers`, its subgroup `makers-board` and the group `others`.
#[derive(Debug)]
pub struct Loomio {
    pub url: String,
    pub traffic: Traffic,
    kept: Shared,
}

/// The key of a user who is in `makers`, and of one who is in `makers-board`.
pub const KEY: &str = "key-of-the-makers-bot";
pub const BOARD_KEY: &str = "key-of-the-board-bot";

/// Groups: id, key, handle, parent.
const GROUPS: [(u64, &str, &str, Option<u64>); 3] = [
    (1, "aBcD1234", "makers", None),
    (2, "eFgH5678", "makers-board", Some(1)),
    (3, "iJkL9012", "others", None),
];
/// What a discussion may have.
const DISCUSSION: &[&str] = &["group_id", "title", "description", "description_format", "private"];
/// Whom to invite and whether to tell them, which is read beside the object.
const RECIPIENTS: [&str; 5] = [
    "recipient_audience",
    "recipient_user_ids",
    "recipient_emails",
    "recipient_message",
    "notify_recipients",
];
/// The id of a discussion's thread is this much more than its own.
const TOPICS: u64 = 700;

type Shared = Arc<Mutex<LoomioData>>;

#[derive(Debug, Default)]
struct LoomioData {
    /// How many people `makers` has.
    members: usize,
    discussions: Vec<Value>,
    polls: Vec<LoomioPoll>,
    /// How far its clock is ahead.
    ahead: SignedDuration,
}

/// Why Loomio does not do it.
type Refusal = (StatusCode, Json<Value>);

impl Loomio {
    pub async fn start() -> Self {
        let (traffic, kept) = (Traffic::default(), Shared::default());
        lock(&kept).members = 3;
        let routes = Router::new()
            .route("/api/b2/groups", get(groups))
            .route("/api/b2/memberships", get(memberships))
            .route("/api/b2/discussions", post(create_discussion))
            .route("/api/b2/discussions/{id}", get(discussion))
            .route("/api/b2/polls", post(polls::create))
            .route("/api/b2/polls/{key}", get(polls::show).patch(polls::update));
        let url = traffic.serve(routes.with_state(kept.clone())).await;
        Self { url, traffic, kept }
    }

    /// From now on, `makers` has this many people.
    pub fn has_members(&self, members: usize) {
        lock(&self.kept).members = members;
    }

    /// The discussions that were created, as they were asked for.
    pub fn discussions(&self) -> Vec<Value> {
        lock(&self.kept).discussions.clone()
    }
}

fn lock(kept: &Shared) -> MutexGuard<'_, LoomioData> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refusal(status: StatusCode, body: Value) -> Refusal {
    (status, Json(body))
}

fn denied() -> Refusal {
    refusal(
        StatusCode::FORBIDDEN,
        json!({ "error": "You are not authorized to access this page." }),
    )
}

fn not_found() -> Refusal {
    refusal(StatusCode::NOT_FOUND, json!({ "error": 404 }))
}

/// The groups of the user whose key this is: the bot of the board is in the subgroup alone.
fn groups_of(headers: &HeaderMap, body: &Value) -> Result<&'static [u64], Refusal> {
    let bearer =
        headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match bearer.or(body["api_key"].as_str()) {
        Some(KEY) => Ok(&[1]),
        Some(BOARD_KEY) => Ok(&[2]),
        _ => Err(denied()),
    }
}

/// A body of JSON, as Loomio reads it: of the object with that name nothing but what is known, and beside it the key and
/// whom to invite. A body that is flat has no group.
fn read(headers: &HeaderMap, body: &Bytes, what: &str, known: &[&str]) -> Result<Value, Refusal> {
    let bad = || refusal(StatusCode::BAD_REQUEST, json!({ "error": 400 }));
    let is_json = headers.get("content-type").is_some_and(|kind| kind == "application/json");
    let mut body: Value = serde_json::from_slice(body).ok().filter(|_| is_json).ok_or_else(bad)?;
    let mut read = body[what].take();
    let members = read.as_object().ok_or_else(bad)?;
    if !members.keys().all(|name| known.contains(&name.as_str())) {
        return Err(bad());
    }
    for name in RECIPIENTS.into_iter().chain(["api_key"]) {
        if let Some(said) = body.get_mut(name) {
            read[name] = said.take();
        }
    }
    Ok(read)
}

fn group(id: u64) -> Value {
    let found = GROUPS.iter().find(|(known, ..)| *known == id);
    let (id, key, handle, parent_id) = found.expect("a group");
    json!({ "id": id, "key": key, "handle": handle, "name": handle, "parent_id": parent_id })
}

async fn groups(headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    let groups: Vec<Value> =
        groups_of(&headers, &Value::Null)?.iter().map(|id| group(*id)).collect();
    Ok(Json(json!({ "groups": groups, "meta": { "root": "groups", "total": null } })))
}

/// The query of a list.
type Asked = Query<Vec<(String, u64)>>;

async fn memberships(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Query(asked): Asked,
) -> Result<Json<Value>, Refusal> {
    let number =
        |name: &str| asked.iter().find(|(known, _)| known == name).map(|(_, number)| *number);
    let id = number("group_id").ok_or_else(not_found)?;
    if !groups_of(&headers, &Value::Null)?.contains(&id) {
        return Err(denied());
    }
    let members = if id == 1 { lock(&kept).members as u64 } else { 1 };
    let (limit, offset) = (number("limit").unwrap_or(50), number("offset").unwrap_or(0));
    let shown = offset..members.min(offset + limit);
    let membership =
        |n: u64| json!({ "id": 500 + n, "group_id": id, "user_id": 100 + n, "admin": n == 0 });
    let user = |n: u64| json!({ "id": 100 + n, "name": format!("Member {n}"), "username": format!("member{n}") });
    Ok(Json(json!({
        "memberships": shown.clone().map(membership).collect::<Vec<_>>(),
        "users": shown.map(user).collect::<Vec<_>>(),
        "groups": [group(id)],
        "meta": { "root": "memberships", "total": members }
    })))
}

async fn create_discussion(
    State(kept): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let asked = read(&headers, &body, "discussion", DISCUSSION)?;
    let groups = groups_of(&headers, &asked)?;
    let group_id =
        asked["group_id"].as_u64().filter(|id| groups.contains(id)).ok_or_else(denied)?;
    if asked["title"].as_str().is_none_or(str::is_empty) {
        return Ok(invalid(json!({ "title": ["can't be blank"] })));
    }
    let mut kept = lock(&kept);
    kept.discussions.push(asked.clone());
    let id = kept.discussions.len();
    let discussion = json!({ "id": id, "key": format!("dIsC{id:04}"), "title": asked["title"], "group_id": group_id });
    Ok(Json(json!({ "discussions": [discussion], "groups": [group(group_id)] })).into_response())
}

async fn discussion(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Refusal> {
    groups_of(&headers, &Value::Null)?;
    let count = lock(&kept).discussions.len() as u64;
    if id == 0 || id > count {
        return Err(not_found());
    }
    Ok(Json(json!({ "discussions": [{ "id": id, "topic_id": TOPICS + id }], "topics": [] })))
}

/// 422, with what is wrong by the name of the field.
fn invalid(errors: Value) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "errors": errors }))).into_response()
}

/// The part of a path that names a poll.
type Named = Path<String>;

/// The plugin's README, with this instance in place of loomio.com.
pub async fn in_readme(text: &str) -> String {
    let instance = Loomio::start().await;
    let (granted, here) = ("grants = { http = [\"settings:/api_url\"] }", &instance.url);
    let local = format!(
        "settings = {{ api_url = \"{here}\" }}\ngrants = {{ http = [\"settings:/api_url\"], cidr = [\"127.0.0.0/8\"] }}"
    );
    assert!(text.contains(granted), "the README grants what the manifest asks for");
    text.replace(granted, &local).replace("https://www.loomio.com/p/", &format!("{here}/p/"))
}
