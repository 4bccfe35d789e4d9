//! Each type that an author gives to the host derives how it is read, written and described.

use moothall_sdk::{Event, Result, plugin, process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

struct Ask;

#[derive(Deserialize)]
struct Undescribed {
    number: u32,
}

#[derive(Serialize)]
struct Told {
    number: u32,
}

#[derive(JsonSchema)]
struct Unread {
    number: u32,
}

#[derive(Event, JsonSchema)]
#[event("happened")]
struct Happened {}

#[derive(Event, Serialize)]
#[event("untold")]
struct Untold {}

struct Tutorial;

#[plugin(
    name = "tutorial",
    config = Undescribed,
    settings = Unread,
    events(Happened, Untold),
    processes(Vote)
)]
impl Tutorial {
    #[action(slug = "ask")]
    fn ask(&self, _parameters: Ask) -> Result<()> {
        Ok(())
    }

    #[action(slug = "tell")]
    fn tell(&self, Undescribed { number }: Undescribed) -> Result<Told> {
        Ok(Told { number })
    }

    #[action(slug = "list")]
    fn list(&self) -> Result<Vec<Unread>> {
        Ok(Vec::new())
    }
}

struct Vote;

#[process(name = "vote", state = Unread, outcome = Told)]
impl Vote {
    fn start(&self, parameters: Unread) -> Result<()> {
        self.set_url(&parameters.number.to_string())
    }
}

fn main() {}
