//! Moments in RFC 3339: the one way in which the host and the SDK read and write them.

use std::fmt;

/// The description of a valid moment, for error messages.
pub const A_MOMENT: &str = "a time as RFC 3339 has it, with seconds and an offset from UTC: 2026-01-31T12:00:00Z, or 2026-01-31T13:00:00+01:00";

/// A point in time between the years 0 and 9999, in UTC. Its text has the fraction of a second that it needs, and no
/// more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Since 1970-01-01T00:00:00Z.
    second: i64,
    /// Within the second.
    nanosecond: u32,
}

const DAY_S: i64 = 86_400;
const SECOND_NS: u32 = 1_000_000_000;
/// 0000-01-01T00:00:00Z.
const FIRST_S: i64 = -62_167_219_200;
/// 9999-12-31T23:59:59Z.
const LAST_S: i64 = 253_402_300_799;

impl Moment {
    /// 9999-12-31T23:59:59Z.
    pub const LAST: Moment = Moment { second: LAST_S, nanosecond: 0 };

    /// None for a year that RFC 3339 cannot say, and for a nanosecond that is none.
    pub fn new(second: i64, nanosecond: u32) -> Option<Moment> {
        let fits = (FIRST_S..=LAST_S).contains(&second) && nanosecond < SECOND_NS;
        fits.then_some(Moment { second, nanosecond })
    }

    /// Reads a text. Of a fraction, what is below a nanosecond is cut off; a leap second is the second before it.
    pub fn parse(text: &str) -> Option<Moment> {
        let Written { year, month, day, minute_of_day, second, fraction, ahead } = read(text)?;
        let days = days_before(year.into()) + i64::from(day_of_year(year, month, day));
        let minutes = i64::from(minute_of_day) - i64::from(ahead);
        let second = days * DAY_S + minutes * 60 + i64::from(second.min(59));
        Moment::new(second, nanoseconds(fraction))
    }

    /// The seconds since 1970-01-01T00:00:00Z.
    pub fn second(self) -> i64 {
        self.second
    }

    /// The nanoseconds since the second.
    pub fn nanosecond(self) -> u32 {
        self.nanosecond
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, in_day) = (self.second.div_euclid(DAY_S), self.second.rem_euclid(DAY_S));
        let (year, month, day) = date(day);
        let (hour, minute, second) = (in_day / 3_600, in_day / 60 % 60, in_day % 60);
        write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanosecond > 0 {
            let digits = format!("{:09}", self.nanosecond);
            write!(formatter, ".{}", digits.trim_end_matches('0'))?;
        }
        formatter.write_str("Z")
    }
}

/// Whether a text is a moment: an existing date, a time, and an offset from UTC.
pub fn is_rfc3339(text: &str) -> bool {
    read(text).is_some()
}

/// The parts of a valid text.
struct Written<'t> {
    year: u32,
    month: u32,
    day: u32,
    minute_of_day: u32,
    second: u32,
    /// The digits after the point.
    fraction: &'t str,
    /// How many minutes the offset is ahead of UTC.
    ahead: i32,
}

fn read(text: &str) -> Option<Written<'_>> {
    let (moment, rest) = text.split_at_checked("0000-00-00T00:00:00".len())?;
    let (fraction, offset) = split_fraction(rest)?;
    if !has_shape(moment, "0000-00-00T00:00:00") {
        return None;
    }
    let number = |from: usize, to: usize| moment[from..to].parse().unwrap_or(u32::MAX);
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let (hour, minute, second) = (number(11, 13), number(14, 16), number(17, 19));
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let ahead = minutes_ahead(offset)?;
    let minute_of_day = hour * 60 + minute;
    // A leap second is only at the end of a day in UTC.
    let in_utc = (minute_of_day + 24 * 60).wrapping_add_signed(-ahead) % (24 * 60);
    let is_right = is_date && is_time && (second < 60 || in_utc == 23 * 60 + 59);
    is_right.then_some(Written { year, month, day, minute_of_day, second, fraction, ahead })
}

fn nanoseconds(fraction: &str) -> u32 {
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}

/// The days from 1970-01-01 to the first day of a year; negative before.
fn days_before(year: i64) -> i64 {
    let leap_days = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * (year - 1970) + leap_days(year - 1) - leap_days(1969)
}

/// The days of the year before this one.
fn day_of_year(year: u32, month: u32, day: u32) -> u32 {
    (1..month).map(|earlier| days_of(year, earlier)).sum::<u32>() + day - 1
}

