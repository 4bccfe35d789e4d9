//! A plugin is one block: a message says where methods of a second block belong.

use moothall_sdk::{Result, action, plugin, webhook};

struct Council;

#[plugin(name = "council")]
impl Council {}

impl Council {
    #[action(slug = "ask")]
    fn ask(&self) -> Result<()> {
        Ok(())
    }

    #[webhook]
    fn receive(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
