//! The one failure of the contract: what an author returns, and what the host refuses with.
//! It never carries a secret or a backtrace, because drivers see it.

mod wit;

use std::fmt;

use serde_json::Value;

/// What a plugin's methods return.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure. Returning it from a method ends the call, and nothing the call wrote is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    details: Option<Value>,
    retryable: bool,
}

/// What kind of failure an [`Error`] is, with the HTTP status a driver sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller's input is wrong: 400.
    Invalid,
    /// The caller, or the plugin towards its platform, is not authenticated: 401.
    Unauthorized,
    /// Authenticated, but not allowed: 403. Also a grant the operator did not give.
    Forbidden,
    /// What was asked for does not exist: 404.
    NotFound,
    /// It collides with what is there: 409.
    Conflict,
    /// A platform, or the host's store, does not answer now: 503.
    Unavailable,
    /// The plugin failed: 500.
    Internal,
    /// A kind of the plugin's own, `[a-z][a-z0-9-]{0,49}`: 500, with `plugin:` and the kind as `code`.
    Other(String),
}

impl Error {
    /// A failure of `kind`. `message` is one sentence for a person: what is wrong, where, what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retryable = kind == ErrorKind::Unavailable;
        Self { kind, message: message.into(), details: None, retryable }
    }

    /// The caller's input is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// The caller, or the plugin towards its platform, is not authenticated.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthorized, message)
    }

    /// Authenticated, but not allowed.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Forbidden, message)
    }

    /// What was asked for does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// It collides with what is there.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// A platform does not answer now; the same call can succeed later.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// The plugin failed.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// A kind of the plugin's own, `[a-z][a-z0-9-]{0,49}`.
    pub fn other(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other(kind.into()), message)
    }

    /// A worker's failure that no other try would change: the event is a dead letter at once.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::other("permanent", message)
    }

    /// Adds what a program needs to know about the failure.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Value>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// Says that the same call can succeed later without a change of its input.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The sentence for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What a program may want to know.
    pub fn details(&self) -> Option<&Value> {
        self.details.as_ref()
    }

    /// Whether the same call can succeed later without a change of its input.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// JSON of the plugin's own that cannot be read or written: its failure, not its caller's.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error.to_string())
    }
}

/// A kind by its name in the contract (`not-found`); any other name is one of the plugin's own.
impl From<&str> for ErrorKind {
    fn from(name: &str) -> Self {
        match name {
            "invalid" => Self::Invalid,
            "unauthorized" => Self::Unauthorized,
            "forbidden" => Self::Forbidden,
            "not-found" => Self::NotFound,
            "conflict" => Self::Conflict,
            "unavailable" => Self::Unavailable,
            "internal" => Self::Internal,
            other => Self::Other(other.to_owned()),
        }
    }
}
