//! Draws random numbers from the system. All numbers of a range are equally likely.

use moothall_sdk::{Error, Result};

/// A random number that is at least `low` and less than `high`.
pub fn draw(low: i64, high: i64) -> Result<i64> {
    if low >= high {
        return Err(Error::invalid(format!("'low' ({low}) must be less than 'high' ({high})")));
    }
    Ok(low.wrapping_add_unsigned(below(high.abs_diff(low))?))
}

/// A random number below `bound`, each as likely as the others.
#[expect(clippy::disallowed_methods, reason = "this is the plugin's one home of randomness")]
fn below(bound: u64) -> Result<u64> {
    // Random values above the greatest multiple of `bound` would favour small numbers.
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = getrandom::u64()
            .map_err(|error| Error::internal(format!("no random number can be had: {error}")))?;
        if drawn < limit {
            return Ok(drawn % bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn draws_every_number_of_the_range_and_no_other() {
        let mut seen = [false; 5];
        for _ in 0..1_000 {
            let drawn = draw(-2, 3).expect("a range");
            seen[usize::try_from(drawn + 2).expect("not below low")] = true;
        }
        assert_eq!(seen, [true; 5]);
    }

    #[test]
    fn the_whole_range_of_numbers_can_be_asked_for() {
        assert!(draw(i64::MIN, i64::MAX).is_ok());
        assert_eq!(draw(7, 8), Ok(7));
    }

    #[test]
    fn an_empty_range_is_refused() {
        assert!(draw(3, 3).is_err());
        assert!(draw(4, 3).is_err());
    }
}
