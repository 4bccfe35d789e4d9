//! Moothall: a WebAssembly plugin host for communities.
//!
//! `ARCHITECTURE.md` beside this crate has the bird's-eye view and the walk through a call. Modules
//! stand here in the order in which they call each other; arrows point down only.

mod changes;
pub mod cli;
pub mod hooks;
pub mod host;
mod host_scope;

pub mod calls;
pub mod communities;
pub mod egress;
pub mod guest;
pub mod http;
pub mod instance;
pub mod monitoring;
pub mod mutations;
pub mod oauth;
pub mod outbox;
pub mod plugins;
mod rate;
pub mod scheduler;
mod slots;
pub mod store;
pub mod webhooks;
mod workers;

pub mod cadence;
pub mod clock;
pub mod config;
pub mod day_budget;
pub mod destination;
pub mod effects;
pub mod events;
pub mod grants;
pub mod ids;
mod machine;
mod permissions;
pub mod secrets;
pub mod telemetry;
pub mod web;
