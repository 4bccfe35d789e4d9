//! The end-to-end tests, by feature. A test drives the real binary from outside, on port 0, and
//! must never sleep, be ignored, or check anything but what the contract promises.
//!
//! The tests do not compile if an action of a guest is named in none of these files: see
//! `tests/build.rs`.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod access;
mod actions;
mod atomicity;
mod blocked_files;
mod book;
mod bounds;
mod changes;
mod clients;
mod clock;
mod communities;
mod compiled_code;
mod configs;
mod contention;
mod crashes;
mod defects;
mod deliveries;
mod documents;
mod drivers;
mod durability;
mod effects_equal_model;
mod egress;
mod endpoints;
mod events;
mod example_plugins;
mod failed_calls;
mod faults;
mod generated_clients;
mod global_webhooks;
mod grants;
mod handshakes;
mod hooks;
mod host_scope;
mod https;
mod idempotency;
mod identity;
mod in_memory_host;
mod instances;
mod isolation;
mod json_texts;
#[cfg(feature = "languages")]
mod languages;
mod monitoring;
mod oauth;
mod operating;
mod outgoing_webhooks;
mod own_crate;
mod plugin_call;
mod plugin_check;
mod plugin_dev;
mod plugin_new;
mod plugin_routes;
mod plugins;
mod problems;
mod processes;
mod redis;
mod reference_libraries;
mod refused_files;
mod relinked;
mod reload;
mod running_ahead;
mod schedules;
mod secrets;
mod seed;
mod serializability;
mod settings;
mod shares;
mod sse;
mod startup;
mod state_cache;
mod store_trouble;
mod subscriptions;
mod surroundings;
mod unreadable_rows;
mod upgrades;
mod versions;
mod wasi_http;
mod webhook_signatures;
mod webhooks;
mod workers;
mod wrong_requests;
