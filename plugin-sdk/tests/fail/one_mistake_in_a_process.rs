//! One mistake is one error: the plugin that names the process finds it, and so do its own methods.

use moothall_sdk::{Process, Result, Secret, plugin, process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Config {
    api_key: Secret,
}

#[derive(Serialize, Deserialize)]
struct State {
    votes: u32,
}

#[derive(Serialize, JsonSchema)]
struct Outcome {
    votes: u32,
}

#[derive(Deserialize, JsonSchema)]
struct Ask {
    title: String,
}

struct Tutorial;

#[plugin(name = "tutorial", config = Config, processes(Vote, Poll, Draw, Shown))]
impl Tutorial {
    #[action(slug = "key")]
    fn key(&self) -> Result<String> {
        self.config()?.api_key.reveal()
    }
}

struct Vote;

#[process(name = "vote", state = State, outcome = Outcome)]
impl Vote {
    fn start(&self, parameters: Ask, again: u32) -> Result<()> {
        self.set_url(&parameters.title)?;
        self.store(&State { votes: again })
    }

    fn update(&self) -> Result<()> {
        let State { votes } = self.load()?;
        self.config()?.api_key.reveal()?;
        self.store(&State { votes: votes + 1 })
    }

    fn close(&self) -> Result<()> {
        self.complete(&Outcome { votes: self.load()?.votes })
    }
}

struct Poll;

#[process(name = "poll", stat = State, outcome = Outcome)]
impl Poll {
    fn start(&self, parameters: Ask) -> Result<()> {
        self.set_url(&parameters.title)?;
        self.store(&State { votes: 0 })
    }

    fn close(&self) -> Result<()> {
        let State { votes } = self.load()?;
        self.complete(&Outcome { votes })
    }
}

struct Draw;

#[process(name = "draw", outcome = Outcome)]
impl Draw {
    fn close(&self) -> Result<()> {
        self.complete(&Outcome { votes: 0 })
    }
}

#[process(name = "shown")]
struct Shown;

fn main() {}
