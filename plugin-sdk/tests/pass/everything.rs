//! Every attribute and option, without a warning.

#![deny(warnings)]

use moothall_sdk::{Result, plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Ask {
    value: u32,
}

#[derive(Serialize, JsonSchema)]
struct Answer {
    value: u32,
}

struct Tutorial;

#[plugin(name = "tutorial", config = Ask, settings = Ask, on_config_change = "keep")]
impl Tutorial {
    fn config_changed(&self, previous: Ask) -> Result<()> {
        self.state().set("previous", &previous.value)
    }

    #[action(slug = "ask", public, read_only)]
    fn ask(&self, Ask { value }: Ask) -> Result<Answer> {
        Ok(Answer { value: self.plus(value)? })
    }

    #[action(slug = "nothing")]
    fn nothing(&self) -> moothall_sdk::Result<()> {
        self.secret("/api_key").reveal().map(drop)
    }

    /// A method of the plugin's own.
    fn plus(&self, value: u32) -> Result<u32> {
        Ok(value + self.config()?.value + self.settings()?.value)
    }
}

fn main() {}
