//! Installs the app in a workspace, and lets people log in (OAuth 2, version 2 of Slack's, and OpenID Connect).

use moothall_sdk::accounts::{Account, LinkQuality};
use moothall_sdk::oauth::{AuthorizeRequest, AuthorizeType, Authorized, OAuthCallback};
use moothall_sdk::serde_json::{Value, json};
use moothall_sdk::{Error, Result, Secret, http, required};

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
const LOGIN_SCOPES: &str = "openid profile";

pub fn bot_scopes() -> Vec<String> {
    BOT_SCOPES.split_whitespace().map(str::to_owned).collect()
}

pub fn user_scopes() -> Vec<String> {
    USER_SCOPES.split_whitespace().map(str::to_owned).collect()
}

pub fn url(settings: &Settings, request: &AuthorizeRequest) -> Result<String> {
    let (bot, user) = (settings.bot_scopes.join(","), settings.user_scopes.join(","));
    let mut parameters = vec![("client_id", required(&settings.client_id, "client_id")?.as_str())];
    let page = match request.authorize_type {
        AuthorizeType::App => {
            parameters.push(("scope", bot.as_str()));
            let user = Some(user.as_str()).filter(|_| settings.installer_must_be_admin);
            parameters.extend(user.map(|scopes| ("user_scope", scopes)));
            "oauth/v2/authorize"
        }
        AuthorizeType::User => {
            parameters.push(("scope", LOGIN_SCOPES));
            "openid/connect/authorize"
        }
    };
    // Slack lets people choose another workspace all the same.
    parameters.extend(request.platform_ids.first().map(|team| ("team", team.as_str())));
    let base = settings.api_url.trim_end_matches('/').trim_end_matches("/api");
    Ok(request.url(&format!("{base}/{page}"), &parameters))
}

pub fn complete(settings: &Settings, callback: &OAuthCallback) -> Result<Authorized> {
    match callback.authorize_type {
        AuthorizeType::App => install(settings, &exchange(settings, "oauth.v2.access", callback)?),
        AuthorizeType::User => {
            log_in(settings, &exchange(settings, "openid.connect.token", callback)?)
        }
    }
}

/// The configuration that an installation makes. Where it is refused, its token stays good: Slack gives a workspace that
/// installs the app again the token that it has, so that revoking it would end the installation that is there.
fn install(settings: &Settings, access: &Value) -> Result<Authorized> {
    let team = text(access, "/team/id").ok_or_else(|| {
        Error::invalid("the app was installed for an organisation; install it in one workspace")
    })?;
    let token = text(access, "/access_token").filter(|_| access["token_type"] == "bot");
    let token = token.ok_or_else(|| Error::internal("Slack gave no bot token"))?;
    let person = text(access, "/authed_user/id").unwrap_or_default();
    if settings.installer_must_be_admin {
        require_admin(settings, &Secret::new_value(token), person)?;
    }
    let mut config = json!({
        "team_id": team,
        "team_name": access["team"]["name"],
        "bot_token": token,
        "bot_user_id": access["bot_user_id"],
        "installer_user_id": person,
    });
    let own = text(access, "/authed_user/access_token");
    if let Some(token) = own {
        config["installer_user_token"] = token.into();
    }
    Ok(known(settings, Authorized::app(config)?, (person, team), own))
}

/// Asks Slack whose token it is.
fn log_in(settings: &Settings, access: &Value) -> Result<Authorized> {
    let token = text(access, "/access_token");
    let bearer = Secret::new_value(token.unwrap_or_default());
    let info =
        read(http::get(method(settings, "openid.connect.userInfo")).bearer(&bearer).send()?)?;
    let claim = |name: &str| info[format!("https://slack.com/{name}")].as_str();
    let Some((person, team)) = claim("user_id").zip(claim("team_id")) else {
        return Err(Error::internal("Slack did not say who logged in"));
    };
    let authorized = Authorized::user().parameter("team_id", team);
    Ok(known(settings, authorized, (person, team), token))
}

/// Adds who it is.
fn known(
    settings: &Settings,
    authorized: Authorized,
    (person, team): (&str, &str),
    token: Option<&str>,
) -> Authorized {
    let account = Account::new(person).community_platform_id(team).quality(LinkQuality::Strong);
    let authorized = authorized.account(account).parameter("user_id", person);
    let token = token.filter(|_| settings.user_token_in_redirect);
    token.into_iter().fold(authorized, |all, token| all.parameter("user_token", token))
}

fn text<'a>(access: &'a Value, pointer: &str) -> Option<&'a str> {
    access.pointer(pointer)?.as_str()
}

/// Exchanges the code. Slack's own word for a refusal is the driver's `error`.
fn exchange(settings: &Settings, endpoint: &str, callback: &OAuthCallback) -> Result<Value> {
    let secret = required(&settings.client_secret, "client_secret")?;
    let form = [
        ("client_id", required(&settings.client_id, "client_id")?.as_str()),
        ("code", callback.code()?),
        ("redirect_uri", &callback.redirect_uri),
    ];
    let request = http::post(method(settings, endpoint));
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

fn method(settings: &Settings, name: &str) -> String {
    format!("{}/{name}", settings.api_url.trim_end_matches('/'))
}
