//! Options are known, given once, and of the right form.

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

#[plugin(name = "tutorial", name = "again", colour = "red", auth_type = "basic", requests(reveal("api_key")))]
impl Tutorial {
    #[action(slug = "ask", public = true, cached)]
    fn ask(&self, parameters: Ask) -> Result<Answer> {
        Ok(Answer { value: parameters.value })
    }

    fn config_changed(&self, _previous: moothall_sdk::Empty) -> Result<()> {
        Ok(())
    }
}

fn main() {}
