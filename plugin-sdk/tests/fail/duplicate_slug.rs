//! A slug names one action.

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

#[plugin(name = "tutorial")]
impl Tutorial {
    #[action(slug = "ask")]
    fn first(&self, parameters: Ask) -> Result<Answer> {
        Ok(Answer { value: parameters.value })
    }

    #[action(slug = "ask")]
    fn second(&self, parameters: Ask) -> Result<Answer> {
        Ok(Answer { value: parameters.value })
    }
}

fn main() {}
