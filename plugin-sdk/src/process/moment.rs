//! A moment in RFC 3339, always in UTC.

use std::time::{Duration, SystemTime};

use crate::{Error, Result};

const DAY_S: u64 = 86_400;

/// The moment `duration` from now, to the second.
#[expect(clippy::disallowed_methods, reason = "a guest has no other clock than its host's")]
pub fn from_now(duration: Duration) -> Result<String> {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let then = since_1970.checked_add(duration).map(|then| then.as_secs());
    then.and_then(rfc3339).ok_or_else(|| Error::invalid("the closing time is after the year 9999"))
}

/// The seconds since 1970 as text; none after the year 9999, which has five digits.
fn rfc3339(second: u64) -> Option<String> {
    let (mut day, in_day) = (second / DAY_S, second % DAY_S);
    let mut year = 1970;
    while day >= days_of(year) {
        day -= days_of(year);
        year += 1;
        if year > 9_999 {
            return None;
        }
    }
    let (month, day) = month_and_day(year, day);
    let (hour, minute, second) = (in_day / 3_600, in_day / 60 % 60, in_day % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

fn month_and_day(year: u64, mut day: u64) -> (usize, u64) {
    let february = if is_leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    (month + 1, day + 1)
}

fn days_of(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{from_now, rfc3339};

    #[test]
    fn seconds_are_dates() {
        for (second, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(second).as_deref(), Some(text));
        }
        assert!(from_now(Duration::MAX).is_err());
        assert!(from_now(Duration::from_secs(60)).is_ok_and(|moment| moment.starts_with("20")));
    }
}
