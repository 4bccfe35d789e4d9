//! Slugs and names are parts of URLs.

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

#[plugin(name = "My_Tutorial")]
impl Tutorial {
    #[action(slug = "timesTwo")]
    fn times_two(&self, parameters: Ask) -> Result<Answer> {
        Ok(Answer { value: parameters.value })
    }

    #[action(description = "no slug")]
    fn no_slug(&self, parameters: Ask) -> Result<Answer> {
        Ok(Answer { value: parameters.value })
    }
}

fn main() {}
