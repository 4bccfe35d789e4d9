//! A process has its plugin's configuration, settings and events, and shares functions with it, without a warning.

#![deny(warnings)]

mod vote {
    use moothall_sdk::{Result, process};

    pub struct Vote;

    #[process(name = "vote")]
    impl Vote {
        fn start(&self) -> Result<()> {
            let title = self.config()?.title;
            let limit = self.settings()?.limit;
            if title.len() > limit {
                return self.complete(&self.secret("/key").place().into());
            }
            crate::tell(self, title)
        }
    }
}

use moothall_sdk::{Event, Instance, Result, plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Config {
    title: String,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    limit: usize,
}

#[derive(Event, Serialize, JsonSchema)]
#[event("told")]
struct Told {
    title: String,
}

struct Tutorial;

#[plugin(
    name = "tutorial",
    config = Config,
    settings = Settings,
    events(Told),
    processes(vote::Vote)
)]
impl Tutorial {
    #[action(slug = "tell")]
    fn tell(&self) -> Result<()> {
        tell(self, self.config()?.title)
    }
}

fn tell(instance: &impl Instance<Tutorial>, title: String) -> Result<()> {
    let told: u64 = instance.instance_state().get("told")?.unwrap_or(0);
    instance.instance_state().set("told", &(told + 1))?;
    instance.events().emit(&Told { title }).map(drop)
}

fn main() {}
