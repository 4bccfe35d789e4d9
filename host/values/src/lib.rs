//! What becomes of what is handed over: JSON is checked, carried as text, checked by schemas, defaults are filled in, secrets
//! taken out of configs and put into bodies; what a manifest may say, where a request may go, what a subscription names, and
//! which texts are moments.
//!
//! The host and the in-memory host of the SDK's `testing` do this with the same code, so that a plugin's own tests meet what
//! its communities will. Knows nothing of either: no file, no plugin, no clock but the thread's.

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
pub mod schema;
#[cfg(feature = "hosts")]
pub mod subscriptions;
