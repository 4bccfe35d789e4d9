//! The contract's only failure: authors return it, and the host refuses with it. It never contains a secret or
//! a backtrace, because drivers see it.

mod wit;

use std::fmt;

use serde_json::Value;

/// The result of a plugin's methods.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure. If a method returns it, the call fails, and the host keeps nothing that the call wrote.
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
    /// Authenticated, but not allowed: 403. Also a missing grant.
    Forbidden,
    /// The requested thing does not exist: 404.
    NotFound,
    /// It conflicts with existing data: 409.
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

    /// The requested thing does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// It conflicts with existing data.
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

    /// A worker's failure that another attempt would not change: the event becomes a dead letter at once.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::other("permanent", message)
    }

    /// Adds details for programs.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Value>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// Declares that the same call can succeed later without a change of its input.
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

    /// The details for programs.
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

/// If JSON of the plugin's own cannot be read or written, the plugin failed, not its caller.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error.to_string())
    }
}

/// Reads a kind by its name in the contract (`not-found`); any other name is the plugin's own kind.
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
