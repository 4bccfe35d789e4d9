//! Actions return a `Result`; lifecycle methods return `Result<()>`.

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
    #[action(slug = "bare")]
    fn bare(&self, parameters: Ask) -> Answer {
        Answer { value: parameters.value }
    }

    #[action(slug = "nothing")]
    fn nothing(&self) {}

    fn initialize(&self) -> Result<u32> {
        Ok(1)
    }
}

fn main() {}
