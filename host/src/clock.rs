//! Wall-clock time, the only place that reads it.
//!
//! A clock is passed to what needs one; a test's clock stands still until it is moved. Durations
//! (timeouts, measurements) use `Instant` and tokio's timers, not this.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use std::time::Duration;

use jiff::Timestamp;

/// How often a driven clock looks into its file.
const DRIVEN_LOOK: Duration = Duration::from_millis(10);

/// CPU time of the thread that asks.
pub fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Tells the time: the system's, or one that a test moves.
#[derive(Clone, Debug)]
pub enum Clock {
    System,
    /// Milliseconds since the Unix epoch.
    Manual(Arc<AtomicI64>),
    /// The system's, so many milliseconds ahead.
    Ahead(Arc<AtomicI64>),
}

impl Clock {
    pub fn system() -> Self {
        Self::System
    }

    /// The system's clock ahead by the milliseconds that stand in `file`, read again and again: how
    /// tests drive the time of a whole host.
    pub fn driven_by(file: PathBuf) -> std::io::Result<Self> {
        let ahead = Arc::new(AtomicI64::new(0));
        let shared = ahead.clone();
        let read = move || loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Ok(ms) = text.trim().parse() {
                shared.store(ms, Ordering::Relaxed);
            }
            std::thread::sleep(DRIVEN_LOOK);
        };
        std::thread::Builder::new().name("driven-clock".into()).spawn(read)?;
        Ok(Self::Ahead(ahead))
    }

    /// Milliseconds since the Unix epoch.
    #[expect(clippy::disallowed_methods, reason = "this is the home of the wall clock")]
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => Timestamp::now().as_millisecond(),
            Self::Manual(now) => now.load(Ordering::Relaxed),
            Self::Ahead(ahead) => Timestamp::now().as_millisecond() + ahead.load(Ordering::Relaxed),
        }
    }
}

/// The time that an RFC 3339 text says, in milliseconds since the Unix epoch.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// The time that an HTTP date says (`Wed, 21 Oct 2015 07:28:00 GMT`), in milliseconds since the Unix epoch.
pub fn parse_http_date(text: &str) -> Option<i64> {
    let parsed = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(parsed.timestamp().as_millisecond())
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
