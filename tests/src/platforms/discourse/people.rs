//! People: a list without user fields, a hundred a page, and each alone with everything.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::{Discourse, Refusal, Shared, admit, id, lock, not_found};

const PAGE: usize = 100;

#[derive(Clone, Debug)]
pub struct Person {
    pub id: u64,
    pub username: String,
    fields: Value,
}

impl Discourse {
    pub fn has_person(&self, id: u64, username: &str, fields: Value) {
        let person = Person { id, username: username.to_owned(), fields };
        lock(&self.kept).people.push(person);
    }
}

impl Person {
    /// With everything that an admin sees.
    pub fn shown(&self) -> Value {
        json!({ "id": self.id, "username": self.username, "user_fields": self.fields, "email": "hidden@example.com" })
    }
}

pub async fn list(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Query(asked): Query<Vec<(String, usize)>>,
) -> Result<Json<Value>, Refusal> {
    admit(&headers)?;
    let page = asked.iter().find(|(name, _)| name == "page").map_or(1, |(_, page)| (*page).max(1));
    let kept = lock(&kept);
    let shown = kept.people.iter().skip((page - 1) * PAGE).take(PAGE);
    let listed =
        |person: &Person| json!({ "id": person.id, "username": person.username, "active": true });
    Ok(Json(shown.map(listed).collect()))
}

pub async fn show(
    State(kept): State<Shared>,
    headers: HeaderMap,
    Path(path): Path<String>,
) -> Result<Json<Value>, Refusal> {
    admit(&headers)?;
    let id = id(&path)?;
    let kept = lock(&kept);
    let person = kept.people.iter().find(|person| person.id == id);
    person.map(|person| Json(person.shown())).ok_or_else(not_found)
}
