//! The attributes belong on an `impl` block and on methods in it.

use moothall_sdk::{action, plugin};

#[plugin(name = "tutorial")]
struct Tutorial;

#[action(slug = "ask")]
fn ask() {}

fn main() {}
