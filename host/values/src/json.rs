//! JSON texts: checked once, when they come in, and then carried unchanged.
//!
//! The check refuses, with its place, what a later reader would read differently or not at all: a lone
//! surrogate, a number that is too large, too deep a nesting, a key twice. All of the host's readers can read
//! what passed. It goes out as raw text, because reading and writing a number may change its digits.

mod document;
mod exact;
mod object;
mod reader;
mod refusal;

pub use document::Document;
pub use exact::{Exact, rewritten};
pub use object::{Object, list};
pub use refusal::{Refusal, escape};

/// The most containers inside one another. A text travels inside others (an event in its envelope, that in an
/// item of `sending_event`), and has to be readable there too.
pub const DEPTH: usize = 120;

/// The JSON text `null`.
pub const NULL: &str = "null";

/// Whether the text is one JSON value that can be carried.
pub fn check(text: &str) -> Result<(), Refusal> {
    reader::read(text, DEPTH)
}

#[cfg(test)]
mod tests;
