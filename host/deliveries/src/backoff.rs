//! When a delivery is sent again. Pure: knows neither clock nor store.

use moothall_core::clock::parse_http_date;
use moothall_core::retry::RetryPolicy;
use moothall_store::{FIRST_NOTICE_MS, Waits};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// After the last attempt a delivery is dead.
const RETRY: RetryPolicy = RetryPolicy::listed(&[
    5 * SECOND_MS,
    30 * SECOND_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
])
.with_jitter_percent(20)
.ending();
/// The longest wait for which a receiver may ask.
const RETRY_AFTER_MS: i64 = 10 * HOUR_MS;
/// The shortest wait, whatever the receiver says.
const LEAST_MS: i64 = SECOND_MS;

/// How long to wait after so many failed attempts, with the jitter that `roll` decides; none: the delivery is dead.
pub fn wait_ms(failed: u32, roll: u16) -> Option<i64> {
    RETRY.retry_ms(failed, roll)
}

/// How long deliveries wait.
pub fn waits() -> Waits {
    Waits {
        untried_ms: FIRST_NOTICE_MS,
        after_ms: RETRY.longest_waits_ms(),
        asked_ms: RETRY_AFTER_MS,
    }
}

/// The wait for which a receiver asks in `Retry-After`: seconds, or a date.
pub fn retry_after_ms(header: &str, now: i64) -> Option<i64> {
    let header = header.trim();
    let asked = match header.parse::<u32>() {
        Ok(seconds) => i64::from(seconds) * SECOND_MS,
        Err(_) => parse_http_date(header)?.saturating_sub(now),
    };
    Some(asked.clamp(LEAST_MS, RETRY_AFTER_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        assert_eq!(wait_ms(1, 0), Some(4_000));
        assert_eq!(wait_ms(1, u16::MAX), Some(6_000));
        assert_eq!(wait_ms(10, u16::MAX / 2).map(|ms| ms / HOUR_MS), Some(23));
        assert_eq!(wait_ms(11, 0), None);
        let longest: i64 = (1..=10).filter_map(|failed| wait_ms(failed, u16::MAX)).sum();
        assert!(longest < 4 * 24 * HOUR_MS, "every attempt comes before a delivery expires");
    }

    #[test]
    fn a_receiver_may_say_when() {
        let now = 1_445_412_000_000; // 2015-10-21T07:20:00Z
        assert_eq!(retry_after_ms("120", now), Some(120_000));
        assert_eq!(retry_after_ms("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(480_000));
        assert_eq!(retry_after_ms("Wed, 21 Oct 2015 07:00:00 GMT", now), Some(LEAST_MS));
        assert_eq!(retry_after_ms("4294967295", now), Some(RETRY_AFTER_MS));
        assert_eq!(retry_after_ms("0", now), Some(LEAST_MS));
        assert_eq!(retry_after_ms("soon", now), None);
        assert_eq!(retry_after_ms("-5", now), None);
    }
}
