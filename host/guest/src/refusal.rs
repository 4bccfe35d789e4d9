//! What a guest is told when an import refuses: an `error` of the contract, never a trap.

use moothall_values::json;

use super::bindings::{Error, ErrorKind};
use super::fault::Fault;

pub fn error(kind: ErrorKind, message: impl Into<String>) -> Error {
    let retryable = matches!(kind, ErrorKind::Unavailable);
    Error { kind, message: message.into(), details: None, retryable }
}

/// Refuses what the host could not give back as it is.
pub fn carried(what: impl FnOnce() -> String, text: &str) -> Result<(), Error> {
    json::check(text).map_err(|refusal| error(ErrorKind::Invalid, refusal.of(&what())))
}

/// What a guest is told about a fault that ends its call anyway: not what went wrong inside.
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