/// Year, month and day of the day that is so many days after 1970-01-01.
fn date(day: i64) -> (u32, u32, u32) {
    // A year has 365 days or 366, so that this one is never too late: after 1970 by the one, before it by the other.
    let mut year = 1970 + day.div_euclid(366).min(day.div_euclid(365));
    while days_before(year + 1) <= day {
        year += 1;
    }
    let mut left = u32::try_from(day - days_before(year)).unwrap_or(0);
    let (year, mut month) = (u32::try_from(year).unwrap_or(0), 1);
    while left >= days_of(year, month) {
        left -= days_of(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

/// The digits of the fraction of a second, if there are any, and what follows them.
fn split_fraction(rest: &str) -> Option<(&str, &str)> {
    let Some(fraction) = rest.strip_prefix('.') else { return Some(("", rest)) };
    let offset = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &fraction[..fraction.len() - offset.len()];
    (!digits.is_empty()).then_some((digits, offset))
}

fn minutes_ahead(offset: &str) -> Option<i32> {
    if has_shape(offset, "Z") {
        return Some(0);
    }
    let sign = if has_shape(offset, "+00:00") { 1 } else { -1 };
    if sign < 0 && !has_shape(offset, "-00:00") {
        return None;
    }
    let (hours, minutes): (i32, i32) = (offset[1..3].parse().ok()?, offset[4..6].parse().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// In `shape`, `0` stands for a digit, and a letter for itself in either case.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(found, expected)| match expected {
            b'0' => found.is_ascii_digit(),
            _ => found.eq_ignore_ascii_case(&expected),
        })
}

fn days_of(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Examples for the tests of code that reads moments: valid ones and invalid ones.
pub const MOMENTS: [&str; 7] = [
    "2021-06-20T12:00:00Z",
    "2021-06-20t12:00:00.25+02:00",
    "2021-06-20T12:00:00z",
    "2024-02-29T23:59:59-23:59",
    "2021-06-20T12:00:00.123456789Z",
    "2016-12-31T23:59:60Z",
    "2017-01-01T00:59:60+01:00",
];
pub const NO_MOMENTS: [&str; 18] = [
    "",
    "tomorrow",
    "2021-06-20",
    "2021-06-20T12:00:00",
    "2021-06-20T12:00:00ä",
    "2021-06-20T12:00Z",
    "2021-06-20T12:00:00+25:00",
    "2021-06-20T12:00:00+24:00",
    "2021-06-20T12:00:00+02:60",
    "2021-06-20T12:00:00+0200",
    "2021-06-20T12:00:00+02",
    "2021-06-20 12:00:00Z",
    "2021-06-20T12:00:00.Z",
    "2021-06-20T24:00:00Z",
    "2021-02-29T12:00:00Z",
    "2021-06-20T12:00:60Z",
    "+2021-06-20T12:00:00Z",
    "2021-06-20T12:00:00Z[Europe/Berlin]",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_a_time_and_an_offset() {
        for good in MOMENTS {
            assert!(is_rfc3339(good), "{good}");
        }
        for bad in NO_MOMENTS {
            assert!(!is_rfc3339(bad), "{bad}");
            assert_eq!(Moment::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_moment_is_the_same_in_utc() {
        for (text, second, utc) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("1969-12-31T23:59:59.5Z", -1, "1969-12-31T23:59:59.5Z"),
            ("2000-02-29T01:00:00+01:00", 951_782_400, "2000-02-29T00:00:00Z"),
            ("2024-12-31T23:59:59.120Z", 1_735_689_599, "2024-12-31T23:59:59.12Z"),
            ("2100-03-01t00:00:00.0000000019z", 4_107_542_400, "2100-03-01T00:00:00.000000001Z"),
            ("2016-12-31T23:59:60Z", 1_483_228_799, "2016-12-31T23:59:59Z"),
            ("0000-01-01T00:00:00Z", FIRST_S, "0000-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", LAST_S, "9999-12-31T23:59:59Z"),
        ] {
            let moment = Moment::parse(text).expect(text);
            assert_eq!((moment.second(), moment.to_string().as_str()), (second, utc), "{text}");
            assert_eq!(Moment::parse(utc), Some(moment), "{text}");
        }
        assert_eq!(Moment::parse("0000-01-01T00:00:00+01:00"), None, "the year before");
        assert_eq!(Moment::new(LAST_S + 1, 0), None);
        assert_eq!(Moment::new(0, SECOND_NS), None);
    }
}
