//! What a guest gets when an import refuses: an `error` of the contract, never a trap.

use moothall_values::json;

use super::bindings::{Error, ErrorKind};
use super::fault::Fault;

pub fn error(kind: ErrorKind, message: impl Into<String>) -> Error {
    let retryable = matches!(kind, ErrorKind::Unavailable);
    Error { kind, message: message.into(), details: None, retryable }
}

/// Refuses JSON that the host could not hand on unchanged.
pub fn carried(what: impl FnOnce() -> String, text: &str) -> Result<(), Error> {
    json::check(text).map_err(|refusal| error(ErrorKind::Invalid, refusal.of(&what())))
}

/// The error that a guest sees when its call is going to end with `fault`; it says nothing of the host's inside.
pub fn fatal_error(fault: &Fault) -> Error {
    match fault {
        Fault::InstanceReplaced => error(ErrorKind::Conflict, fault.to_string()),
        Fault::InstanceBusy | Fault::Overloaded(_) => {
            error(ErrorKind::Unavailable, fault.to_string())
        }
        _ => error(
            ErrorKind::Unavailable,
            "the host cannot do this now; the call ends with an error",
        ),
    }
}
