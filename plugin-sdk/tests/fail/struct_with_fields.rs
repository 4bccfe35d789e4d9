//! A plugin is a unit struct: fields would be lost after each call.

use moothall_sdk::plugin;

struct Tutorial {
    counter: u32,
}

#[plugin(name = "tutorial")]
impl Tutorial {}

fn main() {}
