//! Consent: people are sent to Slack, and come back with a code that is good once.
//! <https://docs.slack.dev/authentication/installing-with-oauth>

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use url::Url;

use super::methods::MethodAnswer;
use super::{BOT, CLIENT_ID, CLIENT_SECRET, Fields, Shared, Token, Workspace, lock};

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
    let scopes = ["scope", "user_scope"].map(|name| asked.get(name).cloned().unwrap_or_default());
    let wrong = match () {
        () if scopes.iter().all(String::is_empty) => Some("missing_scope"),
        () if !scopes.iter().all(|scopes| are_scopes(scopes)) => Some("invalid_scope"),
        () => None,
    };
    consented(&shared, &asked, wrong, scopes)
}

/// A list with commas. Those of the first Sign in with Slack are closed to new apps.
/// <https://docs.slack.dev/authentication/sign-in-with-slack>
fn are_scopes(scopes: &str) -> bool {
    let is_good =
        |scope: &str| !scope.is_empty() && !scope.contains(' ') && !scope.starts_with("identity.");
    scopes.is_empty() || scopes.split(',').all(is_good)
}

/// Sign in with Slack, whose scopes have spaces between them as OpenID Connect has it.
pub async fn sign_in(State(shared): State<Shared>, Query(asked): Query<Fields>) -> Response {
    let scopes = asked.get("scope").cloned().unwrap_or_default();
    let known = ["openid", "profile", "email"];
    let mut named = scopes.split(' ');
    let wrong = match () {
        () if asked.get("response_type").is_none_or(|kind| kind != "code") => {
            Some("invalid_response_type")
        }
        () if !scopes.contains("openid") || !named.all(|scope| known.contains(&scope)) => {
            Some("invalid_scope")
        }
        () => None,
    };
    consented(&shared, &asked, wrong, [String::new(), scopes])
}

/// Sends the person back with a code, unless something is wrong.
fn consented(
    shared: &Shared,
    asked: &Fields,
    wrong: Option<&'static str>,
    [bot_scopes, user_scopes]: [String; 2],
) -> Response {
    let mut kept = lock(shared);
    let text = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let back = Url::parse(&text("redirect_uri")).ok();
    let wrong = match () {
        () if text("client_id") != CLIENT_ID => Some("invalid_client_id"),
        // <https://docs.slack.dev/authentication/using-pkce>: for apps that are set up as public clients.
        () if asked.contains_key("code_challenge") => Some("pkce_not_allowed"),
        () => wrong,
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
    let code = exchanged(kept, fields)?;
    let team = json!({ "id": code.team, "name": "Acme" });
    let mut person = json!({ "id": code.user });
    if !code.user_scopes.is_empty() {
        person["scope"] = code.user_scopes.as_str().into();
        person["token_type"] = "user".into();
        person["access_token"] =
            kept.token("xoxp", &code.user, &code.team, &code.user_scopes).into();
    }
    let mut answer = json!({ "app_id": "A0", "team": team, "authed_user": person, "enterprise": null, "is_enterprise_install": false });
    if !code.bot_scopes.is_empty() {
        answer["token_type"] = "bot".into();
        answer["scope"] = code.bot_scopes.as_str().into();
        answer["bot_user_id"] = BOT.into();
        answer["access_token"] = kept.token("xoxb", BOT, &code.team, &code.bot_scopes).into();
    }
    Ok(answer)
}

/// `openid.connect.token`.
pub fn openid_token(kept: &mut Workspace, fields: &Fields) -> MethodAnswer {
    let code = exchanged(kept, fields)?;
    if !code.user_scopes.contains("openid") {
        return Err("invalid_code");
    }
    let token = kept.token("xoxp", &code.user, &code.team, &code.user_scopes);
    Ok(json!({ "access_token": token, "token_type": "Bearer", "id_token": "e30.e30.e30" }))
}

fn exchanged(kept: &mut Workspace, fields: &Fields) -> Result<ConsentCode, &'static str> {
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
    Ok(code)
}

impl Workspace {
    /// Whoever consents again gets the same token, which then has the new scopes, too.
    fn token(&mut self, kind: &str, user: &str, team: &str, scopes: &str) -> String {
        let new = Token::new(user, team, scopes);
        let mut known = self.tokens.iter_mut();
        let same = known.find(|(_, one)| (&one.user, &one.team) == (&new.user, &new.team));
        if let Some((token, known)) = same {
            known.scopes.extend(new.scopes);
            return token.clone();
        }
        let token = format!("{kind}-new-{}", self.new_number());
        self.tokens.insert(token.clone(), new);
        token
    }
}
