//! How a call into a guest can go wrong, and whose fault that is.
//!
//! A plugin's own refusal is not a fault: it is a `GuestError`. Statuses are chosen in
//! `http/error.rs`, not here.

use wasmtime::Trap;

use super::bindings::{Error, ErrorKind};
use crate::store::Taken;

/// An error that the plugin itself returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestError {
    /// As in WIT: `invalid`, `not-found`, …, or a kind of the plugin's own.
    pub kind: String,
    pub message: String,
    pub details: Option<String>,
    pub retryable: bool,
}

/// Longest message of a guest's error that is kept, in bytes.
const MESSAGE_BYTES: usize = 4 << 10;
/// How wasmtime says that a guest handed over more than `hostcall_bytes`; it has no type for it,
/// and a test sees that the words are still these.
const HOSTCALL_FUEL: &str = "fuel allocated for hostcalls";
/// Longest details of a guest's error that are kept, in bytes; longer ones are left out.
const DETAILS_BYTES: usize = 64 << 10;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    // --- the plugin's
    #[error("the plugin trapped: {0}")]
    Trap(String),
    #[error("the plugin exceeded its limit of {0}")]
    Limit(String),
    #[error("the plugin used up its {0}")]
    Timeout(String),
    #[error("{0}")]
    BadOutput(String),

    // --- nobody's: try again
    #[error("the instance is busy with other calls")]
    InstanceBusy,
    #[error("the host is overloaded: {0}")]
    Overloaded(&'static str),
    #[error("the instance was reconfigured or disabled during the call; nothing was stored")]
    InstanceReplaced,
    #[error("{0} is already taken; nothing was stored")]
    Taken(Taken),

    // --- the host's
    #[error("the store is not available: {0}")]
    Store(String),
    #[error("the store did not answer in time, and what was to be stored may be yet")]
    Unsettled,
    #[error("the host failed: {0}")]
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

    /// What wasmtime says about a call that ended without the guest's own doing.
    pub fn from_engine(error: &wasmtime::Error) -> Self {
        if let Some(NotInstantiated(cause)) = error.downcast_ref() {
            return Self::Host(format!("a sandbox cannot be made: {cause}"));
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return Self::Trap(trap_name(*trap));
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

/// The host's own failure before the guest began: no memory, for one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotInstantiated(String);

/// Tells what a start function did (a trap) and a full pool from what the host failed to do.
pub fn while_instantiating(error: wasmtime::Error) -> wasmtime::Error {
    let known = error.is::<Trap>() || error.is::<wasmtime::PoolConcurrencyLimitError>();
    if known { error } else { NotInstantiated(format!("{error:#}")).into() }
}

fn trap_name(trap: Trap) -> String {
    match trap {
        Trap::StackOverflow => "its stack overflowed".into(),
        Trap::UnreachableCodeReached => "it panicked or aborted (see its log)".into(),
        other => other.to_string(),
    }
}

impl From<Error> for GuestError {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::Invalid => "invalid",
            ErrorKind::Unauthorized => "unauthorized",
            ErrorKind::Forbidden => "forbidden",
            ErrorKind::NotFound => "not-found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Internal => "internal",
            ErrorKind::Other(ref own) if crate::ids::is_slug(own) => own,
            ErrorKind::Other(_) => "other",
        };
        Self {
            kind: kind.to_owned(),
            message: cut(error.message, MESSAGE_BYTES),
            details: error.details.filter(|details| details.len() <= DETAILS_BYTES),
            retryable: error.retryable,
        }
    }
}

/// The text's first `bytes` bytes, to a character.
pub fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}
