//! JSON texts: checked once, when they come in, and then carried unchanged.
//!
//! The check refuses, with its place, what a later reader would read differently or not at all: a lone
//! surrogate, a number that is too large, too deep a nesting, a key twice. All of the host's readers can read
//! what passed. It goes out as raw text, because reading and writing a number may change its digits.

mod document;
mod exact;
mod object;
mod reader;

pub use document::Document;
pub use exact::{Exact, rewritten};
pub use object::{Object, list};

/// The most containers inside one another. A text travels inside others (an event in its envelope, that in an
/// item of `sending_event`), and has to be readable there too.
pub const DEPTH: usize = 120;
/// The depth that the host's readers, and those of plugins, can read.
const READER_DEPTH: usize = 127;

/// The JSON text `null`.
pub const NULL: &str = "null";

/// Why a text is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// JSON Pointer to what is wrong.
    pub path: String,
    pub message: String,
}

impl Refusal {
    /// A sentence about the text, which is called `what`: `the event's data`.
    pub fn of(&self, what: &str) -> String {
        match self.path.as_str() {
            "" => format!("{what} is not JSON that the host can carry: {}", self.message),
            path => {
                format!("{what} is not JSON that the host can carry, at {path}: {}", self.message)
            }
        }
    }
}

/// A member's name as part of a JSON Pointer.
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Whether the text is one JSON value that can be carried.
pub fn check(text: &str) -> Result<(), Refusal> {
    reader::read(text, DEPTH)
}

#[cfg(test)]
mod tests;
