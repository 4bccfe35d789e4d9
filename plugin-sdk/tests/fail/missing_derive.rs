//! The type of parameters has to derive how it is read and described.

use moothall_sdk::{Result, plugin};

struct Ask;

struct Tutorial;

#[plugin(name = "tutorial")]
impl Tutorial {
    #[action(slug = "ask")]
    fn ask(&self, _parameters: Ask) -> Result<()> {
        Ok(())
    }
}

fn main() {}
