//! Slack with one app, which a workspace may have installed: the Web API's methods, consent, people who click, and the
//! events that the app gets. Refuses what Slack refuses, in Slack's words.

mod blocks;
mod consent;
mod methods;
pub mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{any, get, post};
use serde_json::{Value, json};

use super::traffic::Traffic;

pub const CLIENT_ID: &str = "4b39e9.752c4";
pub const CLIENT_SECRET: &str = "33fea0113f5b133fea0113f5b1";
pub const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// The workspace, its bot, and the bot's token if a test enables the plugin by hand.
pub const TEAM: &str = "T0ACME";
pub const BOT: &str = "U0BOT";
pub const BOT_TOKEN: &str = "xoxb-of-acme";
/// What the README says that votes and installations need, and one for the action `method`.
const BOT_SCOPES: &str =
    "chat:write,chat:write.public,channels:join,im:write,mpim:write,users:read,reactions:write";
/// Somebody who may install apps, and somebody who may not.
pub const ADMIN: &str = "U0ADMIN";
pub const MEMBER: &str = "U0MEMBER";
/// A channel, in which the bot is only once it has joined.
pub const CHANNEL: &str = "C0GENERAL";

/// Slack, listening.
#[derive(Debug)]
pub struct Slack {
    pub url: String,
    pub traffic: Traffic,
    shared: Shared,
}

type Shared = Arc<Mutex<Workspace>>;

/// What Slack knows.
#[derive(Debug)]
struct Workspace {
    url: String,
    /// What each valid token is good for.
    tokens: BTreeMap<String, Token>,
    joined: BTreeSet<String>,
    /// By channel and time.
    messages: BTreeMap<(String, String), Value>,
    whispered: Vec<Whisper>,
    calls: Vec<(String, Fields)>,
    codes: BTreeMap<String, consent::ConsentCode>,
    /// Who consents, and for which workspace.
    consenting: (String, String),
    /// The person and the message of each `response_url`.
    clicked: BTreeMap<String, (String, (String, String))>,
    /// Makes all that is new.
    made: u64,
}

/// Whose a token is, and what it may do.
#[derive(Clone, Debug)]
struct Token {
    user: String,
    team: String,
    scopes: BTreeSet<String>,
}

/// What only one person sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whisper {
    pub channel: String,
    pub user: String,
    pub text: String,
}

/// The fields of a form or a query.
pub type Fields = BTreeMap<String, String>;

impl Slack {
    pub async fn start() -> Self {
        let traffic = Traffic::default();
        let shared = Arc::new(Mutex::new(Workspace {
            url: String::new(),
            tokens: BTreeMap::from([(BOT_TOKEN.to_owned(), Token::new(BOT, TEAM, BOT_SCOPES))]),
            joined: BTreeSet::new(),
            messages: BTreeMap::new(),
            whispered: Vec::new(),
            calls: Vec::new(),
            codes: BTreeMap::new(),
            consenting: (ADMIN.to_owned(), TEAM.to_owned()),
            clicked: BTreeMap::new(),
            made: 0,
        }));
        let routes = Router::new()
            .route("/api/{method}", any(methods::call))
            .route("/oauth/v2/authorize", get(consent::authorize))
            .route("/openid/connect/authorize", get(consent::sign_in))
            .route("/actions/{click}", post(people::respond))
            .with_state(shared.clone());
        let url = traffic.serve(routes).await;
        let slack = Self { url, traffic, shared };
        slack.kept().url.clone_from(&slack.url);
        slack
    }

    /// The configuration of a host whose plugin talks to this Slack.
    pub fn toml(&self, more: &str) -> String {
        format!(
            "[plugins.slack]\nsettings = {{ api_url = \"{}/api\", client_id = \"{CLIENT_ID}\", \
             client_secret = \"{CLIENT_SECRET}\", signing_secret = \"{SIGNING_SECRET}\"{more} }}\n\
             grants = {{ http = [\"settings:/api_url\"], cidr = [\"127.0.0.0/8\"] }}",
            self.url
        )
    }

    /// A community's configuration, as an installation would make it.
    pub fn config() -> Value {
        json!({ "team_id": TEAM, "team_name": "Acme", "bot_token": BOT_TOKEN, "bot_user_id": BOT })
    }

    /// The calls of a method so far.
    pub fn calls(&self, method: &str) -> Vec<Fields> {
        let kept = self.kept();
        let of_method = kept.calls.iter().filter(|(one, _)| one == method);
        of_method.map(|(_, fields)| fields.clone()).collect()
    }

    /// A message, as it is now.
    pub fn message(&self, channel: &str, ts: &str) -> Option<Value> {
        self.kept().messages.get(&(channel.to_owned(), ts.to_owned())).cloned()
    }

    /// Somebody deletes a message.
    pub fn delete(&self, channel: &str, ts: &str) {
        self.kept().messages.remove(&(channel.to_owned(), ts.to_owned()));
    }

    /// What was said to one person alone.
    pub fn whispered(&self) -> Vec<Whisper> {
        self.kept().whispered.clone()
    }

    /// From now on this person consents, for this workspace.
    pub fn consents(&self, user: &str, team: &str) {
        self.kept().consenting = (user.to_owned(), team.to_owned());
    }

    /// Whether a token is still good.
    pub fn accepts(&self, token: &str) -> bool {
        self.kept().tokens.contains_key(token)
    }

    fn kept(&self) -> MutexGuard<'_, Workspace> {
        lock(&self.shared)
    }
}

impl Token {
    fn new(user: &str, team: &str, scopes: &str) -> Self {
        let scopes = scopes.split([',', ' ']).map(str::to_owned).collect();
        Self { user: user.to_owned(), team: team.to_owned(), scopes }
    }
}

impl Workspace {
    /// A number that was not there before.
    fn new_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Workspace> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The plugin's README, with this Slack in place of the real one.
pub async fn in_readme(text: &str) -> String {
    let slack = Slack::start().await;
    text.replace(
        "client_id = \"…\"",
        &format!("api_url = \"{}/api\", client_id = \"{CLIENT_ID}\"", slack.url),
    )
    .replace("client_secret = \"…\"", &format!("client_secret = \"{CLIENT_SECRET}\""))
    .replace("signing_secret = \"…\"", &format!("signing_secret = \"{SIGNING_SECRET}\""))
    .replace(
        "http = [\"slack.com\", \"hooks.slack.com\"]",
        "http = [\"settings:/api_url\"], cidr = [\"127.0.0.0/8\"]",
    )
}
