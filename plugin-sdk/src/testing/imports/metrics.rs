//! `metrics`: the host's own numbers, as the test sets them. As in the real host, only plugins of host scope
//! can read them.

use moothall_values::manifest::Scope;

use super::types::Error as Refusal;
use crate::testing::world::now;
use crate::{Error, Result};

pub fn snapshot() -> std::result::Result<String, Refusal> {
    let shown: Result<String> = now(|world| {
        world.the_call()?;
        if world.the_plugin()?.manifest.scope != Scope::Host {
            return Err(Error::forbidden("the host's numbers are for plugins of host scope"));
        }
        Ok(world.metrics.to_string())
    });
    Ok(shown?)
}
