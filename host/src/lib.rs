//! Moothall: a WebAssembly plugin host for communities.
//!
//! This crate is the top of the house: HTTP, the assembling of everything, the command line. `ARCHITECTURE.md` beside it
//! has the bird's-eye view, the crates below, and the walk through a call.

pub mod cli;
mod host;
pub mod http;

// The rooms below, under the names that they have in the text.
use moothall_background::{monitoring, scheduler, webhooks, workers};
use moothall_core::{
    changes, clock, config, day_budget, effects, events, ids, instance, machine, permissions,
    pieces, secrets, telemetry, web,
};
use moothall_deliveries as outbox;
use moothall_egress as egress;
use moothall_engine::{calls, communities, hooks, host_scope, mutations, oauth, plugins};
use moothall_guest as guest;
use moothall_store as store;
use moothall_values::json;
