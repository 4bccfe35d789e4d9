//! Links a component's core modules anew, so that an instance of it costs less.
//!
//! A tool chain hands the functions that a component imports to its main module through two helper modules: a *shim*,
//! whose functions call through a table, and a *fix-up*, which fills that table once the main module's memory exists.
//! Each instance pays for both: two core instances more, each import looked up three times, and code that runs to fill
//! the table. Here a *memory module* gets the memory with what is in it at the start. It exists first, and so the main
//! module imports it together with the functions themselves. What the component imports, exports and does stays the
//! same.
//!
//! A component that is linked in any other way stays as it is. Must never change what a guest sees.

mod answers;
mod main_module;
mod memory_module;
mod module;
mod outline;
mod plan;
mod stubs;
#[cfg(test)]
mod tests;
mod writer;

use std::convert::Infallible;

use wasm_encoder::reencode;

use outline::Outline;
use plan::LinkPlan;

/// Raised with each change of what is written, so that code which was compiled before is compiled anew.
pub const VERSION: u32 = 1;

/// Why a component is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum Unfamiliar {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] wasmparser::Error),
    #[error("it is built differently: {0}")]
    Different(&'static str),
    #[error("it cannot be written: {0}")]
    Unwritable(String),
}

impl From<reencode::Error<Unfamiliar>> for Unfamiliar {
    fn from(error: reencode::Error<Unfamiliar>) -> Self {
        match error {
            reencode::Error::UserError(why) => why,
            reencode::Error::ParseError(error) => Self::Unreadable(error),
            other => Self::Unwritable(other.to_string()),
        }
    }
}

impl From<reencode::Error<Infallible>> for Unfamiliar {
    fn from(error: reencode::Error<Infallible>) -> Self {
        Self::Unwritable(error.to_string())
    }
}

/// The component with its core modules linked anew.
pub fn relink(component: &[u8]) -> Result<Vec<u8>, Unfamiliar> {
    let outline = Outline::of(component)?;
    let plan = LinkPlan::of(&outline)?;
    writer::write(component, &outline, &plan)
}

/// Refuses unless `holds`.
fn expect(holds: bool, otherwise: &'static str) -> Result<(), Unfamiliar> {
    if holds { Ok(()) } else { Err(Unfamiliar::Different(otherwise)) }
}
