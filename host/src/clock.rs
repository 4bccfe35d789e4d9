//! Wall-clock time, the only place that reads it.
//!
//! A clock is passed to what needs one; a test's clock stands still until it is moved. Durations
//! (timeouts, measurements) use `Instant` and tokio's timers, not this.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Tells the time: the system's, or one that a test moves.
#[derive(Clone, Debug)]
pub enum Clock {
    System,
    /// Milliseconds since the Unix epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    pub fn system() -> Self {
        Self::System
    }

    /// Milliseconds since the Unix epoch.
    #[expect(clippy::disallowed_methods, reason = "this is the home of the wall clock")]
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => Timestamp::now().as_millisecond(),
            Self::Manual(now) => now.load(Ordering::Relaxed),
        }
    }
}

/// RFC 3339, with milliseconds, in UTC. A time beyond what RFC 3339 can say becomes empty.
pub fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map(|time| format!("{time:.3}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still() {
        let clock = Clock::Manual(Arc::new(AtomicI64::new(1_619_102_376_535)));
        assert_eq!(rfc3339(clock.now_ms()), "2021-04-22T14:39:36.535Z");
    }
}
