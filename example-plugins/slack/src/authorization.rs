//! Installs the app in a workspace, and lets people log in with Slack (OAuth 2, version 2 of Slack's).

use moothall_sdk::accounts::{Account, LinkQuality};
use moothall_sdk::oauth::{AuthorizeRequest, AuthorizeType, Authorized, OAuthCallback};
use moothall_sdk::serde_json::{Value, json};
use moothall_sdk::{Error, Result, Secret, http, log, required};

use crate::Settings;
use crate::web_api::read;

/// The scopes of Metagov's app: drivers may call any method.
const BOT_SCOPES: &str = "app_mentions:read calls:read calls:write channels:history channels:join channels:manage \
    channels:read chat:write chat:write.customize chat:write.public commands dnd:read emoji:read files:read \
    groups:history groups:read groups:write im:history im:read im:write incoming-webhook links:read links:write \
    mpim:history mpim:read mpim:write pins:read pins:write reactions:read reactions:write team:read usergroups:read \
    usergroups:write users.profile:read users:read users:read.email users:write";
const USER_SCOPES: &str = "chat:write channels:write groups:write im:write mpim:write";
/// Enough to know who somebody is.
const LOGIN_SCOPES: &str = "identity.basic,identity.avatar";

pub fn bot_scopes() -> Vec<String> {
    BOT_SCOPES.split_whitespace().map(str::to_owned).collect()
}

pub fn user_scopes() -> Vec<String> {
    USER_SCOPES.split_whitespace().map(str::to_owned).collect()
}

pub fn url(settings: &Settings, request: &AuthorizeRequest) -> Result<String> {
    let (bot, user) = match request.authorize_type {
        AuthorizeType::App if settings.installer_must_be_admin => {
            (settings.bot_scopes.join(","), settings.user_scopes.join(","))
        }
        AuthorizeType::App => (settings.bot_scopes.join(","), String::new()),
        AuthorizeType::User => (String::new(), LOGIN_SCOPES.to_owned()),
    };
    let base = settings.api_url.trim_end_matches('/').trim_end_matches("/api");
    let client_id = required(&settings.client_id, "client_id")?;
    let mut parameters = vec![("client_id", client_id.as_str())];
    let scopes = [("scope", bot.as_str()), ("user_scope", user.as_str())];
    parameters.extend(scopes.into_iter().filter(|(_, scopes)| !scopes.is_empty()));
    // Slack lets people choose another workspace all the same.
    parameters.extend(request.platform_ids.first().map(|team| ("team", team.as_str())));
    Ok(request.url(&format!("{base}/oauth/v2/authorize"), &parameters))
}

pub fn complete(settings: &Settings, callback: &OAuthCallback) -> Result<Authorized> {
    let access = exchange(settings, callback)?;
    let team = text(&access, "/team/id").ok_or_else(|| {
        Error::invalid("the app was installed for an organisation; install it in one workspace")
    })?;
    let person = text(&access, "/authed_user/id").unwrap_or_default();
    let authorized = match callback.authorize_type {
        AuthorizeType::App => install(settings, &access)?,
        AuthorizeType::User => Authorized::user().parameter("team_id", team),
    };
    let account = Account::new(person).community_platform_id(team);
    let authorized = authorized.account(account.quality(LinkQuality::Strong));
    let token = text(&access, "/authed_user/access_token");
    let token = token.filter(|_| settings.user_token_in_redirect);
    Ok(authorized.parameter("user_id", person).parameter_given("user_token", token))
}

/// The configuration that an installation makes.
fn install(settings: &Settings, access: &Value) -> Result<Authorized> {
    let token = text(access, "/access_token").filter(|_| access["token_type"] == "bot");
    let token = token.ok_or_else(|| Error::internal("Slack gave no bot token"))?;
    let bot = Secret::new_value(token);
    let person = text(access, "/authed_user/id").unwrap_or_default();
    if settings.installer_must_be_admin
        && let Err(refused) = require_admin(settings, &bot, person)
    {
        revoke(settings, &bot);
        return Err(refused);
    }
    let mut config = json!({
        "team_id": access["team"]["id"],
        "team_name": access["team"]["name"],
        "bot_token": token,
        "bot_user_id": access["bot_user_id"],
        "installer_user_id": person,
    });
    if let Some(token) = text(access, "/authed_user/access_token") {
        config["installer_user_token"] = token.into();
    }
    Authorized::app(config)
}

fn text<'a>(access: &'a Value, pointer: &str) -> Option<&'a str> {
    access.pointer(pointer)?.as_str()
}

/// Exchanges the code. Slack's own word for a refusal is the driver's `error`.
fn exchange(settings: &Settings, callback: &OAuthCallback) -> Result<Value> {
    let secret = required(&settings.client_secret, "client_secret")?;
    let form = [
        ("client_id", required(&settings.client_id, "client_id")?.as_str()),
        ("code", callback.code()?),
        ("redirect_uri", &callback.redirect_uri),
    ];
    let request = http::post(method(settings, "oauth.v2.access"));
    let answer = read(request.form(&form).secret_form("client_secret", secret).send()?);
    answer.map_err(|error| {
        if error.is_retryable() {
            return error;
        }
        Error::other(error.message().replace('_', "-"), "Slack did not accept the code")
    })
}

fn require_admin(settings: &Settings, bot: &Secret, user: &str) -> Result<()> {
    let info = http::get(method(settings, "users.info")).query(&[("user", user)]).bearer(bot);
    if read(info.send()?)?["user"]["is_admin"] == Value::Bool(true) {
        return Ok(());
    }
    Err(Error::other("slack-installer-is-not-admin", "Non-admin user is not permitted to install"))
}

/// Takes the app out of a workspace in which it may not be.
fn revoke(settings: &Settings, bot: &Secret) {
    let revoked = http::post(method(settings, "auth.revoke")).bearer(bot).send();
    if let Err(error) = revoked.and_then(read) {
        log::warn(format_args!(
            "the token of a refused installation could not be revoked: {error}"
        ));
    }
}

fn method(settings: &Settings, name: &str) -> String {
    format!("{}/{name}", settings.api_url.trim_end_matches('/'))
}
