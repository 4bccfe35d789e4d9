//! Why and where a text is refused.

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
