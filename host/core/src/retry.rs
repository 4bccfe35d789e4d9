//! When something that failed is tried again, and when the host gives up: one policy for everything that the
//! host retries.
//!
//! Pure arithmetic: it knows neither a clock nor what failed. Every number of failures counts those in a row; a failure
//! that passes (`Fault::is_transient`) is not counted, and is tried again after `TRANSIENT_MS`.

use std::time::Duration;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Wait after a failure that is not counted, in milliseconds.
pub const TRANSIENT_MS: i64 = SECOND_MS;

/// Pause of a task whose write failed, so that what is still due is not tried again at once, and again.
pub const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Stored work that a plugin failed at: events of workers, items of webhooks, closing times of processes.
pub const PLUGIN_WORK: RetryPolicy = RetryPolicy::listed(&[
    SECOND_MS,
    5 * SECOND_MS,
    30 * SECOND_MS,
    2 * MINUTE_MS,
    10 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
]);

/// Guests and tasks in memory that a fault ended: residents, batches of monitoring points, workers that cannot go on.
pub const RESTART: RetryPolicy = RetryPolicy::doubling(SECOND_MS, MINUTE_MS);

/// How long to wait after a failure, by how many there were in a row.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    backoff: Backoff,
    /// A wait is that much shorter or longer at random, in percent.
    jitter_percent: i64,
    /// After so many failures there is no other attempt.
    attempts: u32,
}

#[derive(Clone, Copy, Debug)]
enum Backoff {
    /// Twice as long after each failure, up to a bound. In milliseconds.
    Doubling { first_ms: i64, longest_ms: i64 },
    /// In milliseconds; the last again and again.
    Listed(&'static [i64]),
}

impl RetryPolicy {
    pub const fn doubling(first_ms: i64, longest_ms: i64) -> Self {
        Self::new(Backoff::Doubling { first_ms, longest_ms })
    }

    pub const fn listed(waits_ms: &'static [i64]) -> Self {
        Self::new(Backoff::Listed(waits_ms))
    }

    const fn new(backoff: Backoff) -> Self {
        Self { backoff, jitter_percent: 0, attempts: u32::MAX }
    }

    pub const fn with_jitter_percent(self, jitter_percent: i64) -> Self {
        Self { jitter_percent, ..self }
    }

    /// The same, which gives up after so many attempts.
    pub const fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// The same, which gives up when the last of its listed waits is over and the attempt after it failed.
    pub const fn ending(self) -> Self {
        match self.backoff {
            Backoff::Listed(waits) => self.with_attempts(waits.len() as u32 + 1),
            Backoff::Doubling { .. } => self,
        }
    }

    /// How long to wait after so many failures, without jitter.
    pub fn wait_ms(&self, failures: u32) -> i64 {
        let Some(before) = failures.checked_sub(1) else { return 0 };
        match self.backoff {
            Backoff::Doubling { first_ms, longest_ms } => {
                first_ms.saturating_mul(1 << before.min(32)).min(longest_ms)
            }
            Backoff::Listed(waits) => {
                waits.get(before as usize).or(waits.last()).copied().unwrap_or_default()
            }
        }
    }

    /// The same.
    pub fn wait(&self, failures: u32) -> Duration {
        Duration::from_millis(self.wait_ms(failures).unsigned_abs())
    }

    /// How long to wait after so many failures, with the jitter that `roll` decides; none if they were the last.
    pub fn retry_ms(&self, failures: u32, roll: u16) -> Option<i64> {
        if failures >= self.attempts {
            return None;
        }
        let wait = self.wait_ms(failures);
        let most = wait * self.jitter_percent / 100;
        Some(wait - most + 2 * most * i64::from(roll) / i64::from(u16::MAX))
    }

    /// The longest wait after one failure, after two, …, as far as the waits differ.
    pub fn longest_waits_ms(&self) -> Vec<i64> {
        let mut waits = Vec::new();
        for failures in 1..self.attempts {
            let Some(wait) = self.retry_ms(failures, u16::MAX) else { break };
            if waits.last() == Some(&wait) {
                break;
            }
            waits.push(wait);
        }
        waits
    }

    /// The longest of all waits, without jitter.
    pub const fn longest_ms(&self) -> i64 {
        match self.backoff {
            Backoff::Doubling { longest_ms, .. } => longest_ms,
            Backoff::Listed([.., last]) => *last,
            Backoff::Listed([]) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_waits_end_at_the_longest_whatever_the_number_of_failures() {
        let policy = RetryPolicy::doubling(1_000, 60_000);
        let waits = [0, 1, 2, 3, 6, 7, 101, u32::MAX].map(|failures| policy.wait_ms(failures));
        assert_eq!(waits, [0, 1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
        assert_eq!(policy.wait(2), Duration::from_secs(2));
        assert_eq!(policy.retry_ms(1_000, 0), Some(60_000), "it never gives up");
        assert_eq!(policy.longest_ms(), 60_000);
    }

    #[test]
    fn the_last_listed_wait_comes_again_and_again() {
        let waits = [0, 1, 2, 8, 9, 100].map(|failures| PLUGIN_WORK.wait_ms(failures));
        assert_eq!(waits, [0, 1_000, 5_000, 7_200_000, 7_200_000, 7_200_000]);
        assert_eq!(PLUGIN_WORK.longest_ms(), 7_200_000);
        assert_eq!(PLUGIN_WORK.longest_waits_ms().len(), 8);
    }

    #[test]
    fn a_policy_gives_up_after_its_attempts() {
        let policy = PLUGIN_WORK.ending();
        assert_eq!(policy.retry_ms(8, 0), Some(7_200_000));
        assert_eq!(policy.retry_ms(9, 0), None);
        let policy = PLUGIN_WORK.with_attempts(3);
        let waits = [1, 2, 3].map(|failures| policy.retry_ms(failures, 0));
        assert_eq!(waits, [Some(1_000), Some(5_000), None]);
    }

    #[test]
    fn jitter_is_a_part_of_the_wait_to_both_sides() {
        let policy = RetryPolicy::listed(&[1_000, 2_000]).with_jitter_percent(20).ending();
        assert_eq!((policy.retry_ms(1, 0), policy.retry_ms(1, u16::MAX)), (Some(800), Some(1_200)));
        assert_eq!(policy.longest_waits_ms(), [1_200, 2_400]);
    }
}
