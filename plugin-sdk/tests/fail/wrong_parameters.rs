//! An action takes one struct with all its parameters.

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
    #[action(slug = "two")]
    fn two(&self, one: Ask, more: Ask) -> Result<Answer> {
        Ok(Answer { value: one.value + more.value })
    }

    #[action(slug = "scalar")]
    fn scalar(&self, value: u32) -> Result<Answer> {
        Ok(Answer { value })
    }

    fn upgraded(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
