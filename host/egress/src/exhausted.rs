//! Which resource the host itself lacks: then a failed request says nothing about its receiver.

use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::io::Errno;
use tokio::task::JoinHandle;

/// A path that can be opened if a descriptor is free.
const PROBE: &str = "/dev/null";

/// The missing resource, if one of the error's causes names it.
pub fn among<'a>(
    mut causes: impl Iterator<Item = &'a (dyn Error + 'static)>,
) -> Option<&'static str> {
    causes.find_map(|cause| of_io(cause.downcast_ref::<io::Error>()?))
}

/// The missing resource, if this error names it.
pub fn of_io(error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error)? {
        Errno::MFILE | Errno::NFILE => {
            Some("it has no file descriptor left; raise its limit (LimitNOFILE, ulimit -n)")
        }
        Errno::NOMEM | Errno::NOBUFS => Some("the system gives it no memory"),
        Errno::AGAIN => Some("the system gives it no thread"),
        Errno::ADDRNOTAVAIL => Some("it has no local address or port left"),
        _ => None,
    }
}

/// A resolver does not say why it could send no query, so this tries whether a descriptor is free.
pub fn descriptors() -> Option<&'static str> {
    of_io(&std::fs::File::open(PROBE).err()?)
}

/// Starts a blocking task; an error if there is no thread for it.
pub fn spawn_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let spawned = catch_unwind(AssertUnwindSafe(|| tokio::task::spawn_blocking(work)));
    spawned.map_err(|_| Errno::AGAIN.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_from_what_went_wrong() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::ADDRNOTAVAIL]
        {
            assert!(of_io(&errno.into()).is_some(), "{errno}");
        }
        for errno in [Errno::CONNREFUSED, Errno::HOSTUNREACH, Errno::TIMEDOUT, Errno::CONNRESET] {
            assert_eq!(of_io(&errno.into()), None, "{errno}");
        }
        assert_eq!(descriptors(), None);
    }
}
