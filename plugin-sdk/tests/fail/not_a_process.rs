//! `processes(…)` lists processes only: another type is one error.

use moothall_sdk::{Event, plugin};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Event, Serialize, JsonSchema)]
#[event("cast")]
struct Cast {}

struct Vote;

impl Vote {
    #[expect(dead_code, reason = "it is what a process would have")]
    fn start(&self) {}
}

struct Council;

#[plugin(name = "council", processes(Vote), events(Cast))]
impl Council {}

fn main() {}
