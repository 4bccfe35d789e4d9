//! Why a schema is refused, and where in it.

use std::fmt;

use serde::Serialize;

use super::violation;

/// One reason why a document cannot be used as a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct SchemaError {
    /// JSON Pointer into the schema.
    pub path: String,
    pub message: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "the schema is refused: {}", self.message),
            path => write!(f, "the schema is refused at {path}: {}", self.message),
        }
    }
}

impl SchemaError {
    pub(super) fn at(path: &str, message: impl fmt::Display) -> SchemaError {
        SchemaError { path: violation::shortened(path), message: violation::shortened(message) }
    }
}
