//! `metrics`: the host's own numbers, as the test says them.

use crate::bindings::imports::moothall::plugin::types::Error;
use crate::testing::world::now;

pub fn snapshot() -> Result<String, Error> {
    Ok(now(|world| world.metrics.to_string()))
}
