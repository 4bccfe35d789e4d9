//! People use the application in Discord: slash commands and buttons.
//! <https://discord.com/developers/docs/interactions/receiving-and-responding>

use moothall_sdk::serde_json::{Value, json};
use moothall_sdk::{Error, Result, WebhookRequest, WebhookResponse};

use crate::Settings;

pub const KIND_PING: u8 = 1;
const KIND_COMMAND: u8 = 2;
const KIND_COMPONENT: u8 = 3;
/// Answers with a message.
pub const MESSAGE: u8 = 4;
/// Answers by changing the message whose button was pressed.
pub const UPDATE: u8 = 7;
/// A message that only one person sees.
pub const EPHEMERAL: u32 = 1 << 6;

/// Somebody's use of the application, as Discord says it.
pub struct Interaction(Value);

impl Interaction {
    /// The interaction, which must be with the operator's application.
    pub fn of(request: &WebhookRequest, settings: &Settings) -> Result<Self> {
        let interaction = Self(request.json()?);
        if interaction
            .text("/application_id")
            .is_some_and(|id| Some(id) == settings.client_id.as_deref())
        {
            return Ok(interaction);
        }
        Err(Error::unauthorized("the interaction is with another application"))
    }

    pub fn is(&self, kind: u8) -> bool {
        self.0["type"] == kind
    }

    pub fn id(&self) -> &str {
        self.text("/id").unwrap_or_default()
    }

    pub fn guild(&self) -> Option<&str> {
        self.text("/guild_id")
    }

    /// Whether a command was typed, and not chosen from a menu.
    pub fn is_slash_command(&self) -> bool {
        self.is(KIND_COMMAND) && self.0["data"]["type"] == 1
    }

    pub fn user(&self) -> Option<&str> {
        self.text("/member/user/id")
    }

    /// The button and the person, if a button of this message was pressed.
    pub fn pressed(&self, message: &str) -> Option<(&str, &str)> {
        let is_there = self.is(KIND_COMPONENT) && self.text("/message/id") == Some(message);
        self.text("/data/custom_id").filter(|_| is_there).zip(self.user())
    }

    pub fn whole(self) -> Value {
        self.0
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str()
    }
}

pub fn reply(kind: u8, data: Value) -> Result<WebhookResponse> {
    WebhookResponse::ok().json(&json!({ "type": kind, "data": data }))
}
