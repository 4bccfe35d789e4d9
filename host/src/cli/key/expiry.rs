//! The times that `moothall key` is given: moments, or whiles from now.

use std::str::FromStr;

use crate::http::MOST_KEPT_HOURS;
use moothall_core::clock::parse_rfc3339;

const HOUR_MS: i64 = 60 * 60 * 1000;
/// The longest while, in hours: a hundred years.
const MOST_HOURS: i64 = 100 * 366 * 24;

/// When a key ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expiry {
    At(i64),
    /// Milliseconds from now.
    In(i64),
}

impl Expiry {
    pub fn after(self, now: i64) -> i64 {
        match self {
            Self::At(at) => at,
            Self::In(ms) => now + ms,
        }
    }
}

impl FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = parse_rfc3339(text).map(Self::At);
        at.or_else(|| Some(Self::In(hours(text)? * HOUR_MS))).ok_or_else(|| {
            "write a time, `2027-01-31T12:00:00Z`, or a while from now, `12h` or `90d`".to_owned()
        })
    }
}

/// How long a replaced secret still counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept(i64);

impl Kept {
    pub fn after(self, now: i64) -> i64 {
        now + self.0
    }
}

impl FromStr for Kept {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hours = hours(text).filter(|hours| *hours <= i64::from(MOST_KEPT_HOURS));
        let kept = hours.map(|hours| Self(hours * HOUR_MS));
        kept.ok_or_else(|| "write hours or days, `24h` or `7d`, at most `30d`".to_owned())
    }
}

fn hours(text: &str) -> Option<i64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: i64 =
        digits.parse().ok().filter(|_| digits.bytes().all(|one| one.is_ascii_digit()))?;
    let hours = match unit {
        "h" => Some(number),
        "d" => number.checked_mul(24),
        _ => None,
    };
    hours.filter(|hours| *hours <= MOST_HOURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_whiles_are_read() {
        assert_eq!("12h".parse(), Ok(Expiry::In(12 * HOUR_MS)));
        assert_eq!("90d".parse(), Ok(Expiry::In(90 * 24 * HOUR_MS)));
        assert_eq!("1970-01-01T00:00:01Z".parse(), Ok(Expiry::At(1_000)));
        assert_eq!("0h".parse(), Ok(Kept(0)));
        for wrong in ["", "h", "1", "-1h", "+1h", "1m", "99999999999d", "9223372036854775807d", "ü"]
        {
            assert!(wrong.parse::<Expiry>().is_err(), "{wrong}");
        }
        assert!("31d".parse::<Kept>().is_err());
    }
}
