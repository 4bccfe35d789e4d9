//! A plugin that uses everything the SDK offers, and one that uses nothing.
#![expect(dead_code, reason = "many fields and methods are there for the manifest alone")]

use moothall_sdk::oauth::{AuthorizeRequest, Authorized, OAuthCallback};
use moothall_sdk::serde_json::Value;
use moothall_sdk::{Error, Event, Plugin, Result, Routed, Secret, WebhookRequest, plugin, process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
pub struct Config {
    /// The platform's key.
    api_key: Secret,
    spare_key: Option<Secret>,
    #[serde(default = "example")]
    server_url: String,
    #[serde(default)]
    mood: Mood,
}

fn example() -> String {
    "https://example.com".to_owned()
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mood {
    #[default]
    Calm,
    Lively,
}

#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    client_secret: Option<Secret>,
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    /// The first.
    left: i32,
    #[serde(default = "one")]
    right: i32,
}

fn one() -> i32 {
    1
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i32,
}

#[derive(Event, Serialize, JsonSchema)]
#[event("surveyed", description = "Somebody answered.")]
struct Surveyed {
    answers: u32,
}

#[derive(Event, Serialize, JsonSchema)]
#[event("closed")]
struct Closed {}

#[derive(Deserialize, JsonSchema)]
struct Question {
    title: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Outcome {
    answers: u32,
}

pub struct Survey;

#[process(
    name = "survey",
    description = "Asks everybody.",
    state = u32,
    outcome = Outcome,
    every = "5m"
)]
impl Survey {
    fn start(&self, parameters: Question) -> Result<()> {
        if parameters.title.is_empty() {
            return Err(Error::invalid("a survey needs a title"));
        }
        Ok(())
    }

    fn update(&self) -> Result<()> {
        Err(Error::unavailable("not now"))
    }

    fn receive_webhook(&self, request: WebhookRequest) -> Result<()> {
        request.text().map(|_| ())
    }
}

pub struct Surveyor;

#[plugin(
    name = "surveyor",
    config = Config,
    settings = Settings,
    version = "1.2.0",
    description = "Surveys a community.",
    auth_type = "api_key",
    community_platform_id_key = "server_url",
    on_config_change = "keep",
    processes(Survey),
    events(Surveyed, Closed),
    route_keys("/server_url"),
    oauth(types("app"), no_pkce, issuer = "https://platform.example"),
    requests(reveal("/api_key", "settings:client_secret"), http("config:/server_url")),
)]
impl Surveyor {
    fn initialize(&self) -> Result<()> {
        self.state().set("key", self.secret("/api_key").place())
    }

    fn config_changed(&self, previous: Config) -> Result<()> {
        self.state().set("url", &previous.server_url)
    }

    fn upgraded(&self, from_version: String) -> Result<()> {
        if from_version == "0.9.0" { Err(Error::conflict("too old")) } else { Ok(()) }
    }

    #[action(slug = "add", description = "Adds two numbers.", public, read_only)]
    fn add(&self, parameters: Add) -> Result<Sum> {
        let sum = parameters.left.checked_add(parameters.right);
        Ok(Sum {
            sum: sum.ok_or_else(|| {
                Error::invalid("the sum is too large").with_details(parameters.left)
            })?,
        })
    }

    #[action(slug = "ping")]
    fn ping(&self) -> Result<()> {
        Ok(())
    }

    #[action(slug = "echo")]
    fn echo(&self, parameters: Value) -> Result<Value> {
        Ok(parameters)
    }

    #[webhook(
        events(Surveyed),
        verify(
            scheme = "hmac-sha256",
            secret = "/api_key",
            header = "X-Signature",
            encoding = "base64"
        )
    )]
    fn receive(&self, request: WebhookRequest) -> Result<()> {
        request.text().map(|_| ())
    }

    #[global_webhook(verify(
        scheme = "slack-v0",
        secret = "settings:client_secret",
        tolerance_s = 60
    ))]
    fn route(&self, request: WebhookRequest) -> Result<Routed> {
        Ok(Routed::to_route_key("/server_url", request.text()?))
    }

    #[producer(every = "30s", jitter = "5s", events(Closed))]
    fn poll(&self) -> Result<()> {
        Err(Error::unavailable("later"))
    }

    #[authorize_url]
    fn url(&self, request: AuthorizeRequest) -> Result<String> {
        Ok(format!("https://platform.example/?for={}", request.community.unwrap_or_default()))
    }

    #[oauth_callback]
    fn back(&self, callback: OAuthCallback) -> Result<Authorized> {
        callback.code().map(|_| Authorized::user())
    }

    #[action(slug = "maybe")]
    fn maybe(&self) -> Result<Option<u32>> {
        Ok(None)
    }
}

pub struct Bare;

#[plugin(name = "bare")]
impl Bare {}
