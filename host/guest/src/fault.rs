//! How a call into a guest can go wrong, and whose fault that is.
//!
//! An error that the plugin itself returns is not a fault: it is a `GuestError`. HTTP statuses are chosen in `http` only.

use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use super::bindings::{Error, ErrorKind};
use moothall_core::instance::LockError;
use moothall_store::{StoreError, Taken};
use moothall_values::json;

/// An error that the plugin itself returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestError {
    pub kind: Kind,
    pub message: String,
    pub details: Option<String>,
    pub retryable: bool,
}

/// The kinds of errors, as in WIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Invalid,
    Unauthorized,
    Forbidden,
    NotFound,
    Conflict,
    Unavailable,
    Internal,
    /// A kind of the plugin's own.
    Own(String),
}

/// How many bytes of an unknown kind an error message repeats.
const KIND_BYTES: usize = 100;
/// Longest message of a guest's error that is kept, in bytes.
const MESSAGE_BYTES: usize = 4 << 10;
/// Part of wasmtime's message about a guest that handed over more than `hostcall_bytes`. There is no error type for it; a
/// test notices if the words change.
const HOSTCALL_FUEL: &str = "fuel allocated for hostcalls";
/// The message of a call that ended by `wasi:cli/exit`, with whatever status.
const EXIT: &str = "it called `exit`, as a program does; a plugin's function ends by returning a result or an error";
/// How the messages of faults begin.
const TRAP: &str = "the plugin trapped: ";
const LIMIT: &str = "the plugin exceeded its limit of ";
const TIMEOUT: &str = "the plugin used up its ";
const STORE: &str = "the store is not available: ";
const HOST: &str = "the host failed: ";
/// Longest details of a guest's error that are kept, in bytes; longer ones are left out.
const DETAILS_BYTES: usize = 64 << 10;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    // --- the plugin's
    #[error("{TRAP}{0}")]
    Trap(String),
    #[error("{LIMIT}{0}")]
    Limit(String),
    #[error("{TIMEOUT}{0}")]
    Timeout(String),
    #[error("{0}")]
    BadOutput(String),

    // --- nobody's: try again
    #[error("the instance is busy with other calls")]
    InstanceBusy,
    #[error("{0}")]
    Overloaded(&'static str),
    #[error("the instance was reconfigured or disabled during the call; nothing was stored")]
    InstanceReplaced,
    #[error("{0} is already taken; nothing was stored")]
    Taken(Taken),

    // --- the host's
    #[error("{STORE}{0}")]
    Store(String),
    #[error("the store did not answer in time, and what was to be stored may be yet")]
    Unsettled,
    #[error("{HOST}{0}")]
    Host(String),
}

/// Whose fault a failure is: decides the log level and whether it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    Plugin,
    Nobody,
    Host,
}

impl Fault {
    pub fn blame(&self) -> Blame {
        match self {
            Self::Trap(_) | Self::Limit(_) | Self::Timeout(_) | Self::BadOutput(_) => Blame::Plugin,
            Self::InstanceBusy | Self::Overloaded(_) | Self::InstanceReplaced | Self::Taken(_) => {
                Blame::Nobody
            }
            Self::Store(_) | Self::Unsettled | Self::Host(_) => Blame::Host,
        }
    }

