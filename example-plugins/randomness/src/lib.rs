//! Draws random numbers, keeps a lucky number for a community, and decides a vote by chance.

mod draw;
mod vote;

use draw::draw;
use moothall_sdk::{Error, Plugin, Result, log, plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vote::DelayedStochasticVote;

#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The least random number, unless a call says another.
    default_low: i64,
    /// Random numbers are less than this, unless a call says another.
    default_high: i64,
}

#[derive(Deserialize, JsonSchema)]
struct RandomInt {
    /// The least number.
    low: Option<i64>,
    /// All numbers are less than this.
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

#[plugin(
    name = "randomness",
    title = "Randomness",
    homepage = "https://docs.metagov.org",
    config = Config,
    description = "Random numbers, and a lucky one.",
    processes(DelayedStochasticVote)
)]
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

    #[producer]
    fn print(&self) -> Result<()> {
        let config = self.config()?;
        log::debug(format_args!("drew {}", draw(config.default_low, config.default_high)?));
        Ok(())
    }
}
