//! Discord: slash commands become the driver's events, its API the driver's actions, and messages with buttons votes.
//! The bot is added to a guild, and people are known, by OAuth.

mod api;
mod authorization;
mod interaction;
mod snowflake;
mod vote;

use interaction::{EPHEMERAL, Interaction, KIND_PING};
use moothall_sdk::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use moothall_sdk::serde_json::{Map, Value, json};
use moothall_sdk::{
    Error, Event, Instance, Result, Routed, Secret, WebhookRequest, WebhookResponse, plugin,
    required,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use snowflake::Snowflake;
use vote::GuildVote;

/// Adding the bot to a guild sets all but `channel`.
#[derive(Deserialize, JsonSchema)]
struct Config {
    guild_id: Snowflake,
    #[expect(dead_code, reason = "drivers read it")]
    guild_name: Option<String>,
    /// Where votes are posted that name no channel.
    channel: Option<Snowflake>,
}

/// Discord gives the operator these for the application.
#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// The application's id.
    client_id: Option<String>,
    client_secret: Option<Secret>,
    #[expect(dead_code, reason = "the host checks signatures with it")]
    public_key: Option<Secret>,
    bot_token: Option<Secret>,
    /// The bot's permissions in a guild, as Discord's number.
    #[serde(default = "authorization::permissions")]
    permissions: Snowflake,
    #[serde(default = "discord_s_api")]
    api_url: String,
    /// Whether the driver's URL gets the person's token, as Metagov's gateway does it.
    #[serde(default = "yes")]
    user_token_in_redirect: bool,
}

fn discord_s_api() -> String {
    "https://discord.com/api".to_owned()
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, JsonSchema)]
struct RegisterGuildCommand {
    name: String,
    description: Option<String>,
    /// Only for a command that exists already.
    command_id: Option<Snowflake>,
    /// Everything else that Discord knows of commands: `options`, `type`, …
    #[serde(flatten)]
    command: Map<String, Value>,
}

#[derive(Deserialize, JsonSchema)]
struct Method {
    /// HTTP method. Defaults to GET.
    method: Option<String>,
    /// `/channels/123/messages/pins`, also with a version in front: `/v10/channels/123/messages/pins`.
    route: String,
    /// The body; for GET, the query.
    #[serde(flatten)]
    parameters: Map<String, Value>,
}

#[derive(Deserialize, JsonSchema)]
struct PostMessage {
    text: String,
    channel: Snowflake,
    /// Everything else that Discord knows of messages.
    #[serde(flatten)]
    message: Map<String, Value>,
}

/// Discord's whole interaction.
#[derive(Event, Serialize, JsonSchema)]
#[event("slash_command", description = "Somebody has used a slash command of the guild.")]
#[serde(transparent)]
struct SlashCommand(Value);

struct Discord;

#[plugin(
    name = "discord",
    title = "Discord",
    homepage = "https://discord.com",
    config = Config,
    settings = Settings,
    description = "Discord: slash commands, messages, any route of its API, and votes with buttons.",
    auth_type = "oauth",
    community_platform_id_key = "guild_id",
    on_config_change = "keep",
    processes(GuildVote),
    // The application has a secret.
    oauth(types("app", "user"), no_pkce),
    requests(http("settings:/api_url")),
)]
impl Discord {
    #[action(
        slug = "register-guild-command",
        description = "Register or update a command for this guild."
    )]
    fn register_guild_command(&self, asked: RegisterGuildCommand) -> Result<Value> {
        let RegisterGuildCommand { name, description, command_id, mut command } = asked;
        command.insert("name".to_owned(), name.into());
        command.extend(description.map(|text| ("description".to_owned(), text.into())));
        let (settings, guild) = (self.settings()?, self.config()?.guild_id);
        let application = required(&settings.client_id, "client_id")?;
        let route = format!("/applications/{application}/guilds/{guild}/commands");
        match command_id {
            None => api::call(&settings, "POST", &route, command),
            Some(id) => api::call(&settings, "PATCH", &format!("{route}/{id}"), command),
        }
    }

    #[action(slug = "method", description = "Perform any Discord API call")]
    fn method(&self, Method { method, route, parameters }: Method) -> Result<Value> {
        let method = method.unwrap_or_else(|| "GET".to_owned()).to_ascii_uppercase();
        api::call(&self.settings()?, &method, &route, parameters)
    }

    #[action(slug = "get-guild", description = "Get guild information")]
    fn get_guild(&self) -> Result<Value> {
        let route = format!("/guilds/{}", self.config()?.guild_id);
        api::call(&self.settings()?, "GET", &route, Map::new())
    }

    #[action(slug = "post-message", description = "Post message in a channel.")]
    fn post_message(
        &self,
        PostMessage { text, channel, mut message }: PostMessage,
    ) -> Result<Value> {
        message.insert("content".to_owned(), text.into());
        api::call(&self.settings()?, "POST", &format!("/channels/{channel}/messages"), message)
    }

    /// Discord waits three seconds: the guild's instance answers, or one of its votes.
    #[global_webhook(verify(scheme = "ed25519", secret = "settings:public_key"))]
    fn handle_incoming_webhook(&self, request: WebhookRequest) -> Result<Routed> {
        let interaction = Interaction::of(&request, &self.settings()?)?;
        if interaction.is(KIND_PING) {
            let pong = WebhookResponse::ok().json(&json!({ "type": KIND_PING }))?;
            return Ok(Routed::nowhere().respond(pong));
        }
        Ok(interaction.guild().map_or_else(Routed::nowhere, Routed::to_platform))
    }

    #[webhook(verify(scheme = "ed25519", secret = "settings:public_key"), events(SlashCommand))]
    fn receive_event(&self, request: WebhookRequest) -> Result<Option<WebhookResponse>> {
        let interaction = Interaction::of(&request, &self.settings()?)?;
        let guild = self.config()?.guild_id.to_string();
        if !interaction.is_slash_command() || interaction.guild() != Some(guild.as_str()) {
            return Ok(None);
        }
        let user = interaction.user().ok_or_else(|| Error::invalid("a command has a user"))?;
        let initiator = json!({ "user_id": user, "provider": "discord", "is_metagov_bot": false });
        let id = interaction.id().to_owned();
        let event = self.events().event(&SlashCommand(interaction.whole()))?.initiator(initiator);
        event.dedupe_key(id).emit()?;
        let said = json!({ "content": "Message received!", "flags": EPHEMERAL });
        interaction::reply(interaction::MESSAGE, said).map(Some)
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
