//! A plugin that uses everything the SDK offers, and one that uses nothing.
#![expect(dead_code, reason = "many fields and methods are there for the manifest alone")]

use moothall_sdk::serde_json::Value;
use moothall_sdk::{Error, Plugin, Result, Secret, plugin};
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
    requests(reveal("/api_key", "settings:client_secret")),
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

    fn close(&self) -> Result<()> {
        Ok(())
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

    #[action(slug = "maybe")]
    fn maybe(&self) -> Result<Option<u32>> {
        Ok(None)
    }
}

pub struct Bare;

#[plugin(name = "bare")]
impl Bare {}
