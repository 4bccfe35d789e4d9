//! Compares the wall clock with the monotonic one: notices when it was set, and decides how far the host trusts
//! it.

use std::sync::atomic::Ordering;

use super::Clock;

/// Setting the wall clock back by this much is a step, in milliseconds.
const BACK_MS: i64 = 2_000;

/// When a wall clock that was set is trusted.
#[derive(Clone, Copy, Debug)]
pub struct Trust {
    /// How far it may jump forward and be trusted at once, in milliseconds.
    pub step_ms: i64,
    /// How long it must have been steady after a larger jump, in milliseconds; 0: it is always trusted.
    pub steady_ms: i64,
}

/// Reads both clocks repeatedly; one for each `Clock`.
pub struct ClockWatch {
    clock: Clock,
    trust: Trust,
    /// Wall and monotonic time of the last poll.
    last: (i64, i64),
    doubt: Option<Doubt>,
}

/// The wall clock is ahead of the trusted time.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    ahead_ms: i64,
    /// Monotonic time.
    since: i64,
}

impl ClockWatch {
    /// `seen`: the last trusted time of the process before this one, if there was one.
    pub fn new(clock: Clock, seen: Option<i64>, trust: Trust) -> Self {
        let last @ (wall, monotonic) = clock.both();
        let mut watch = Self { clock, trust, last, doubt: None };
        if trust.steady_ms > 0 {
            let trusted = seen.unwrap_or(wall).min(wall);
            watch.trust_from(trusted - monotonic);
            watch.follow(wall, monotonic);
            watch.say_lag();
        }
        watch
    }

    /// Every host that was off for a while logs this at start.
    fn say_lag(&self) {
        if let Some(doubt) = self.doubt {
            let (ahead_ms, steady_ms) = (doubt.ahead_ms, self.trust.steady_ms);
            tracing::info!(
                ahead_ms,
                steady_ms,
                "the host was off, or the system's clock was set: nothing is ended or removed for its age \
                 until the clock has been steady"
            );
        }
    }

    /// Reads both clocks, and trusts the wall clock or no longer.
    pub fn poll(&mut self) {
        let (wall, monotonic) = self.clock.both();
        let step = (wall - self.last.0) - (monotonic - self.last.1);
        self.last = (wall, monotonic);
        if self.trust.steady_ms > 0 {
            self.follow(wall, monotonic);
        }
        if step > self.trust.step_ms || step < -BACK_MS {
            self.say_step(step);
            self.clock.trusted.steps.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn say_step(&self, by_ms: i64) {
        match self.doubt {
            None => tracing::warn!(by_ms, "the system's clock was set"),
            Some(doubt) => tracing::warn!(
                by_ms,
                ahead_ms = doubt.ahead_ms,
                steady_ms = self.trust.steady_ms,
                "the system's clock was set and is ahead of the time that has passed: nothing is ended or \
                 removed for its age until it has been steady"
            ),
        }
    }

    fn follow(&mut self, wall: i64, monotonic: i64) {
        let base = self.clock.trusted.base.load(Ordering::Relaxed);
        let ahead_ms = wall - base.saturating_add(monotonic);
        if ahead_ms <= self.trust.step_ms {
            self.doubt = None;
            self.trust_from(wall - monotonic);
            return;
        }
        let known = self.doubt.filter(|doubt| {
            let moved = ahead_ms.abs_diff(doubt.ahead_ms);
            moved <= self.trust.step_ms.unsigned_abs()
        });
        let Some(doubt) = known else {
            self.doubt = Some(Doubt { ahead_ms, since: monotonic });
            return;
        };
        if monotonic - doubt.since >= self.trust.steady_ms {
            tracing::info!("the system's clock has been steady; it is believed");
            self.doubt = None;
            self.trust_from(wall - monotonic);
        }
    }

    fn trust_from(&self, base: i64) {
        self.clock.trusted.base.store(base, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Driven, Source};
    use super::*;

    const DAY_S: i64 = 24 * 60 * 60;
    const DAY_MS: i64 = DAY_S * 1000;
    const TRUST: Trust = Trust { step_ms: 60_000, steady_ms: 600_000 };

    fn driven() -> (Clock, Arc<Driven>) {
        let driven = Arc::new(Driven::default());
        (Clock::of(Source::Driven(driven.clone())), driven)
    }

    /// How far the wall clock is ahead of the trusted time, in seconds.
    fn lag_s(clock: &Clock) -> i64 {
        let trusted = clock.trusted_ms();
        (clock.now_ms() - trusted + 500).div_euclid(1_000)
    }

    #[test]
    fn time_that_passes_is_trusted_and_a_step_forward_only_once_it_has_been_steady() {
        let (clock, driven) = driven();
        let mut watch = ClockWatch::new(clock.clone(), None, TRUST);
        driven.passed.store(40 * DAY_MS, Ordering::Relaxed);
        watch.poll();
        assert_eq!((lag_s(&clock), clock.steps()), (0, 0));

        driven.stepped.store(10 * DAY_MS, Ordering::Relaxed);
        assert_eq!(lag_s(&clock), 10 * DAY_S, "also before anybody has looked");
        watch.poll();
        assert_eq!((lag_s(&clock), clock.steps()), (10 * DAY_S, 1));
        driven.passed.fetch_add(599_000, Ordering::Relaxed);
        watch.poll();
        assert_eq!(lag_s(&clock), 10 * DAY_S);
        driven.passed.fetch_add(10_000, Ordering::Relaxed);
        watch.poll();
        assert_eq!((lag_s(&clock), clock.steps()), (0, 1));
    }

    #[test]
    fn a_clock_that_is_set_right_again_has_changed_nothing() {
        let (clock, driven) = driven();
        let mut watch = ClockWatch::new(clock.clone(), None, TRUST);
        let before = clock.trusted_ms();
        driven.stepped.store(10 * DAY_MS, Ordering::Relaxed);
        watch.poll();
        driven.stepped.store(0, Ordering::Relaxed);
        watch.poll();
        assert_eq!(clock.steps(), 2);
        assert_eq!((clock.trusted_ms() - before) / 10_000, 0);
        assert_eq!(lag_s(&clock), 0);
    }

    #[test]
    fn a_step_back_is_trusted_at_once() {
        let (clock, driven) = driven();
        let mut watch = ClockWatch::new(clock.clone(), None, TRUST);
        driven.stepped.store(-DAY_MS, Ordering::Relaxed);
        assert_eq!(lag_s(&clock), 0);
        watch.poll();
        assert_eq!((lag_s(&clock), clock.steps()), (0, 1));
    }

    #[test]
    fn after_a_start_time_goes_on_where_it_was_last_seen() {
        let (clock, driven) = driven();
        let seen = clock.now_ms();
        driven.stepped.store(10 * DAY_MS, Ordering::Relaxed);
        let mut watch = ClockWatch::new(clock.clone(), Some(seen), TRUST);
        assert_eq!(lag_s(&clock), 10 * DAY_S);
        driven.passed.store(700_000, Ordering::Relaxed);
        watch.poll();
        assert_eq!(lag_s(&clock), 0);
    }
}
