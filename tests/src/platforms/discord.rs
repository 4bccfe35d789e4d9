//! Discord with one application, whose bot is in a guild: routes of the API, consent, and people who use commands and press
//! buttons. Refuses what Discord refuses, with its statuses and codes.

mod api;
mod consent;
pub mod interactions;
mod messages;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{any, get};
use moothall_sdk::testing::signed::ed25519_public_key;
use serde_json::{Value, json};

use super::traffic::Traffic;

pub const APPLICATION: &str = "1100000000000000001";
pub const CLIENT_SECRET: &str = "discord-client-secret-of-the-application";
pub const BOT_TOKEN: &str = "MTEw.bot-token";
/// The key of which the application has the public half.
pub const KEY: [u8; 32] = [9; 32];
/// Larger than what JavaScript can count.
pub const GUILD: &str = "1200000000000000001";
pub const CHANNEL: &str = "1300000000000000001";
pub const USER: &str = "1400000000000000001";
pub const STRANGER: &str = "1400000000000000009";

/// Discord, listening.
#[derive(Debug)]
pub struct Discord {
    pub url: String,
    pub traffic: Traffic,
    shared: Shared,
}

type Shared = Arc<Mutex<Guilds>>;

/// What Discord knows.
#[derive(Debug, Default)]
struct Guilds {
    messages: BTreeMap<String, Value>,
    commands: BTreeMap<String, Value>,
    whispered: Vec<(String, String)>,
    /// The messages that told people of themselves.
    pings: Vec<String>,
    /// Whether the application has the Message Content Intent.
    sees_content: bool,
    codes: BTreeMap<String, consent::Grant>,
    /// The person of each token.
    tokens: BTreeMap<String, String>,
    /// Who consents next, and the guilds that they are in.
    consenting: Option<(String, Vec<String>)>,
    made: u64,
}

impl Discord {
    pub async fn start() -> Self {
        let (traffic, shared) = (Traffic::default(), Shared::default());
        let routes = Router::new()
            .route("/oauth2/authorize", get(consent::authorize))
            .route("/api/{*route}", any(api::call))
            .with_state(shared.clone());
        let url = traffic.serve(routes).await;
        let discord = Self { url, traffic, shared };
        discord.consents(USER, &[GUILD]);
        discord
    }

    /// The configuration of a host whose plugin talks to this Discord.
    pub fn toml(&self, more: &str) -> String {
        format!(
            "[plugins.discord]\nsettings = {{ api_url = \"{}/api\", client_id = \"{APPLICATION}\", \
             client_secret = \"{CLIENT_SECRET}\", public_key = \"{}\", bot_token = \"{BOT_TOKEN}\"{more} }}\n\
             grants = {{ http = [\"settings:/api_url\"], cidr = [\"127.0.0.0/8\"] }}",
            self.url,
            ed25519_public_key(&KEY)
        )
    }

    /// A message, as it is now.
    pub fn message(&self, id: &str) -> Option<Value> {
        self.guilds().messages.get(id).cloned()
    }

    /// Somebody deletes a message.
    pub fn delete(&self, id: &str) {
        self.guilds().messages.remove(id);
    }

    /// The commands of the guild, by name.
    pub fn commands(&self) -> BTreeMap<String, Value> {
        self.guilds().commands.clone()
    }

    /// What was said to one person alone.
    pub fn whispered(&self) -> Vec<(String, String)> {
        self.guilds().whispered.clone()
    }

    /// The messages that told somebody of themselves, because they name everybody or somebody.
    pub fn pings(&self) -> Vec<String> {
        self.guilds().pings.clone()
    }

    /// Somebody writes a message.
    pub fn says(&self, user: &str, text: &str) {
        let mut guilds = self.guilds();
        let id = guilds.new_id();
        let author = json!({ "id": user, "username": "ann" });
        let message = json!({ "id": id, "channel_id": CHANNEL, "content": text, "author": author, "type": 0 });
        guilds.messages.insert(id, message);
    }

    /// The operator turns the Message Content Intent on.
    pub fn allows_content(&self) {
        self.guilds().sees_content = true;
    }

    /// From now on this person consents, who is in these guilds.
    pub fn consents(&self, user: &str, guilds: &[&str]) {
        let guilds = guilds.iter().map(|guild| (*guild).to_owned()).collect();
        self.guilds().consenting = Some((user.to_owned(), guilds));
    }

    fn guilds(&self) -> MutexGuard<'_, Guilds> {
        lock(&self.shared)
    }
}

impl Guilds {
    /// An id that was not there before.
    fn new_id(&mut self) -> String {
        self.made += 1;
        (1_500_000_000_000_000_000 + self.made).to_string()
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Guilds> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn guild(id: &str) -> Value {
    json!({ "id": id, "name": format!("guild {}", &id[id.len() - 1..]), "owner_id": USER, "preferred_locale": "en-US" })
}

/// The plugin's README, with this Discord in place of the real one.
pub async fn in_readme(text: &str) -> String {
    let discord = Discord::start().await;
    text.replace(
        "client_id = \"…\"",
        &format!("api_url = \"{}/api\", client_id = \"{APPLICATION}\"", discord.url),
    )
    .replace("client_secret = \"…\"", &format!("client_secret = \"{CLIENT_SECRET}\""))
    .replace("public_key = \"…\"", &format!("public_key = \"{}\"", ed25519_public_key(&KEY)))
    .replace("bot_token = \"…\"", &format!("bot_token = \"{BOT_TOKEN}\""))
    .replace("http = [\"discord.com\"]", "http = [\"settings:/api_url\"], cidr = [\"127.0.0.0/8\"]")
}
