//! The source of a plugin that asks a platform about each issue that a webhook names: with a mistake, without it, and with
//! another one that its tests would not find.

/// It fails on an issue that nobody is assigned to.
pub const SOURCE: &str = r##"//! Tells drivers who is assigned to an issue.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::time::{SystemTime, UNIX_EPOCH};

use moothall_sdk::serde_json::{Value, json};
use moothall_sdk::{Event, Plugin, Result, Secret, WebhookRequest, WebhookResponse, http, plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Config {
    server_url: String,
    token: Secret,
}

#[derive(Deserialize)]
struct Hook {
    number: u64,
}

#[derive(Deserialize)]
struct Issue {
    title: String,
    assignee: Assignee,
}

#[derive(Deserialize)]
struct Assignee {
    login: String,
}

#[derive(Event, Serialize, JsonSchema)]
#[event("assigned", description = "Somebody is assigned to an issue.")]
struct Assigned {
    number: u64,
    title: String,
    login: String,
}

struct Tracker;

#[plugin(
    name = "tracker",
    config = Config,
    description = "Tells who is assigned to an issue.",
    requests(http("config:/server_url"), reveal("/token"))
)]
impl Tracker {
    #[webhook(events(Assigned))]
    fn receive(&self, request: WebhookRequest) -> Result<WebhookResponse> {
        let Hook { number } = request.json()?;
        let seen = self.state().get::<u64>("seen")?.unwrap_or(0) + 1;
        self.state().set("seen", &seen)?;
        let config = self.config()?;
        let url = format!("{}/issues/{number}", config.server_url);
        let issue = http::get(url).bearer(&config.token).send()?;
        let issue: Issue = issue.error_for_status()?.json()?;
        let login = issue.assignee.login;
        let title = issue.title;
        self.events().emit(&Assigned { number, title, login })?;
        WebhookResponse::ok().json(&json!({ "seen": seen }))
    }

    #[action(slug = "stamp", description = "A time, and something random.")]
    fn stamp(&self) -> Result<Value> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64);
        let random = HashMap::<u8, u8>::new().hasher().hash_one(7);
        Ok(json!({ "now": now.to_string(), "random": random.to_string() }))
    }

    #[action(slug = "sign", description = "Uses the token itself.")]
    fn sign(&self) -> Result<Value> {
        Ok(json!({ "length": self.config()?.token.reveal()?.len() }))
    }

    #[action(slug = "renew", description = "Gets a token of the platform's, and keeps it.")]
    fn renew(&self) -> Result<Value> {
        let url = format!("{}/token", self.config()?.server_url);
        let answer: Value = http::post(url).send()?.json()?;
        self.state().set("renewed", &answer["access_token"])?;
        Ok(answer["expires_in"].clone())
    }
}
"##;

/// Nobody may be assigned.
pub fn mended() -> String {
    let mended = SOURCE.replace("assignee: Assignee,", "assignee: Option<Assignee>,");
    mended.replace(
        "issue.assignee.login",
        "issue.assignee.map_or_else(|| \"nobody\".to_owned(), |one| one.login)",
    )
}

/// The event says something else.
pub fn shouting() -> String {
    SOURCE.replace("let title = issue.title;", "let title = issue.title.to_uppercase();")
}
