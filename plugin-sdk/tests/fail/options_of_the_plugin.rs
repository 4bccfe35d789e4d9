//! A process has its plugin's configuration and settings, and names neither. The plugin lists it once.

use moothall_sdk::{Result, plugin, process};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Config {
    title: String,
}

struct Tutorial;

#[plugin(name = "tutorial", config = Config, processes(Vote, Vote))]
impl Tutorial {}

struct Vote;

#[process(name = "vote", config = Config, settings = Config)]
impl Vote {
    fn start(&self) -> Result<()> {
        self.set_url(&self.config()?.title)
    }
}

fn main() {}
