//! Converts an [`Error`] to the contract's record and back. Both have the same fields.

use super::KnownFailure;
use crate::bindings::host::types as wit;
use crate::{Error, ErrorKind, read, write};

impl KnownFailure for wit::Error {
    fn into_error(self) -> Error {
        Error {
            kind: self.kind.into(),
            message: self.message,
            // The host's details are for programs; a text that is not JSON is of no use to them.
            details: self.details.and_then(|json| read::json(json).ok()),
            retryable: self.retryable,
        }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind.into(),
            message: error.message,
            details: error.details.and_then(|details| write::json(&details).ok()),
            retryable: error.retryable,
        }
    }
}

impl From<wit::ErrorKind> for ErrorKind {
    fn from(kind: wit::ErrorKind) -> Self {
        match kind {
            wit::ErrorKind::Invalid => Self::Invalid,
            wit::ErrorKind::Unauthorized => Self::Unauthorized,
            wit::ErrorKind::Forbidden => Self::Forbidden,
            wit::ErrorKind::NotFound => Self::NotFound,
            wit::ErrorKind::Conflict => Self::Conflict,
            wit::ErrorKind::Unavailable => Self::Unavailable,
            wit::ErrorKind::Internal => Self::Internal,
            wit::ErrorKind::Other(name) => Self::Other(name),
        }
    }
}

impl From<ErrorKind> for wit::ErrorKind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => Self::Invalid,
            ErrorKind::Unauthorized => Self::Unauthorized,
            ErrorKind::Forbidden => Self::Forbidden,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::Internal => Self::Internal,
            ErrorKind::Other(name) => Self::Other(name),
        }
    }
}
