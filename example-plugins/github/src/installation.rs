//! The app is installed, and people say who they are. Whoever comes back from GitHub can write any installation into the
//! URL: so only an owner of the account that has it can set it up.

use moothall_sdk::accounts::{Account, LinkQuality};
use moothall_sdk::oauth::{self, AuthorizeRequest, AuthorizeType, Authorized, OAuthCallback};
use moothall_sdk::serde_json::{Value, json};
use moothall_sdk::{Error, Result, required};
use serde::Deserialize;

use crate::api;
use crate::{Config, Settings};

#[derive(Deserialize)]
pub struct Installation {
    pub account: Owner,
}

/// A user or an organisation.
#[derive(Deserialize)]
pub struct Owner {
    id: u64,
    pub login: String,
}

#[derive(Deserialize)]
struct UserToken {
    access_token: String,
}

pub fn url(settings: &Settings, request: &AuthorizeRequest) -> Result<String> {
    let web = settings.web_url.trim_end_matches('/');
    if request.authorize_type == AuthorizeType::App {
        let app = required(&settings.app_name, "app_name")?;
        // A GitHub Enterprise Server has its apps elsewhere.
        let is_own_server = settings.api_url.trim_end_matches('/').ends_with("/api/v3");
        let apps = if is_own_server { "github-apps" } else { "apps" };
        return Ok(request.url(&format!("{web}/{apps}/{app}/installations/new"), &[]));
    }
    let client = required(&settings.client_id, "client_id")?;
    Ok(request.url(&format!("{web}/login/oauth/authorize"), &[("client_id", client)]))
}

pub fn complete(settings: &Settings, mut callback: OAuthCallback) -> Result<Authorized> {
    let client = required(&settings.client_id, "client_id")?;
    let secret = required(&settings.client_secret, "client_secret")?;
    let is_app = callback.authorize_type == AuthorizeType::App;
    // After an installation GitHub authorises by itself, and knows nothing of the challenge.
    callback.code_verifier = callback.code_verifier.filter(|_| !is_app);
    let endpoint = format!("{}/login/oauth/access_token", settings.web_url.trim_end_matches('/'));
    let UserToken { access_token } = oauth::exchange(&endpoint, client, Some(secret), &callback)?;
    let user = api::with_token(api::request(settings, "GET", "/user"), &access_token)?;
    let user: Owner = user.error_for_status()?.json()?;
    let account = Account::new(user.id.to_string()).quality(LinkQuality::Strong);
    let account = account.custom_data(json!({ "login": user.login }));
    if !is_app {
        return Ok(Authorized::user().account(account));
    }
    // Nothing but digits may come into the route.
    let id = callback.parameter("installation_id").filter(|id| id.parse::<u64>().is_ok());
    let Some(id) = id else {
        return Err(Error::forbidden("nothing is installed yet: an owner has to approve it"));
    };
    let installation = api::for_app(settings, "GET", &format!("/app/installations/{id}"))?;
    let Installation { account: owner } = installation.json()?;
    if owner.id != user.id && !owns(settings, &access_token, &owner.login)? {
        return Err(Error::forbidden(format!("only an owner of {} can set this up", owner.login)));
    }
    let (owner, installation_id) = (Some(owner.login), id.to_owned());
    Ok(Authorized::app(Config { owner, installation_id, repo_name: None })?.account(account))
}

/// Whether the organisation is that person's.
fn owns(settings: &Settings, token: &str, organisation: &str) -> Result<bool> {
    let route = format!("/user/memberships/orgs/{organisation}");
    let answer = api::with_token(api::request(settings, "GET", &route), token)?;
    if matches!(answer.status, 403 | 404) {
        return Ok(false);
    }
    let membership: Value = answer.error_for_status()?.json()?;
    Ok(membership["role"] == "admin" && membership["state"] == "active")
}
