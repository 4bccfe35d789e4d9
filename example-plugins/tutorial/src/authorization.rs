//! Installing the plugin, and linking a person's account, with one click. Nothing is kept here: the
//! host keeps the state of the flow and what comes of it.

use moothall_sdk::accounts::{Account, LinkQuality};
use moothall_sdk::oauth::{AuthorizeRequest, AuthorizeType, Authorized, OAuthCallback};
use moothall_sdk::{Error, Result, Secret, http};
use serde::Deserialize;

use crate::{Config, Settings, default_foo};

/// What the platform gives for a code.
#[derive(Deserialize)]
struct Token {
    access_token: String,
    /// The community that it is for.
    community_id: Option<String>,
    /// Who authorised.
    user_id: Option<String>,
}

pub fn url(settings: &Settings, request: &AuthorizeRequest) -> Result<String> {
    let scope = match request.authorize_type {
        AuthorizeType::App => "app",
        AuthorizeType::User => "user",
    };
    let base = base(settings)?;
    Ok(format!("{base}/oauth/authorize?client_id={}&scope={scope}", settings.client_id))
}

pub fn complete(settings: &Settings, callback: &OAuthCallback) -> Result<Authorized> {
    let token = exchange(settings, callback)?;
    let account =
        token.user_id.as_ref().map(|user| Account::new(user).quality(LinkQuality::Strong));
    let authorized = match callback.authorize_type {
        AuthorizeType::App => Authorized::app(config(token))?,
        AuthorizeType::User => Authorized::user(),
    };
    Ok(match account {
        Some(account) => authorized.account(account),
        None => authorized,
    })
}

fn exchange(settings: &Settings, callback: &OAuthCallback) -> Result<Token> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", callback.code()?),
        ("redirect_uri", &callback.redirect_uri),
        ("client_id", &settings.client_id),
    ];
    if let Some(verifier) = &callback.code_verifier {
        form.push(("code_verifier", verifier));
    }
    let mut request = http::post(format!("{}/oauth/token", base(settings)?)).form(&form);
    if let Some(secret) = &settings.client_secret {
        request = request.secret_form("client_secret", secret);
    }
    request.send()?.error_for_status()?.json()
}

fn base(settings: &Settings) -> Result<&str> {
    settings.oauth_base_url.as_deref().map(|url| url.trim_end_matches('/')).ok_or_else(|| {
        Error::unavailable(
            "OAuth is not set up: the operator's setting 'oauth_base_url' is missing",
        )
    })
}

fn config(token: Token) -> Config {
    Config {
        api_key: Secret::new_value(token.access_token),
        foo: default_foo(),
        webhook_slug: None,
        community_id: token.community_id,
        server_url: None,
    }
}