    /// Whether the plugin did nothing wrong and another attempt is likely to succeed: whoever makes calls unasked tries
    /// again soon and counts no failure. A bug of the host may fail the same call each time, so it is counted.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::InstanceBusy
            | Self::Overloaded(_)
            | Self::InstanceReplaced
            | Self::Taken(_)
            | Self::Store(_)
            | Self::Unsettled => true,
            Self::Trap(_)
            | Self::Limit(_)
            | Self::Timeout(_)
            | Self::BadOutput(_)
            | Self::Host(_) => false,
        }
    }

    /// The stable code that drivers and lists see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Trap(_) => "plugin_trap",
            Self::Limit(_) => "plugin_limit",
            Self::Timeout(_) => "plugin_timeout",
            Self::BadOutput(_) => "plugin_bad_output",
            Self::InstanceBusy => "instance_busy",
            Self::Overloaded(_) => "overloaded",
            Self::InstanceReplaced => "instance_replaced",
            Self::Taken(_) => "conflict",
            Self::Store(_) | Self::Unsettled => "store_unavailable",
            Self::Host(_) => "internal",
        }
    }

    /// The fault that a recording has, by its code and its message.
    pub fn recorded(code: &str, message: &str) -> Self {
        let after = |prefix: &str| message.strip_prefix(prefix).unwrap_or(message).to_owned();
        match code {
            "plugin_trap" => Self::Trap(after(TRAP)),
            "plugin_limit" => Self::Limit(after(LIMIT)),
            "plugin_timeout" => Self::Timeout(after(TIMEOUT)),
            "plugin_bad_output" => Self::BadOutput(message.to_owned()),
            "store_unavailable" if message == Self::Unsettled.to_string() => Self::Unsettled,
            "store_unavailable" => Self::Store(after(STORE)),
            _ => Self::Host(after(HOST)),
        }
    }

    /// Which fault an error of wasmtime's stands for.
    pub fn from_engine(error: &wasmtime::Error) -> Self {
        if let Some(NotInstantiated(cause)) = error.downcast_ref() {
            return Self::Host(format!("a sandbox cannot be made: {cause}"));
        }
        if let Some(missing @ NotExported(_)) = error.downcast_ref() {
            return Self::Host(missing.to_string());
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return Self::Trap(trap_name(*trap));
        }
        if error.is::<I32Exit>() {
            return Self::Trap(EXIT.to_owned());
        }
        if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
            return Self::Overloaded("all sandboxes are in use");
        }
        let cause = error.root_cause().to_string();
        if cause.contains(HOSTCALL_FUEL) {
            return Self::Limit("bytes handed over in one call (hostcall_bytes)".into());
        }
        // What remains happens while values cross: text that is no UTF-8, a
        // handle that is not there. The guest made it.
        Self::Trap(cause)
    }
}

impl From<LockError> for Fault {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Busy => Self::InstanceBusy,
            LockError::Replaced => Self::InstanceReplaced,
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::InstanceReplaced,
            StoreError::Busy => Self::Overloaded("too many writes are waiting"),
            StoreError::NoRoom(what) => Self::Overloaded(what),
            StoreError::Unavailable(cause) => Self::Store(cause),
            StoreError::Taken(what) => Self::Taken(what),
            StoreError::Unsettled => Self::Unsettled,
            error @ (StoreError::Damaged(_)
            | StoreError::Unreadable(_)
            | StoreError::Full(_)
            | StoreError::Lost(_)
            | StoreError::Stalled
            | StoreError::Other { .. }
            | StoreError::Newer { .. }) => Self::Store(error.to_string()),
        }
    }
}

