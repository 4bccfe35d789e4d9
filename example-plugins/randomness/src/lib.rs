//! Random numbers, and a lucky one that a community keeps.

use moothall_sdk::{Error, Plugin, Result, plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Config {
    /// Where random numbers begin if a call does not say it.
    default_low: i64,
    /// What random numbers stay below if a call does not say it.
    default_high: i64,
}

#[derive(Deserialize, JsonSchema)]
struct RandomInt {
    /// The lowest number that can be drawn.
    low: Option<i64>,
    /// The number that all drawn ones are below.
    high: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
struct Drawn {
    value: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct LuckyNumber {
    lucky_number: i64,
}

struct Randomness;

#[plugin(name = "randomness", config = Config, description = "Random numbers, and a lucky one.")]
impl Randomness {
    #[action(
        slug = "random-int",
        description = "Draws a number from low up to, but without, high.",
        public,
        read_only
    )]
    fn random_int(&self, parameters: RandomInt) -> Result<Drawn> {
        let config = self.config()?;
        let low = parameters.low.unwrap_or(config.default_low);
        let high = parameters.high.unwrap_or(config.default_high);
        Ok(Drawn { value: draw(low, high)? })
    }

    #[action(slug = "set-lucky-number", description = "Keeps the community's lucky number.")]
    fn set_lucky_number(&self, parameters: LuckyNumber) -> Result<LuckyNumber> {
        self.state().set("lucky_number", &parameters.lucky_number)?;
        Ok(parameters)
    }

    #[action(slug = "get-lucky-number", description = "The community's lucky number.", read_only)]
    fn get_lucky_number(&self) -> Result<LuckyNumber> {
        let lucky_number = self.state().get("lucky_number")?;
        let lucky_number = lucky_number.ok_or_else(|| {
            Error::not_found("no lucky number is set; set one with 'set-lucky-number'")
        })?;
        Ok(LuckyNumber { lucky_number })
    }
}

fn draw(low: i64, high: i64) -> Result<i64> {
    if low >= high {
        return Err(Error::invalid(format!("'low' ({low}) must be less than 'high' ({high})")));
    }
    Ok(low.wrapping_add_unsigned(below(high.abs_diff(low))?))
}

/// A random number below `bound`, each as likely as the others.
#[expect(clippy::disallowed_methods, reason = "this is the plugin's one home of randomness")]
fn below(bound: u64) -> Result<u64> {
    // What lies above the greatest multiple of `bound` would favour the small numbers.
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
