//! Consent: people are sent to Open Collective, and come back with a code that is good once.
//! <https://documentation.opencollective.com/development/oauth>

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{CLIENT_ID, CLIENT_SECRET, Shared, lock};

type Fields = BTreeMap<String, String>;

const FORM: &str = "application/x-www-form-urlencoded";
const SCOPES: [&str; 6] = ["email", "account", "expenses", "conversations", "webhooks", "updates"];

/// What somebody consented to.
#[derive(Clone, Debug)]
pub struct GivenConsent {
    account: Value,
    redirect_uri: String,
}

pub async fn authorize(State(shared): State<Shared>, Query(asked): Query<Fields>) -> Response {
    let text = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let wrong = match () {
        () if text("client_id") != CLIENT_ID => Some("Invalid client"),
        () if text("response_type") != "code" => Some("Unsupported response type"),
        () if text("state").is_empty() => Some("Missing parameter: `state`"),
        // Separated by commas.
        () if !text("scope").split(',').all(|one| SCOPES.contains(&one)) => Some("Invalid scope"),
        () => None,
    };
    let (None, Ok(mut back)) = (wrong, Url::parse(&text("redirect_uri"))) else {
        return (StatusCode::BAD_REQUEST, wrong.unwrap_or("Invalid redirect_uri")).into_response();
    };
    let mut kept = lock(&shared);
    let code = format!("code-{}", kept.new_number());
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &text("state"));
    let account = kept.consenting.clone();
    kept.codes.insert(code, GivenConsent { account, redirect_uri: text("redirect_uri") });
    (StatusCode::SEE_OTHER, [(header::LOCATION, back.to_string())]).into_response()
}

/// The token endpoint, which takes forms only.
pub async fn token(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != FORM) {
        return refusal("invalid_request");
    }
    let form: Fields = form_urlencoded::parse(&body).into_owned().collect();
    let is = |name: &str, value: &str| form.get(name).is_some_and(|one| one == value);
    if !is("grant_type", "authorization_code") {
        return refusal("unsupported_grant_type");
    }
    if !is("client_id", CLIENT_ID) || !is("client_secret", CLIENT_SECRET) {
        return refusal("invalid_client");
    }
    let mut kept = lock(&shared);
    let grant = form.get("code").and_then(|code| kept.codes.remove(code));
    let Some(grant) = grant.filter(|grant| is("redirect_uri", &grant.redirect_uri)) else {
        return refusal("invalid_grant");
    };
    let token = format!("oc-token-{}", kept.new_number());
    kept.accounts.insert(token.clone(), grant.account);
    let ninety_days = 90 * 86_400;
    Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": ninety_days, "refresh_token": "r" })).into_response()
}

fn refusal(error: &str) -> Response {
    let body = json!({ "error": error, "error_description": "Open Collective says no." });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
