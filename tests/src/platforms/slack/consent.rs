//! Consent: people are sent to Slack, and come back with a code that is good once.
//! <https://docs.slack.dev/authentication/installing-with-oauth>

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use url::Url;

use super::methods::MethodAnswer;
use super::{BOT, CLIENT_ID, CLIENT_SECRET, Fields, Shared, Workspace, lock};

/// What somebody consented to.
#[derive(Debug)]
pub struct ConsentCode {
    user: String,
    team: String,
    bot_scopes: String,
    user_scopes: String,
    redirect_uri: String,
}

pub async fn authorize(State(shared): State<Shared>, Query(asked): Query<Fields>) -> Response {
    let mut kept = lock(&shared);
    let text = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let (bot_scopes, user_scopes) = (text("scope"), text("user_scope"));
    let back = Url::parse(&text("redirect_uri")).ok();
    let is_good =
        |scopes: &str| scopes.split(',').all(|scope| !scope.is_empty() && !scope.contains(' '));
    let wrong = match () {
        () if text("client_id") != CLIENT_ID => Some("invalid_client_id"),
        () if bot_scopes.is_empty() && user_scopes.is_empty() => Some("missing_scope"),
        () if [&bot_scopes, &user_scopes].iter().any(|all| !all.is_empty() && !is_good(all)) => {
            Some("invalid_scope")
        }
        // <https://docs.slack.dev/authentication/using-pkce>: for apps that are set up as public clients.
        () if asked.contains_key("code_challenge") => Some("pkce_not_allowed"),
        () => None,
    };
    let (None, Some(mut back)) = (wrong, back) else {
        return (StatusCode::BAD_REQUEST, wrong.unwrap_or("bad_redirect_uri")).into_response();
    };
    let code = format!("code.{}", kept.new_number());
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &text("state"));
    let (user, team) = kept.consenting.clone();
    let redirect_uri = text("redirect_uri");
    kept.codes.insert(code, ConsentCode { user, team, bot_scopes, user_scopes, redirect_uri });
    (StatusCode::SEE_OTHER, [(header::LOCATION, back.to_string())]).into_response()
}

/// `oauth.v2.access`.
pub fn access(kept: &mut Workspace, fields: &Fields) -> MethodAnswer {
    let is = |name: &str, value: &str| fields.get(name).is_some_and(|one| one == value);
    if !is("client_id", CLIENT_ID) {
        return Err("invalid_client_id");
    }
    if !is("client_secret", CLIENT_SECRET) {
        return Err("bad_client_secret");
    }
    let code = fields.get("code").and_then(|code| kept.codes.remove(code)).ok_or("invalid_code")?;
    if !is("redirect_uri", &code.redirect_uri) {
        return Err("bad_redirect_uri");
    }
    let team = json!({ "id": code.team, "name": "Acme" });
    let mut person = json!({ "id": code.user });
    if !code.user_scopes.is_empty() {
        person["scope"] = code.user_scopes.as_str().into();
        person["token_type"] = "user".into();
        person["access_token"] = kept.new_token("xoxp", &code.team).into();
    }
    let mut answer = json!({ "app_id": "A0", "team": team, "authed_user": person, "enterprise": null, "is_enterprise_install": false });
    if !code.bot_scopes.is_empty() {
        answer["token_type"] = "bot".into();
        answer["scope"] = code.bot_scopes.as_str().into();
        answer["bot_user_id"] = BOT.into();
        answer["access_token"] = kept.new_token("xoxb", &code.team).into();
    }
    Ok(answer)
}

impl Workspace {
    fn new_token(&mut self, kind: &str, team: &str) -> String {
        let token = format!("{kind}-new-{}", self.new_number());
        self.tokens.insert(token.clone(), team.to_owned());
        token
    }
}
