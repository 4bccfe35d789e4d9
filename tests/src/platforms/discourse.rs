//! A Discourse forum (2026.1): posts, topics, messages, people and polls, as an admin's API key sees them. It lets a key
//! ask sixty times a minute, refuses texts that are too short and titles that it has already, takes the same post twice
//! in two minutes for one, and keeps what is deleted for its admins.

mod people;
mod polls;
mod posts;
mod webhooks;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::traffic::Traffic;
use people::Person;
use posts::Post;
pub use webhooks::Webhook;

/// The admin's API key, which is good for one user, and the secret of the webhook.
pub const KEY: &str = "d0a5c0de";
pub const SECRET: &str = "a random text of the webhook";

/// A forum that listens.
#[derive(Debug)]
pub struct Discourse {
    pub url: String,
    pub traffic: Traffic,
    kept: Shared,
}

type Shared = Arc<Mutex<ForumData>>;

#[derive(Debug, Default)]
struct ForumData {
    posts: Vec<Post>,
    people: Vec<Person>,
    /// New posts wait for a moderator.
    is_moderated: bool,
    /// When the key asked.
    asked_at: Vec<Timestamp>,
    /// How far its clock is ahead.
    ahead: SignedDuration,
}

/// So often may an admin's key ask in a minute.
const A_MINUTE: usize = 60;

/// Why the forum does not do it.
type Refusal = (StatusCode, Json<Value>);

impl Discourse {
    pub async fn start() -> Self {
        let (traffic, kept) = (Traffic::default(), Shared::default());
        let routes = Router::new()
            .route("/about.json", get(about))
            .route("/admin/users/list/active.json", get(people::list))
            .route("/admin/users/{id}", get(people::show))
            .route("/posts.json", post(posts::create))
            .route("/posts/{id}", get(posts::show).delete(posts::delete_post))
            .route("/posts/{id}/recover.json", put(posts::recover_post))
            .route("/posts/{id}/locked.json", put(posts::set_locked))
            .route("/t/{id}", delete(posts::delete_topic))
            .route("/t/{id}/recover.json", put(posts::recover_topic))
            .route("/polls/toggle_status.json", put(polls::toggle))
            .route("/polls/voters.json", get(polls::voters));
        let routes = routes.layer(from_fn_with_state(kept.clone(), count));
        let url = traffic.serve(routes.with_state(kept.clone())).await;
        let forum = Self { url, traffic, kept };
        forum.has_person(1, "alice", json!({ "1": "Berlin" }));
        forum
    }

    /// From now on a moderator has to approve what is posted.
    pub fn is_moderated(&self) {
        lock(&self.kept).is_moderated = true;
    }
}

fn lock(kept: &Shared) -> MutexGuard<'_, ForumData> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ForumData {
    /// By the forum's clock, which a test moves with that of its host.
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "a platform has a clock of its own")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        Timestamp::UNIX_EPOCH + now + self.ahead
    }

    /// Whether the key may ask now.
    fn lets_ask(&mut self) -> bool {
        let now = self.now();
        self.asked_at.retain(|at| now.duration_since(*at) < SignedDuration::from_mins(1));
        self.asked_at.push(now);
        self.asked_at.len() <= A_MINUTE
    }
}

async fn count(State(kept): State<Shared>, request: Request, next: Next) -> Response {
    if !request.headers().contains_key("api-key") || lock(&kept).lets_ask() {
        return next.run(request).await;
    }
    let said = "You've performed this action too many times, please try again later.";
    let body = json!({
        "errors": [said], "error_type": "rate_limit", "extras": { "wait_seconds": 60, "time_left": "1 minute" }
    });
    (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")], Json(body)).into_response()
}

async fn about() -> Json<Value> {
    Json(json!({ "about": { "title": "my community", "version": "2026.1.0" } }))
}

fn refusal(status: StatusCode, kind: &str, errors: &[&str]) -> Refusal {
    (status, Json(json!({ "errors": errors, "error_type": kind })))
}

fn not_found() -> Refusal {
    let said = "The requested URL or resource could not be found.";
    refusal(StatusCode::NOT_FOUND, "not_found", &[said])
}

/// 403: even an admin may not.
fn forbidden() -> Refusal {
    let said = "You are not permitted to view the requested resource.";
    refusal(StatusCode::FORBIDDEN, "invalid_access", &[said])
}

/// 422, with what is wrong.
fn invalid(said: &str) -> Refusal {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "errors": [said] })))
}

/// Only the admin's key is let in.
fn admit(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get("api-key").and_then(|key| key.to_str().ok()) {
        Some(KEY) => Ok(()),
        _ => {
            let said = "You are not permitted to view the requested resource. The API username or key is invalid.";
            Err(refusal(StatusCode::FORBIDDEN, "invalid_access", &[said]))
        }
    }
}

/// A body: JSON or a form, whose values are texts.
fn read(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, Refusal> {
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let read = if kind.starts_with("application/json") {
        serde_json::from_slice(body).ok()
    } else {
        let pairs: Option<Vec<(String, String)>> = (kind == "application/x-www-form-urlencoded")
            .then(|| url::form_urlencoded::parse(body).into_owned().collect());
        pairs.map(|pairs| pairs.into_iter().map(|(name, value)| (name, value.into())).collect())
    };
    read.ok_or_else(|| refusal(StatusCode::BAD_REQUEST, "bad_request", &["unreadable"]))
}

/// The number before `.json` in a path.
fn id(path: &str) -> Result<u64, Refusal> {
    path.strip_suffix(".json").and_then(|id| id.parse().ok()).ok_or_else(not_found)
}

/// The plugin's README, with this forum in place of the one that it names.
pub async fn in_readme(text: &str) -> String {
    let forum = Discourse::start().await;
    text.replace("https://forum.example.org", &forum.url).replace(
        "http = [\"config:/server_url\"]",
        "http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"]",
    )
}
