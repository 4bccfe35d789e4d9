//! The only code that reads the wall clock, and how far the host trusts it.
//!
//! A `Clock` is passed to what needs one. Work that is due at a stored time uses `now_ms`; what expires for
//! good at an age uses `trusted_ms`; what is known only in memory uses `monotonic`. Timeouts and
//! measurements use `Instant` and tokio's timers instead.

mod moment;
mod monotonic;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
pub use moothall_values::moment::A_MOMENT;
use moothall_values::moment::is_rfc3339;

pub use moment::Moment;
pub use monotonic::Monotonic;
pub use watch::{ClockWatch, Trust};

/// How often a driven clock reads its file.
const DRIVEN_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The CPU time of the calling thread.
pub fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Tells the time: the system's, or one that a test moves.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
    began: Instant,
    trusted: Arc<TrustedTime>,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    /// The system's, moved by a test.
    Driven(Arc<Driven>),
}

/// In milliseconds.
#[derive(Debug, Default)]
struct Driven {
    /// Time that passed for the test: wall clock and monotonic clock are that much ahead.
    passed: AtomicI64,
    /// How far the wall clock alone was set forward, or back.
    stepped: AtomicI64,
}

/// How far the host trusts the wall clock; `ClockWatch` writes it, everybody reads it.
#[derive(Debug)]
struct TrustedTime {
    /// The trusted time at which the process began: the trusted time is at most this plus the time that has
    /// passed since.
    base: AtomicI64,
    /// Steps of the wall clock so far.
    steps: AtomicU64,
}

impl Clock {
    pub fn system() -> Self {
        Self::of(Source::System)
    }

    /// The system's clock, moved by the numbers in `file`, which is read repeatedly: with it tests move the
    /// time of a whole host. The first number is how many milliseconds have passed; the optional second, by how
    /// many the wall clock alone was set forward.
    pub fn driven_by(file: PathBuf) -> std::io::Result<Self> {
        let driven = Arc::new(Driven::default());
        let shared = driven.clone();
        shared.read(&file);
        let read = move || loop {
            std::thread::sleep(DRIVEN_POLL_INTERVAL);
            shared.read(&file);
        };
        std::thread::Builder::new().name("driven-clock".into()).spawn(read)?;
        Ok(Self::of(Source::Driven(driven)))
    }

    fn of(source: Source) -> Self {
        let trusted = TrustedTime { base: AtomicI64::new(i64::MAX), steps: AtomicU64::new(0) };
        Self { source, began: Instant::now(), trusted: Arc::new(trusted) }
    }

    /// The wall clock: milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        let (passed, stepped) = self.moved();
        wall_ms() + passed + stepped
    }

    /// The time that has passed, whatever the wall clock is set to: for what is known only in memory.
    pub fn monotonic(&self) -> Monotonic {
        Monotonic::of_ms(self.since_began() + self.moved().0)
    }

    /// The trusted time: for what expires. After a step forward it goes on as before, until the wall clock has
    /// been steady.
    pub fn trusted_ms(&self) -> i64 {
        let (wall, monotonic) = self.both();
        wall.min(self.trusted.base.load(Ordering::Relaxed).saturating_add(monotonic))
    }

    /// How often the wall clock was set. Due times that were stored before may be far away.
    pub fn steps(&self) -> u64 {
        self.trusted.steps.load(Ordering::Relaxed)
    }

    /// Wall clock and monotonic time of one moment.
    fn both(&self) -> (i64, i64) {
        let (passed, stepped) = self.moved();
        (wall_ms() + passed + stepped, self.since_began() + passed)
    }

    fn since_began(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// How far a test moved both clocks, and the wall clock alone.
    fn moved(&self) -> (i64, i64) {
        match &self.source {
            Source::System => (0, 0),
            Source::Driven(driven) => {
                let (passed, stepped) = (&driven.passed, &driven.stepped);
                (passed.load(Ordering::Relaxed), stepped.load(Ordering::Relaxed))
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the home of the wall clock")]
fn wall_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

impl Driven {
    fn read(&self, file: &Path) {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let mut numbers = text.split_whitespace().map(str::parse);
        if let Some(Ok(passed)) = numbers.next() {
            self.passed.store(passed, Ordering::Relaxed);
        }
        if let Some(Ok(stepped)) = numbers.next() {
            self.stepped.store(stepped, Ordering::Relaxed);
        }
    }
}

/// The time of an RFC 3339 text, in milliseconds since the Unix epoch.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let moment = text.parse::<Timestamp>().ok().filter(|_| is_rfc3339(text))?;
    Some(moment.as_millisecond())
}

/// The time of an HTTP date (`Wed, 21 Oct 2015 07:28:00 GMT`), in milliseconds since the Unix epoch.
pub fn parse_http_date(text: &str) -> Option<i64> {
    let parsed = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(parsed.timestamp().as_millisecond())
}

/// RFC 3339, with milliseconds, in UTC. A time that RFC 3339 cannot express becomes empty.
pub fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map(|time| format!("{time:.3}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use moothall_values::moment;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_is_written_with_its_milliseconds() {
        assert_eq!(rfc3339(1_619_102_376_535), "2021-04-22T14:39:36.535Z");
    }

    #[test]
    fn every_moment_is_a_time_and_nothing_else_is() {
        for good in moment::MOMENTS {
            assert!(parse_rfc3339(good).is_some(), "{good}");
        }
        for bad in moment::NO_MOMENTS {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }

    proptest! {
        /// What the SDK writes, the host reads as the same time, and the other way round.
        #[test]
        fn plugins_and_the_host_mean_the_same_moment(ms in YEAR_0..=YEAR_9999) {
            let read = moment::Moment::parse(&rfc3339(ms)).expect("a moment");
            let millisecond = read.second() * 1_000 + i64::from(read.nanosecond() / 1_000_000);
            prop_assert_eq!(millisecond, ms);
            prop_assert_eq!(parse_rfc3339(&read.to_string()), Some(ms));
        }
    }

    /// The first and the last millisecond of which both can speak.
    const YEAR_0: i64 = -62_167_219_200_000;
    const YEAR_9999: i64 = 253_402_207_199_999;
}
