//! Code that all other crates of the host use. It knows no store, no plugin and no HTTP.
//!
//! Ids and clocks; the config with its limits; secrets; grants and destinations; events and effects; limits of
//! rates and shares; the retry policy; and the numbers that the host measures.

pub mod chain;
pub mod changes;
pub mod clock;
pub mod config;
pub mod day_budget;
pub mod effects;
pub mod endpoint;
pub mod events;
pub mod fair_share;
pub mod grants;
pub mod ids;
pub mod instance;
pub mod machine;
pub mod pace;
pub mod permissions;
pub mod pieces;
pub mod rate;
pub mod retry;
pub mod schedule;
pub mod scope;
pub mod secrets;
pub mod state_cache;
pub mod telemetry;
pub mod web;
