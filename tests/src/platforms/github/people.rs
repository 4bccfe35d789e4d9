//! People who have authorised the app: the exchange of codes, and what the API says of a person.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{CLIENT_ID, CLIENT_SECRET, GitHub, Shared};
use super::{authentication, json_answer, not_found, not_permitted};

/// What a code was given for.
#[derive(Debug)]
pub struct CodeGrant {
    pub login: String,
    /// The challenge of PKCE, if there was one.
    pub challenge: Option<String>,
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/v3/user", get(user))
        .route("/api/v3/user/memberships/orgs/{org}", get(membership))
}

async fn user(State(data): State<Shared>, headers: HeaderMap) -> Response {
    let kept = data.kept();
    match authentication::person(&headers, &kept) {
        Err(refused) => *refused,
        Ok(login) => {
            let body =
                json!({ "login": login, "id": kept.people[&login], "type": "User", "name": null });
            json_answer(StatusCode::OK, &body)
        }
    }
}

async fn membership(
    State(data): State<Shared>,
    headers: HeaderMap,
    Path(org): Path<String>,
) -> Response {
    let kept = data.kept();
    let login = match authentication::person(&headers, &kept) {
        Err(refused) => return *refused,
        Ok(login) => login,
    };
    if !kept.permissions.contains_key("members") {
        return not_permitted();
    }
    match kept.roles.get(&(org.clone(), login.clone())) {
        None => not_found(),
        Some(role) => {
            let (organisation, user) = (json!({ "login": org }), json!({ "login": login }));
            let body = json!({ "state": "active", "role": role, "organization": organisation, "user": user });
            json_answer(StatusCode::OK, &body)
        }
    }
}

/// Exchanges a code; says with the status 200 why it does not.
pub async fn exchange(State(data): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let form = url::form_urlencoded::parse(&body).into_owned().collect();
    if headers.get(header::ACCEPT).is_none_or(|accept| accept != "application/json") {
        return (StatusCode::OK, "access_token=only_for_those_who_read_forms").into_response();
    }
    Json(exchanged(&data, &form)).into_response()
}

fn exchanged(data: &Shared, form: &BTreeMap<String, String>) -> Value {
    let refused = |error: &str, why: &str| json!({ "error": error, "error_description": why, "error_uri": "https://docs.github.com" });
    let given = |name: &str| form.get(name).map(String::as_str);
    let mut kept = data.kept();
    if given("client_id") != Some(CLIENT_ID) || given("client_secret") != Some(CLIENT_SECRET) {
        return refused(
            "incorrect_client_credentials",
            "The client_id and/or client_secret passed are incorrect.",
        );
    }
    if given("redirect_uri").is_some_and(|uri| uri != kept.callback) {
        return refused(
            "redirect_uri_mismatch",
            "The redirect_uri MUST match the registered callback URL.",
        );
    }
    let grant = given("code").and_then(|code| kept.codes.remove(code));
    let hashed = given("code_verifier").map(|it| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(it)));
    let Some(grant) = grant.filter(|grant| grant.challenge == hashed) else {
        return refused("bad_verification_code", "The code passed is incorrect or expired.");
    };
    let token = format!("ghu_{:036}", kept.number());
    kept.user_tokens.insert(token.clone(), grant.login);
    json!({ "access_token": token, "expires_in": 28_800, "token_type": "bearer", "scope": "" })
}

impl GitHub {
    /// Registers the app's callback, and lets this person sit at the browser.
    pub fn visited_by(&self, login: &str, callback: &str) {
        let mut kept = self.data.kept();
        login.clone_into(&mut kept.visitor);
        callback.clone_into(&mut kept.callback);
    }

    /// The app is installed already where the person at the browser wants to install it.
    pub fn is_installed(&self) {
        self.data.kept().is_installed = true;
    }

    /// What the person at the browser installs, or says that he does; nothing if it needs an owner's approval.
    pub fn installs(&self, installation: Option<u64>) {
        self.data.kept().installing = installation;
    }
}
