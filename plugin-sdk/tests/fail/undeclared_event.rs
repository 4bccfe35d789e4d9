//! Only events that the plugin declares can be emitted as types.

use moothall_sdk::{Event, Result, plugin, process};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Event, Serialize, JsonSchema)]
#[event("declared")]
struct Declared {}

#[derive(Event, Serialize, JsonSchema)]
#[event("forgotten")]
struct Forgotten {}

struct Tutorial;

#[plugin(name = "tutorial", processes(Vote), events(Declared))]
impl Tutorial {
    #[action(slug = "tell")]
    fn tell(&self) -> Result<()> {
        self.events().emit(&Declared {})?;
        self.events().emit(&Forgotten {}).map(drop)
    }
}

struct Vote;

#[process(name = "vote")]
impl Vote {
    fn start(&self) -> Result<()> {
        self.events().emit(&Declared {})?;
        self.events().event(&Forgotten {})?.emit().map(drop)
    }
}

fn main() {}
