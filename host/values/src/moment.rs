//! Moments in RFC 3339: the one way in which the host reads them.

/// The description of a valid moment, for error messages.
pub const A_MOMENT: &str = "a time as RFC 3339 has it, with seconds and an offset from UTC: 2026-01-31T12:00:00Z, or 2026-01-31T13:00:00+01:00";

/// Whether a text is a moment: an existing date, a time, and an offset from UTC.
pub fn is_rfc3339(text: &str) -> bool {
    let Some((moment, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else {
        return false;
    };
    let Some(offset) = after_fraction(rest) else { return false };
    if !has_shape(moment, "0000-00-00T00:00:00") {
        return false;
    }
    let number = |from: usize, to: usize| moment[from..to].parse().unwrap_or(u32::MAX);
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let (hour, minute, second) = (number(11, 13), number(14, 16), number(17, 19));
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let Some(ahead) = minutes_ahead(offset) else { return false };
    // A leap second is only at the end of a day in UTC.
    let in_utc = (hour * 60 + minute + 24 * 60).wrapping_add_signed(-ahead) % (24 * 60);
    is_date && is_time && (second < 60 || in_utc == 23 * 60 + 59)
}

/// What follows the fraction of a second, or all if there is none.
fn after_fraction(rest: &str) -> Option<&str> {
    let Some(fraction) = rest.strip_prefix('.') else { return Some(rest) };
    let offset = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    (offset.len() < fraction.len()).then_some(offset)
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
        }
    }
}
