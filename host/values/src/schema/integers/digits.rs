//! Reads a number as it is written, `5.0` or `1e3`, and writes it as an integer if it is one.

/// More digits than this are not an accepted number: the largest one has 309.
const DIGITS: usize = 400;

/// The digits of a number that is an integer, however it is written.
pub fn digits(token: &str) -> Option<String> {
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_matches('0');
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    let leading = all.len() - all.trim_start_matches('0').len();
    let before_point = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()?;
    // An exponent that does not fit makes a fraction, or a number that no JSON reader accepts.
    let count = before_point.checked_add(exponent.parse().ok()?)?;
    let count = usize::try_from(count).ok().filter(|count| *count <= DIGITS)?;
    (significant.len() <= count).then(|| format!("{sign}{significant:0<count$}"))
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn an_integer_has_many_spellings() {
        let far = format!("0.{}1e100001", "0".repeat(100_000));
        for (token, expected) in [
            ("5.0", "5"),
            ("5e0", "5"),
            ("1e3", "1000"),
            ("-0", "0"),
            ("-0.0e5", "0"),
            ("-1.20E+2", "-120"),
            ("1200e-2", "12"),
            ("0.005e3", "5"),
            ("9007199254740993.0", "9007199254740993"),
            ("18446744073709551616", "18446744073709551616"),
            ("1e20", "100000000000000000000"),
            ("100.0", "100"),
            (&far, "1"),
        ] {
            assert_eq!(digits(token).as_deref(), Some(expected), "{token}");
        }
        for token in ["1.5", "1e-1", "1e9999", "0.1", "12e-3", "1e-99999999999999999999"] {
            assert_eq!(digits(token), None, "{token}");
        }
    }
}
