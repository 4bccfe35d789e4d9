//! The SQL: one file per table family, as functions of `Reader` and `Tx`.

pub mod accounts;
pub mod changes;
pub mod compiled;
pub mod deliveries;
pub mod due_times;
pub mod endpoints;
pub mod events;
pub mod failed_calls;
pub mod hooks;
pub mod idempotency;
pub mod identity;
pub mod instances;
pub mod key_check;
pub mod keys;
pub mod oauth;
#[cfg(test)]
mod plans;
pub mod processes;
pub mod purge;
pub mod recordings;
pub mod schedules;
pub mod shares;
pub mod state;
mod subscriptions;
pub mod suspects;
pub mod webhooks;
pub mod worker_events;
pub mod workers;
