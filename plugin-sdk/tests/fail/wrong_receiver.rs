//! Only the state outlives a call, so methods take `&self`.

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
    #[action(slug = "by-value")]
    fn by_value(self, parameters: Ask) -> Result<Answer> {
        Ok(Answer { value: parameters.value })
    }

    #[action(slug = "by-mutable-reference")]
    fn by_mutable_reference(&mut self, parameters: Ask) -> Result<Answer> {
        Ok(Answer { value: parameters.value })
    }

    #[action(slug = "no-receiver")]
    fn no_receiver(parameters: Ask) -> Result<Answer> {
        Ok(Answer { value: parameters.value })
    }
}

fn main() {}
