//! JSON texts: checked once, where they come in, and carried as they are from then on.
//!
//! What would be read as something else, or could not be read at all by whoever gets it, is refused with its place: a lone
//! surrogate, a number beyond what is read, too deep a nesting, a key twice. What passed is read by all of our readers and
//! goes out as raw text, because reading a number and writing it again may change its digits.

mod document;
mod exact;
mod object;
mod reader;

pub use document::Document;
pub use exact::{Exact, rewritten};
pub use object::{Object, list};

/// Containers inside one another, at most. A text travels inside others, an event in its envelope, that in an item of
/// `sending_event`, and has to be read there too.
pub const DEPTH: usize = 120;
/// What our readers, and those of plugins, hold.
const READER_DEPTH: usize = 127;

/// The text of nothing.
pub const NULL: &str = "null";

/// Why a text cannot be carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// JSON Pointer to what is wrong.
    pub path: String,
    pub message: String,
}

impl Refusal {
    /// As a sentence about what the text is, `the event's data`.
    pub fn of(&self, what: &str) -> String {
        match self.path.as_str() {
            "" => format!("{what} is not JSON that the host can carry: {}", self.message),
            path => {
                format!("{what} is not JSON that the host can carry, at {path}: {}", self.message)
            }
        }
    }
}

/// A name as a step of a JSON Pointer.
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Whether the text is one JSON value that can be carried.
pub fn check(text: &str) -> Result<(), Refusal> {
    reader::read(text, DEPTH)
}

#[cfg(test)]
mod tests;
