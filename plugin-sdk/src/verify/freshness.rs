//! Limits the age of a signature, so that a recorded webhook cannot be sent again for ever.

use std::time::SystemTime;

use crate::{Error, Result};

/// The largest difference between a signed timestamp and now, in seconds.
const TOLERANCE_S: u64 = 300;

/// Refuses a timestamp (seconds after 1970) that is too far from now.
pub fn check(timestamp: &str, now_s: u64) -> Result<()> {
    let fresh = timestamp.parse().is_ok_and(|then: u64| then.abs_diff(now_s) <= TOLERANCE_S);
    if fresh {
        Ok(())
    } else {
        Err(Error::unauthorized("the webhook's timestamp is too far from now"))
    }
}

#[expect(clippy::disallowed_methods, reason = "a guest has no other clock than its host's")]
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs())
}
