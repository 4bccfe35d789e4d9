//! An event's type has to be one that the host accepts.

use moothall_sdk::Event;
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Event, Serialize, JsonSchema)]
struct Untyped {}

#[derive(Event, Serialize, JsonSchema)]
#[event("post/created")]
struct BadType {}

#[derive(Event, Serialize, JsonSchema)]
#[event(name = "post_created")]
struct BadOption {}

#[derive(Event, Serialize, JsonSchema)]
#[event("pair", descripton = "Two of a kind.")]
struct Pair {}

struct Deck;

#[moothall_sdk::plugin(name = "deck", events(Pair))]
impl Deck {}

fn main() {}
