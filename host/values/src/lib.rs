//! Rules for values from outside: which JSON is accepted and carried as text, how schemas check it and fill in
//! defaults, how secrets are taken out of configs and put into bodies; what a manifest may say, where a request
//! may go, which events a subscription names, which texts are moments, and how a call is recorded.
//!
//! The host and the in-memory host of the SDK's `testing` share this code, so that a plugin's own tests see
//! what its communities will see. It knows neither of them: no file, no plugin, no clock but the thread's CPU
//! time.

pub mod bounds;
#[cfg(feature = "hosts")]
pub mod config;
#[cfg(feature = "hosts")]
pub mod declared;
#[cfg(feature = "hosts")]
pub mod destination;
pub mod json;
#[cfg(feature = "hosts")]
pub mod manifest;
pub mod moment;
pub mod names;
#[cfg(feature = "hosts")]
pub mod nearest;
pub mod outbound;
pub mod placing;
#[cfg(feature = "hosts")]
pub mod recording;
#[cfg(feature = "hosts")]
pub mod schema;
#[cfg(feature = "hosts")]
pub mod subscriptions;
