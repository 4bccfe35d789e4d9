//! Enables the plugin, and links a person's account, by OAuth. Nothing is kept here: the host keeps
//! the state of the authorisation and its result.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use moothall_sdk::accounts::{Account, LinkQuality};
use moothall_sdk::oauth::{self, AuthorizeRequest, AuthorizeType, Authorized, OAuthCallback};
use moothall_sdk::{Result, Secret, required, serde_json};
use serde::Deserialize;

use crate::{Config, Settings, default_foo};

/// The platform's answer to a code: in its own form, or as OpenID Connect defines it.
#[derive(Deserialize)]
struct Token {
    access_token: String,
    /// The platform's community.
    community_id: Option<String>,
    /// Who authorised.
    user_id: Option<String>,
    id_token: Option<String>,
}

impl Token {
    /// Who authorised. The ID token comes from the platform itself, so that its signature would say nothing
    /// more (OpenID Connect Core, 3.1.3.7).
    fn user(&self) -> Option<String> {
        let subject = || {
            let claims = self.id_token.as_ref()?.split('.').nth(1)?;
            let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
            Some(serde_json::from_slice::<Claims>(&claims).ok()?.sub)
        };
        self.user_id.clone().or_else(subject)
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

pub fn url(settings: &Settings, request: &AuthorizeRequest) -> Result<String> {
    let scope = match request.authorize_type {
        AuthorizeType::App => "openid app",
        AuthorizeType::User => "openid user",
    };
    let endpoint = format!("{}/oauth/authorize", base(settings)?);
    Ok(request.url(&endpoint, &[("client_id", &settings.client_id), ("scope", scope)]))
}

pub fn complete(settings: &Settings, callback: &OAuthCallback) -> Result<Authorized> {
    let token = exchange(settings, callback)?;
    let account = token.user().map(|user| Account::new(user).quality(LinkQuality::Strong));
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
    let endpoint = format!("{}/oauth/token", base(settings)?);
    oauth::exchange(&endpoint, &settings.client_id, settings.client_secret.as_ref(), callback)
}

fn base(settings: &Settings) -> Result<&str> {
    Ok(required(&settings.oauth_base_url, "oauth_base_url")?.trim_end_matches('/'))
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
