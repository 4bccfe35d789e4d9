//! Posts and topics. What is deleted is gone for readers and marked for admins.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::polls::ForumPoll;
use super::{
    Discourse, ForumData, Refusal, Shared, admit, forbidden, id, invalid, lock, not_found, read,
};

/// For so long the forum takes the same again for a repetition.
const MEMORY: SignedDuration = SignedDuration::from_secs(120);

#[derive(Clone, Debug)]
pub struct Post {
    pub id: u64,
    pub topic: u64,
    pub number: usize,
    /// As it was asked for.
    pub asked: Map<String, Value>,
    pub poll: Option<ForumPoll>,
    pub is_deleted: bool,
    is_locked: bool,
    created_at: Timestamp,
}

impl Discourse {
    /// What the posts were asked for, in order.
    pub fn asked(&self) -> Vec<Value> {
        let kept = lock(&self.kept);
        kept.posts.iter().map(|post| Value::Object(post.asked.clone())).collect()
    }

    /// Whether a post is deleted, and whether it is locked.
    pub fn state_of(&self, id: u64) -> (bool, bool) {
        let kept = lock(&self.kept);
        let post = kept.posts.iter().find(|post| post.id == id).expect("a post");
        (post.is_deleted, post.is_locked)
    }
}

impl Post {
    pub fn text(&self, name: &str) -> &str {
        self.asked.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn slug(&self) -> String {
        format!("topic-{}", self.topic)
    }

    /// What an admin sees of it.
    pub fn shown(&self) -> Value {
        let deleted_at = self.is_deleted.then_some("2026-01-31T12:00:00.000Z");
        let mut shown = json!({
            "id": self.id, "username": "bot", "raw": self.text("raw"), "topic_id": self.topic, "topic_slug": self.slug(),
            "post_number": self.number, "deleted_at": deleted_at
        });
        if let Some(poll) = &self.poll {
            shown["polls"] = json!([poll.shown()]);
        }
        shown
    }
}

pub async fn create(
    State(kept): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    admit(&headers)?;
    let asked = read(&headers, &body)?;
    let mut kept = lock(&kept);
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    if let Some(known) = kept.repeated(&asked) {
        return Ok(Json(known.shown()).into_response());
    }
    if text("raw").trim().len() < 20 {
        return Err(refused("Body is too short (minimum is 20 characters)"));
    }
    let is_message = text("archetype") == "private_message";
    let topic = match asked.get("topic_id").and_then(Value::as_u64) {
        Some(topic) if kept.has_topic(topic) => topic,
        Some(_) => return Err(refused("The requested topic could not be found.")),
        None if text("title").len() < 15 => {
            return Err(refused("Title is too short (minimum is 15 characters)"));
        }
        None if text("title").len() > 255 => {
            return Err(refused("Title is too long (maximum is 255 characters)"));
        }
        None if !is_message && kept.has_title(text("title")) => {
            return Err(refused("Title has already been used"));
        }
        None if is_message && !kept.knows(text("target_recipients")) => {
            return Err(refused("You must specify at least one recipient"));
        }
        None => 100 + kept.posts.len() as u64,
    };
    let poll = ForumPoll::in_text(text("raw")).map_err(|said| refused(&said))?;
    if kept.is_moderated {
        let pending = json!({ "action": "enqueued", "success": true, "pending_count": 1 });
        return Ok(Json(pending).into_response());
    }
    let number = 1 + kept.posts.iter().filter(|post| post.topic == topic).count();
    let id = 1 + kept.posts.len() as u64;
    let created_at = kept.now();
    let post =
        Post { id, topic, number, asked, poll, is_deleted: false, is_locked: false, created_at };
    let shown = post.shown();
    kept.posts.push(post);
    Ok(Json(shown).into_response())
}

/// Why a post is not created.
fn refused(said: &str) -> Refusal {
    let (status, Json(mut body)) = invalid(said);
    body["action"] = "create_post".into();
    (status, Json(body))
}

impl ForumData {
    /// The post that was asked for in the same words a moment ago.
    fn repeated(&self, asked: &Map<String, Value>) -> Option<&Post> {
        let now = self.now();
        let is_recent = |post: &&Post| now.duration_since(post.created_at) < MEMORY;
        self.posts.iter().filter(is_recent).find(|post| post.asked == *asked)
    }

    /// Whether one can answer there: the topic goes with its first post.
    fn has_topic(&self, topic: u64) -> bool {
        self.posts.iter().any(|post| post.topic == topic && post.number == 1 && !post.is_deleted)
    }

    fn has_title(&self, title: &str) -> bool {
        let mut topics = self.posts.iter().filter(|post| post.number == 1 && !post.is_deleted);
        topics.any(|post| {
            post.text("title").eq_ignore_ascii_case(title)
                && post.text("archetype") != "private_message"
        })
    }

    fn knows(&self, recipients: &str) -> bool {
        recipients.split(',').all(|name| self.people.iter().any(|person| person.username == name))
    }

    fn post(&mut self, id: u64) -> Result<&mut Post, Refusal> {
        self.posts.iter_mut().find(|post| post.id == id).ok_or_else(not_found)
    }
}

pub async fn show(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(path): Path<String>,
) -> Result<Json<Value>, Refusal> {
    admit(&headers)?;
    let (mut kept, id) = (lock(&kept), id(&path)?);
    Ok(Json(kept.post(id)?.shown()))
}

pub async fn delete_post(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(path): Path<String>,
) -> Result<StatusCode, Refusal> {
    admit(&headers)?;
    let (mut kept, id) = (lock(&kept), id(&path)?);
    let post = kept.post(id)?;
    // It goes with its topic, and not alone.
    if post.number == 1 {
        return Err(forbidden());
    }
    post.is_deleted = true;
    Ok(StatusCode::OK)
}

pub async fn recover_post(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Refusal> {
    admit(&headers)?;
    let mut kept = lock(&kept);
    let post = kept.post(id)?;
    if !post.is_deleted {
        return Err(forbidden());
    }
    post.is_deleted = false;
    Ok(Json(post.shown()))
}

pub async fn set_locked(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u64>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    admit(&headers)?;
    let asked = read(&headers, &body)?;
    // The text `true`, and no JSON.
    let is_locked = asked.get("locked").and_then(Value::as_str) == Some("true");
    lock(&kept).post(id)?.is_locked = is_locked;
    Ok(Json(json!({ "locked": is_locked })))
}

pub async fn delete_topic(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(path): Path<String>,
) -> Result<StatusCode, Refusal> {
    admit(&headers)?;
    set_deleted(&kept, id(&path)?, true).map(|()| StatusCode::OK)
}

pub async fn recover_topic(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Refusal> {
    admit(&headers)?;
    set_deleted(&kept, id, false).map(|()| Json(json!({ "success": "OK" })))
}

/// Of a topic, the first post goes and comes with it.
fn set_deleted(kept: &Shared, topic: u64, is_deleted: bool) -> Result<(), Refusal> {
    let mut kept = lock(kept);
    let first = kept.posts.iter_mut().find(|post| post.topic == topic);
    let first = first.ok_or_else(not_found)?;
    if first.is_deleted == is_deleted {
        return Err(forbidden());
    }
    first.is_deleted = is_deleted;
    Ok(())
}