/// The host called an interface that the component does not have.
#[derive(Debug, thiserror::Error)]
#[error("the host called `{0}`, which the component does not export")]
pub struct NotExported(pub &'static str);

/// The host's own failure before the guest began: no memory, for one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotInstantiated(String);

/// Marks an error as the host's, unless a start function trapped or the pool was full.
pub fn while_instantiating(error: wasmtime::Error) -> wasmtime::Error {
    let known = error.is::<Trap>() || error.is::<wasmtime::PoolConcurrencyLimitError>();
    if known { error } else { NotInstantiated(format!("{error:#}")).into() }
}

fn trap_name(trap: Trap) -> String {
    match trap {
        Trap::StackOverflow => "its stack overflowed".into(),
        // A guest's stack lies in its own memory, usually below everything else.
        Trap::MemoryOutOfBounds => {
            "out of bounds memory access (its stack may be exhausted, as by a recursion without end)".into()
        }
        Trap::UnreachableCodeReached => "it panicked or aborted (see its log)".into(),
        other => other.to_string(),
    }
}

impl GuestError {
    /// The error that the guest returned; a fault of the plugin where it breaks the contract.
    pub fn of(error: Error) -> Result<Self, Fault> {
        let details = error.details.filter(|details| details.len() <= DETAILS_BYTES);
        if let Some(details) = &details {
            carried(|| "the details of the plugin's error".to_owned(), details)?;
        }
        Ok(Self {
            kind: Kind::of(error.kind)?,
            message: cut(error.message, MESSAGE_BYTES),
            details,
            retryable: error.retryable,
        })
    }
}

impl Kind {
    fn of(kind: ErrorKind) -> Result<Self, Fault> {
        Ok(match kind {
            ErrorKind::Invalid => Self::Invalid,
            ErrorKind::Unauthorized => Self::Unauthorized,
            ErrorKind::Forbidden => Self::Forbidden,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::Internal => Self::Internal,
            ErrorKind::Other(own) if moothall_core::ids::is_slug(&own) => Self::Own(own),
            ErrorKind::Other(own) => {
                let message = format!(
                    "the plugin's error is of the kind {:?}, and a kind of its own matches [a-z][a-z0-9-]{{0,49}}",
                    cut(own, KIND_BYTES)
                );
                return Err(Fault::BadOutput(message));
            }
        })
    }

    /// The stable code that drivers see. A kind of the plugin's own gets a prefix, so that it never looks like the host's.
    pub fn code(&self) -> String {
        let code = match self {
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::Own(own) => return format!("plugin:{own}"),
        };
        code.to_owned()
    }

    /// Whether it means a bad request, rather than a failure of the plugin or its platform.
    pub fn means_bad_request(&self) -> bool {
        match self {
            Self::Invalid
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::Conflict => true,
            Self::Unavailable | Self::Internal | Self::Own(_) => false,
        }
    }
}

/// Refuses JSON that the host could not hand on unchanged.
pub fn carried(what: impl FnOnce() -> String, text: &str) -> Result<(), Fault> {
    json::check(text).map_err(|refusal| Fault::BadOutput(refusal.of(&what())))
}

/// The text's first `bytes` bytes, to a character.
pub fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_fault_it_is_and_whether_it_passes_follow_from_what_it_is() {
        let text = || "x".to_owned();
        for (fault, blame, passes) in [
            (Fault::Trap(text()), Blame::Plugin, false),
            (Fault::Limit(text()), Blame::Plugin, false),
            (Fault::Timeout(text()), Blame::Plugin, false),
            (Fault::BadOutput(text()), Blame::Plugin, false),
            (Fault::InstanceBusy, Blame::Nobody, true),
            (Fault::Overloaded("x"), Blame::Nobody, true),
            (Fault::InstanceReplaced, Blame::Nobody, true),
            (Fault::Taken(Taken::Account), Blame::Nobody, true),
            (Fault::Store(text()), Blame::Host, true),
            (Fault::Unsettled, Blame::Host, true),
            (Fault::Host(text()), Blame::Host, false),
        ] {
            assert_eq!((fault.blame(), fault.is_transient()), (blame, passes), "{fault:?}");
        }
    }

    #[test]
    fn a_fault_comes_back_from_a_recording() {
        let text = || "x".to_owned();
        for fault in [
            Fault::Trap(text()),
            Fault::Limit(text()),
            Fault::Timeout(text()),
            Fault::BadOutput(text()),
            Fault::Store(text()),
            Fault::Unsettled,
            Fault::Host(text()),
        ] {
            assert_eq!(Fault::recorded(fault.code(), &fault.to_string()), fault);
        }
    }

    #[test]
    fn an_interface_that_the_component_lacks_is_the_hosts_fault() {
        let fault = Fault::from_engine(&NotExported("routes").into());
        assert_eq!(fault.blame(), Blame::Host);
        assert!(fault.to_string().contains("`routes`"), "{fault}");
        assert_eq!(Fault::from_engine(&wasmtime::Error::msg("x")).blame(), Blame::Plugin);
    }

    #[test]
    fn only_what_the_caller_got_wrong_is_the_callers() {
        for kind in
            [Kind::Invalid, Kind::Unauthorized, Kind::Forbidden, Kind::NotFound, Kind::Conflict]
        {
            assert!(kind.means_bad_request(), "{kind:?}");
        }
        for kind in [Kind::Unavailable, Kind::Internal, Kind::Own("invalid".into())] {
            assert!(!kind.means_bad_request(), "{kind:?}");
        }
    }
}
