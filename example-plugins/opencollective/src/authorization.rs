//! Enables the plugin with the token of an account that acts for a collective, and lets people log in (OAuth 2).

use moothall_sdk::accounts::{Account, LinkQuality};
use moothall_sdk::oauth::{self, AuthorizeRequest, AuthorizeType, Authorized, OAuthCallback};
use moothall_sdk::prelude::*;
use moothall_sdk::required;

use crate::{Settings, api, queries};

/// Open Collective separates scopes by commas.
const APP_SCOPES: &str = "email,account,expenses,conversations,webhooks";
const LOGIN_SCOPES: &str = "account";
/// What the name of an account has in it that acts for a collective.
const BOT: &str = "governance bot";

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

pub fn url(settings: &Settings, request: &AuthorizeRequest) -> Result<String> {
    let scope = match request.authorize_type {
        AuthorizeType::App => APP_SCOPES,
        AuthorizeType::User => LOGIN_SCOPES,
    };
    let endpoint = format!("{}/oauth/authorize", settings.web_url);
    Ok(request.url(
        &endpoint,
        &[("client_id", required(&settings.client_id, "client_id")?.as_str()), ("scope", scope)],
    ))
}

pub fn complete(settings: &Settings, callback: &OAuthCallback) -> Result<Authorized> {
    let endpoint = format!("{}/oauth/token", settings.web_url);
    let secret = required(&settings.client_secret, "client_secret")?;
    let Token { access_token } = oauth::exchange(
        &endpoint,
        required(&settings.client_id, "client_id")?,
        Some(secret),
        callback,
    )?;
    let token = Secret::new_value(&access_token);
    let me = api::ask_with(settings, &token, queries::ME, &json!({}))?["me"].take();
    let account = Account::new(api::text(&me, "/slug")?).quality(LinkQuality::Strong);
    match callback.authorize_type {
        AuthorizeType::User => Ok(Authorized::user().account(account)),
        AuthorizeType::App => {
            let collective = collective(&me)?;
            let config = json!({ "collective_slug": collective, "access_token": access_token });
            Ok(Authorized::app(config)?.account(account).parameter("collective", collective))
        }
    }
}

/// The one collective for which the account acts.
fn collective(me: &Value) -> Result<&str> {
    let name = me["name"].as_str().unwrap_or_default();
    if !name.to_lowercase().contains(BOT) {
        let wanted = format!("The name of the Open Collective account must contain '{BOT}'.");
        return Err(Error::other("non-bot-account", wanted));
    }
    if me["memberOf"]["totalCount"] != 1 {
        let wanted = "The Open Collective account must be a member of exactly 1 collective.";
        return Err(Error::other("not-one-collective", wanted));
    }
    let member = &me["memberOf"]["nodes"][0];
    if member["role"] != "ADMIN" {
        let wanted = "The Open Collective account must be an admin of the collective.";
        return Err(Error::other("insufficient-permissions", wanted));
    }
    api::text(member, "/account/slug")
}
