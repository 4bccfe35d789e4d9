//! The contract's imports, answered from memory: the same functions as the generated ones, which refuse the same
//! things. The wording of the messages differs from the host's.

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

/// What an import answers, or its refusal.
type Answered<T> = std::result::Result<T, types::Error>;

/// Refuses a JSON text that the host could not carry unchanged.
fn carried(what: &str, text: &str) -> Result<()> {
    json::check(text).map_err(|refusal| Error::invalid(refusal.of(what)))
}
