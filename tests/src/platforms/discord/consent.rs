//! Consent: people are sent to Discord, and come back with a code that is good once.
//! <https://discord.com/developers/docs/topics/oauth2>

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::api::{RouteAnswer, UNAUTHORIZED};
use super::{APPLICATION, CLIENT_SECRET, Guilds, Shared, guild, lock};

type Fields = BTreeMap<String, String>;

/// What somebody consented to.
#[derive(Clone, Debug)]
pub struct Grant {
    user: String,
    guilds: Vec<String>,
    scopes: String,
    redirect_uri: String,
}

pub async fn authorize(State(shared): State<Shared>, Query(asked): Query<Fields>) -> Response {
    let mut guilds = lock(&shared);
    let text = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let known = ["applications.commands", "bot", "identify", "guilds"];
    let scopes = text("scope");
    let is_bot = scopes.split(' ').any(|scope| scope == "bot");
    let wrong = match () {
        () if text("client_id") != APPLICATION => Some("Invalid client_id"),
        () if text("response_type") != "code" => Some("unsupported_response_type"),
        () if !scopes.split(' ').all(|scope| known.contains(&scope)) => Some("invalid_scope"),
        // A number, and not the name of one.
        () if is_bot && text("permissions").parse::<u64>().is_err() => Some("Invalid permissions"),
        () => None,
    };
    let back = Url::parse(&text("redirect_uri")).ok();
    let (None, Some(mut back)) = (wrong, back) else {
        return (StatusCode::BAD_REQUEST, wrong.unwrap_or("Invalid redirect_uri")).into_response();
    };
    let code = format!("code-{}", guilds.new_id());
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &text("state"));
    let (user, of_user) = guilds.consenting.clone().expect("somebody is there");
    if is_bot {
        back.query_pairs_mut().append_pair("guild_id", &of_user[0]);
    }
    let redirect_uri = text("redirect_uri");
    guilds.codes.insert(code, Grant { user, guilds: of_user, scopes, redirect_uri });
    (StatusCode::SEE_OTHER, [(header::LOCATION, back.to_string())]).into_response()
}

/// The token endpoint, which takes forms only.
pub fn token(guilds: &mut Guilds, kind: &str, body: &[u8]) -> Response {
    let form: Fields = form_urlencoded::parse(body).into_owned().collect();
    let is = |name: &str, value: &str| form.get(name).is_some_and(|one| one == value);
    if !kind.starts_with("application/x-www-form-urlencoded")
        || !is("grant_type", "authorization_code")
    {
        return refusal(400, "unsupported_grant_type");
    }
    if !is("client_id", APPLICATION) || !is("client_secret", CLIENT_SECRET) {
        return refusal(401, "invalid_client");
    }
    let grant = form.get("code").and_then(|code| guilds.codes.remove(code));
    let Some(grant) = grant.filter(|grant| is("redirect_uri", &grant.redirect_uri)) else {
        return refusal(400, "invalid_grant");
    };
    let token = format!("token-{}", guilds.new_id());
    guilds.tokens.insert(token.clone(), grant.user.clone());
    let mut answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 604_800, "refresh_token": "r", "scope": grant.scopes });
    if grant.scopes.split(' ').any(|scope| scope == "bot") {
        answer["guild"] = guild(&grant.guilds[0]);
    }
    guilds.codes.insert(token, grant);
    super::api::answer(Ok(answer))
}

fn refusal(status: u16, error: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = json!({ "error": error, "error_description": "Discord says no." });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// What a person's token may see, by its scopes.
pub fn of_person(guilds: &Guilds, token: &str, path: &[&str]) -> RouteAnswer {
    let user = guilds.tokens.get(token).ok_or(UNAUTHORIZED)?;
    let grant = guilds.codes.get(token).ok_or(UNAUTHORIZED)?;
    let may = |scope: &str| {
        let has = grant.scopes.split(' ').any(|one| one == scope);
        has.then_some(()).ok_or((401, 50_025, "Invalid OAuth2 access token provided"))
    };
    match path {
        ["users", "@me"] => {
            may("identify")?;
            Ok(json!({ "id": user, "username": "ann", "global_name": "Ann" }))
        }
        ["users", "@me", "guilds"] => {
            may("guilds")?;
            Ok(grant.guilds.iter().map(|id| guild(id)).collect::<Value>())
        }
        _ => Err(UNAUTHORIZED),
    }
}
