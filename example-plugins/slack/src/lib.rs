//! Slack: its events become the driver's, its Web API the driver's actions, and its messages votes. A workspace is
//! installed, and people are known, by OAuth.

mod advanced_vote;
mod authorization;
mod ballot;
mod blocks;
mod emoji;
mod emoji_vote;
mod incoming;
mod message;
mod web_api;

use advanced_vote::AdvancedVote;
use emoji_vote::EmojiVote;
use moothall_sdk::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use moothall_sdk::serde_json::{Map, Value};
use moothall_sdk::{Instance, Result, Routed, Secret, WebhookRequest, plugin};
use schemars::JsonSchema;
use serde::Deserialize;

/// An installation sets all but `channel`.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// Slack's id of the workspace.
    team_id: Option<String>,
    #[expect(dead_code, reason = "drivers read it")]
    team_name: Option<String>,
    /// With which everything is sent that has no token of its own.
    bot_token: Option<Secret>,
    bot_user_id: Option<String>,
    #[expect(dead_code, reason = "drivers read it")]
    installer_user_id: Option<String>,
    #[expect(dead_code, reason = "it is kept as the installation gives it")]
    installer_user_token: Option<Secret>,
    /// Where votes are posted that name no channel.
    channel: Option<String>,
}

/// Slack gives the operator these for the app.
#[derive(Deserialize, JsonSchema)]
struct Settings {
    client_id: Option<String>,
    client_secret: Option<Secret>,
    #[expect(dead_code, reason = "the host checks signatures with it")]
    signing_secret: Option<Secret>,
    #[serde(default = "slack_s_api")]
    api_url: String,
    /// An installation asks for these, for the bot.
    #[serde(default = "authorization::bot_scopes")]
    bot_scopes: Vec<String>,
    /// The same for the person who installs.
    #[serde(default = "authorization::user_scopes")]
    user_scopes: Vec<String>,
    /// Whether only an admin of the workspace can install.
    #[serde(default = "yes")]
    installer_must_be_admin: bool,
    /// Whether the driver's URL gets the person's token, as Metagov's gateway does it.
    #[serde(default = "yes")]
    user_token_in_redirect: bool,
}

fn slack_s_api() -> String {
    "https://slack.com/api".to_owned()
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, JsonSchema)]
struct PostMessage {
    /// Who gets it, in a conversation of their own, if no channel is given.
    users: Option<Vec<String>>,
    channel: Option<String>,
    /// Everything that Slack's `chat.postMessage` knows.
    #[serde(flatten)]
    message: Map<String, Value>,
}

#[derive(Deserialize, JsonSchema)]
struct Method {
    /// The method's name: `pins.add`.
    method_name: String,
    /// The parameters of the method. A `token` replaces the bot's.
    #[serde(flatten)]
    parameters: Map<String, Value>,
}

struct Slack;

#[plugin(
    name = "slack",
    title = "Slack",
    homepage = "https://slack.com",
    config = Config,
    settings = Settings,
    description = "Slack: events, messages, any method of its Web API, and votes with buttons and menus.",
    auth_type = "oauth",
    community_platform_id_key = "team_id",
    on_config_change = "keep",
    processes(EmojiVote, AdvancedVote),
    // Slack's PKCE is for apps without a secret.
    oauth(types("app", "user"), no_pkce),
    // Clicks are answered at `hooks.slack.com`.
    requests(http("settings:/api_url", "hooks.slack.com")),
)]
impl Slack {
    #[action(
        slug = "post-message",
        description = "Post message either in a channel, direct message, or multi-person message. Supports all params accepted by Slack method chat.postMessage."
    )]
    fn post_message(
        &self,
        PostMessage { users, channel, mut message }: PostMessage,
    ) -> Result<Value> {
        message.extend(channel.map(|channel| ("channel".to_owned(), channel.into())));
        message::post(self, users.as_deref().unwrap_or_default(), message)
    }

    #[action(
        slug = "method",
        description = "Perform any Slack method (provided sufficient scopes)"
    )]
    fn method(&self, Method { method_name, parameters }: Method) -> Result<Value> {
        web_api::call_in_channel(self, &method_name, parameters)
    }

    #[global_webhook(verify(scheme = "slack-v0", secret = "settings:signing_secret"))]
    fn handle_incoming_webhook(&self, request: WebhookRequest) -> Result<Routed> {
        incoming::route(&request)
    }

    #[webhook(verify(scheme = "slack-v0", secret = "settings:signing_secret"))]
    fn receive_event(&self, request: WebhookRequest) -> Result<()> {
        incoming::receive(self, &request)
    }

    #[authorize_url]
    fn construct_oauth_authorize_url(&self, request: AuthorizeRequest) -> Result<String> {
        authorization::url(&self.settings()?, &request)
    }

    #[oauth_callback]
    fn handle_oauth_callback(&self, callback: OAuthCallback) -> Result<Authorized> {
        authorization::complete(&self.settings()?, &callback)
    }
}

#[cfg(test)]
mod tests;
