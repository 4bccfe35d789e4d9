//! What an app can ask about itself: its installations and their tokens.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::{Facts, Shared, authentication, json_answer, not_found};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/v3/app/installations/{id}", get(installation))
        .route("/api/v3/app/installations/{id}/access_tokens", post(new_token))
}

async fn installation(
    State(data): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Response {
    if let Err(refused) = authentication::app(&headers) {
        return *refused;
    }
    match shown(&data.kept(), id) {
        Some(installation) => json_answer(StatusCode::OK, &installation),
        None => not_found(),
    }
}

/// An installation in GitHub's form.
fn shown(kept: &Facts, id: u64) -> Option<Value> {
    let (account, login) = kept.installations.get(&id)?;
    let kind = if kept.people.contains_key(login) { "User" } else { "Organization" };
    Some(json!({
        "id": id,
        "account": { "login": login, "id": account, "type": kind, "site_admin": false },
        "app_slug": "moothall",
        "target_type": kind,
        "permissions": kept.permissions,
        "events": ["issues", "issue_comment"],
        "repository_selection": "all",
        "suspended_at": null,
    }))
}

async fn new_token(
    State(data): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Response {
    if let Err(refused) = authentication::app(&headers) {
        return *refused;
    }
    let mut kept = data.kept();
    if !kept.installations.contains_key(&id) {
        return not_found();
    }
    let token = format!("ghs_{:036}", kept.number());
    kept.tokens.insert(token.clone(), id);
    let body = json!({
        "token": token,
        "expires_at": "2100-01-01T00:00:00Z",
        "permissions": kept.permissions,
        "repository_selection": "all",
    });
    json_answer(StatusCode::CREATED, &body)
}
