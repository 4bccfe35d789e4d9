//! A number by its digits, so that `5`, `5.0` and `5e0` are equal, exactly and at any size.

use serde_json::Number;

/// Digits without zeros at either end, and the power of ten of the last digit.
#[derive(Debug, PartialEq, Eq)]
pub struct Decimal {
    is_negative: bool,
    digits: String,
    power: i64,
}

impl Decimal {
    pub fn of(number: &Number) -> Decimal {
        let text = number.to_string();
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, &*text),
        };
        let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0').trim_end_matches('0');
        if digits.is_empty() {
            return Decimal { is_negative: false, digits: String::new(), power: 0 };
        }
        let zeros = all.len() - all.trim_end_matches('0').len();
        let power =
            power.parse().unwrap_or(if power.starts_with('-') { i64::MIN } else { i64::MAX });
        let power = power.saturating_sub_unsigned(fraction.len() as u64);
        let power = power.saturating_add_unsigned(zeros as u64);
        Decimal { is_negative, digits: digits.to_owned(), power }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Number;

    use super::Decimal;

    fn decimal(text: &str) -> Decimal {
        Decimal::of(&text.parse::<Number>().expect("a number"))
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for same in [
            &["5", "5.0", "5e0", "0.5e1", "500E-2"][..],
            &["0", "-0", "0.0", "0e7"],
            &["1000", "1e3", "1E+3", "1000.000"],
            &["-0.25", "-25e-2"],
            &["18446744073709551615"],
        ] {
            assert!(same.iter().all(|one| decimal(one) == decimal(same[0])), "{same:?}");
        }
        for (one, other) in [
            ("5", "-5"),
            ("5", "50"),
            ("0.5", "5"),
            ("18446744073709551615", "18446744073709551614"),
        ] {
            assert_ne!(decimal(one), decimal(other), "{one} {other}");
        }
    }
}
