//! The contract's imports, answered from memory: the same functions as the generated ones, with the
//! same refusals. Its texts are its own; what it refuses is the contract's.

pub mod accounts;
pub mod context;
pub mod events;
pub mod http;
pub mod log;
pub mod metrics;
pub mod process;
pub mod secrets;
pub mod settings;
pub mod state;

use moothall_values::json;

pub use crate::bindings::imports::moothall::plugin::{types, web};
use crate::{Error, Result};

/// Refuses a text that the host could not give back as it is.
fn carried(what: &str, text: &str) -> Result<()> {
    json::check(text).map_err(|refusal| Error::invalid(refusal.of(what)))
}
