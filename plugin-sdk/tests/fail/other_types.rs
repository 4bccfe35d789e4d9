//! Types that attributes name have to fit together; each mistake is reported where it is.

use moothall_sdk::{Event, Result, plugin, process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
pub struct Config {}

#[derive(Deserialize, JsonSchema)]
pub struct Parameters {}

#[derive(Event, Serialize, JsonSchema)]
#[event("cast")]
struct Cast {}

#[derive(Event, Serialize, JsonSchema)]
#[event("cast")]
struct Other {}

pub struct Vote;

#[process(name = "vote")]
impl Vote {
    fn start(&self) -> Result<()> {
        Ok(())
    }
}

pub struct Mood;

#[process(name = "mood")]
impl Mood {
    fn start(&self) -> Result<()> {
        Ok(())
    }
}

struct Council;

#[plugin(name = "council", config = Config, processes(Vote, Mood), events(Cast, Other))]
impl Council {
    #[action(slug = "ask")]
    fn ask(&self, parameters: Parameters) -> std::result::Result<(), String> {
        let Parameters {} = parameters;
        Ok(())
    }
}

fn main() {}
