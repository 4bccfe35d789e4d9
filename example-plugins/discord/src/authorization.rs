//! Adds the bot to a guild, and lets people log in with Discord (OAuth 2).

use moothall_sdk::accounts::{Account, LinkQuality};
use moothall_sdk::oauth::{AuthorizeRequest, AuthorizeType, Authorized, OAuthCallback, token};
use moothall_sdk::serde_json::{Value, json};
use moothall_sdk::{Error, Result, Secret, required};

use crate::api::{read, request, url as api_url};
use crate::{Settings, Snowflake};

/// To see channels and their history, to send messages, and to change them.
const PERMISSIONS: u64 = 1 << 10 | 1 << 11 | 1 << 16;
/// `guilds` tells which guilds somebody is in.
const APP_SCOPES: &str = "applications.commands bot identify guilds";
const USER_SCOPES: &str = "identify guilds";

pub fn permissions() -> Snowflake {
    Snowflake(PERMISSIONS)
}

pub fn url(settings: &Settings, request: &AuthorizeRequest) -> Result<String> {
    let permissions = settings.permissions.to_string();
    let client_id = required(&settings.client_id, "client_id")?;
    let mut parameters = vec![("client_id", client_id.as_str())];
    match request.authorize_type {
        AuthorizeType::App => {
            parameters.extend([("scope", APP_SCOPES), ("permissions", &permissions)]);
            parameters.extend(request.platform_ids.first().map(|id| ("guild_id", id.as_str())));
        }
        AuthorizeType::User => parameters.push(("scope", USER_SCOPES)),
    }
    let base = settings.api_url.trim_end_matches('/').trim_end_matches("/api");
    Ok(request.url(&format!("{base}/oauth2/authorize"), &parameters))
}

pub fn complete(settings: &Settings, callback: &OAuthCallback) -> Result<Authorized> {
    let access = exchanged(settings, callback)?;
    let token = access["access_token"].as_str().unwrap_or_default();
    let fetch = |route: &str| {
        read(request("GET", api_url(settings, route)?).bearer(&Secret::new_value(token)))
    };
    let user = fetch("/users/@me")?;
    let user = user["id"].as_str().unwrap_or_default();
    let authorized = match callback.authorize_type {
        AuthorizeType::App => install(&access["guild"], user)?,
        AuthorizeType::User => log_in(&fetch("/users/@me/guilds")?, &callback.platform_ids, user)?,
    };
    let token = Some(token).filter(|_| settings.user_token_in_redirect);
    Ok(authorized.parameter("user_id", user).parameter_given("user_token", token))
}

fn exchanged(settings: &Settings, callback: &OAuthCallback) -> Result<Value> {
    let secret = required(&settings.client_secret, "client_secret")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", callback.code()?),
        ("redirect_uri", &callback.redirect_uri),
        ("client_id", required(&settings.client_id, "client_id")?),
    ];
    let request = request("POST", api_url(settings, "/oauth2/token")?).form(&form);
    token(request.secret_form("client_secret", secret).send()?)
}

/// The guild to which the bot was added.
fn install(guild: &Value, user: &str) -> Result<Authorized> {
    let Some(id) = guild["id"].as_str() else {
        return Err(Error::internal("Discord did not say to which guild the bot was added"));
    };
    let config = json!({ "guild_id": id, "guild_name": guild["name"] });
    Ok(Authorized::app(config)?.parameter("guild_id", id).account(account(user, id)))
}

/// Somebody is who they are in a guild of the community.
fn log_in(guilds: &Value, platform_ids: &[String], user: &str) -> Result<Authorized> {
    let guilds = guilds.as_array().map(Vec::as_slice).unwrap_or_default();
    let names = guilds.iter().filter_map(|guild| guild["id"].as_str().zip(guild["name"].as_str()));
    let theirs: Vec<_> = names.filter(|(id, _)| platform_ids.iter().any(|one| one == id)).collect();
    let Some((first, _)) = theirs.first() else {
        let none = "Discord plugin has not been installed to any guilds that this user belongs to.";
        return Err(Error::other("discord-plugin-not-installed", none));
    };
    let named: Vec<String> = theirs.iter().map(|(id, name)| format!("{id}:{name}")).collect();
    Ok(Authorized::user().account(account(user, first)).parameter("guild[]", named))
}

fn account(user: &str, guild: &str) -> Account {
    Account::new(user).community_platform_id(guild).quality(LinkQuality::Strong)
}
