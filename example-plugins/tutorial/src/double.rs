//! Doubles a number of any kind. It never silently rounds a whole number.

use moothall_sdk::serde_json::Number;
use moothall_sdk::{Error, Result};

/// Twice a number. The result has a fraction only if it needs one: 5 gives 10, and so does 5.0.
pub fn double(value: &Number) -> Result<Number> {
    if let Some(doubled) = value.as_i64().and_then(|whole| whole.checked_mul(2)) {
        return Ok(doubled.into());
    }
    let doubled = value.as_f64().map_or(f64::INFINITY, |number| number * 2.0);
    if doubled.fract() == 0.0 && doubled.abs() < EXACT {
        return Ok(Number::from(doubled as i64));
    }
    Number::from_f64(doubled)
        .ok_or_else(|| Error::invalid("'value' is too large to be doubled; send a smaller number"))
}

/// Up to here a floating-point number can represent every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::double;
    use moothall_sdk::serde_json::Number;

    fn doubled(text: &str) -> String {
        double(&text.parse::<Number>().expect("a number"))
            .map_or_else(|error| error.to_string(), |number| number.to_string())
    }

    #[test]
    fn whole_results_have_no_fraction() {
        for (value, result) in [
            ("5", "10"),
            ("-3", "-6"),
            ("2.5", "5"),
            ("5.0", "10"),
            ("0.3", "0.6"),
            ("1e300", "2e+300"),
        ] {
            assert_eq!(doubled(value), result, "{value}");
        }
    }

    #[test]
    fn large_numbers_are_doubled_or_refused() {
        assert_eq!(doubled("4611686018427387903"), "9223372036854775806");
        assert_eq!(doubled("9223372036854775807"), "1.8446744073709552e+19");
        assert!(doubled("1.7e308").contains("too large"));
    }
}
