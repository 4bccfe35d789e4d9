//! Makes JSON texts of the host's own values and of texts that it carries. It reads nothing again, and nothing
//! can fail: what was checked when it came in goes out byte for byte.

use serde_json::Value;

/// An object under construction. Its members are in the order in which they are added.
#[derive(Debug)]
pub struct Object(String);

impl Default for Object {
    fn default() -> Self {
        Self(String::from("{"))
    }
}

impl Object {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a member with a value of the host's own.
    pub fn with(self, name: &str, value: impl Into<Value>) -> Self {
        self.carrying(name, &value.into().to_string())
    }

    /// Adds a member whose value is a JSON text already.
    pub fn carrying(mut self, name: &str, text: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&Value::from(name).to_string());
        self.0.push(':');
        self.0.push_str(text);
        self
    }

    pub fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A list of texts that are JSON already.
pub fn list(items: impl IntoIterator<Item = String>) -> String {
    let mut text = String::from("[");
    for item in items {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&item);
    }
    text.push(']');
    text
}
