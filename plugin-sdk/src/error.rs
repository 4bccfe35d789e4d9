//! The contract's only failure: authors return it, and the host refuses with it. It never contains a secret or
//! a backtrace, because drivers see it.

mod wit;

use std::fmt;

use serde_json::Value;

/// The result of a plugin's methods.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure. If a method returns it, the call fails, and the host keeps nothing that the call wrote.
///
/// An error of another crate becomes one where the author says which kind it is:
///
/// ```
/// use moothall_sdk::prelude::*;
/// # use moothall_sdk::testing::Host;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Parse {
///     number: String,
/// }
///
/// struct Parser;
///
/// #[plugin(name = "parser")]
/// impl Parser {
///     #[action(slug = "parse")]
///     fn parse(&self, Parse { number }: Parse) -> Result<u64> {
///         // The caller's number is wrong: 400.
///         number.parse().map_err(Error::invalid)
///     }
/// }
///
/// # let mut host = Host::new(Parser);
/// # assert_eq!(host.action("parse", json!({ "number": "7" })), Ok(json!(7)));
/// let refused = host.action("parse", json!({ "number": "seven" })).expect_err("no number");
/// assert_eq!(refused, Error::invalid("invalid digit found in string"));
/// ```
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

/// The member of an error's details that has the status with which a platform refused.
pub(crate) const PLATFORM_STATUS: &str = "platform_status";

impl Error {
    /// A failure of `kind`. `message` is one sentence for a person: what is wrong, where, what to do; or another error,
    /// of which the sentence is taken.
    pub fn new(kind: ErrorKind, message: impl fmt::Display) -> Self {
        let retryable = kind == ErrorKind::Unavailable;
        Self { kind, message: message.to_string(), details: None, retryable }
    }

    /// The caller's input is wrong.
    pub fn invalid(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// The caller, or the plugin towards its platform, is not authenticated.
    pub fn unauthorized(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unauthorized, message)
    }

    /// Authenticated, but not allowed.
    pub fn forbidden(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Forbidden, message)
    }

    /// The requested thing does not exist.
    pub fn not_found(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// It conflicts with existing data.
    pub fn conflict(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// A platform does not answer now; the same call can succeed later.
    pub fn unavailable(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// The plugin failed.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// A kind of the plugin's own, `[a-z][a-z0-9-]{0,49}`.
    pub fn other(kind: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Other(kind.into()), message)
    }

    /// A worker's failure that another attempt would not change: the event becomes a dead letter at once.
    pub fn permanent(message: impl fmt::Display) -> Self {
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

    /// The HTTP status with which a platform refused, as
    /// [`error_for_status`](crate::http::Response::error_for_status) notes it.
    pub fn platform_status(&self) -> Option<u16> {
        self.details()?.get(PLATFORM_STATUS)?.as_u64()?.try_into().ok()
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

/// An error that says by itself which kind of failure it is, so that `?` makes an [`Error`] of it. An author's own type of
/// error has `impl From<Own> for Error`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which kind of failure it is",
    label = "say which kind of failure this is: write `.map_err(Error::internal)?`, or `Error::invalid` if the caller's input is wrong, `Error::unavailable` if it can succeed later"
)]
pub trait KnownFailure {
    #[doc(hidden)]
    fn into_error(self) -> Error;
}

impl<E: KnownFailure> From<E> for Error {
    fn from(error: E) -> Self {
        error.into_error()
    }
}

/// If JSON of the plugin's own cannot be read or written, the plugin failed, not its caller.
impl KnownFailure for serde_json::Error {
    fn into_error(self) -> Error {
        Error::internal(self)
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
