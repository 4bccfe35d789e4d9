//! A vote that is decided by chance: after a delay it draws one of the options.

use std::time::Duration;

use moothall_sdk::{Error, Process, Result, process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::draw;

#[derive(Deserialize, JsonSchema)]
pub struct Parameters {
    /// The options.
    options: Vec<String>,
    /// The delay in minutes.
    delay: u32,
}

/// The state until an option is drawn.
#[derive(Serialize, Deserialize)]
pub struct State {
    options: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Outcome {
    winner: String,
}

pub struct DelayedStochasticVote;

#[process(
    name = "delayed-stochastic-vote",
    description = "Draws one of the options when its delay is over, or when it is closed.",
    state = State,
    outcome = Outcome
)]
impl DelayedStochasticVote {
    fn start(&self, parameters: Parameters) -> Result<()> {
        let Parameters { options, delay } = parameters;
        if options.is_empty() {
            return Err(Error::invalid("'options' is empty; give at least one"));
        }
        self.store(&State { options })?;
        self.set_closing_after(Duration::from_secs(u64::from(delay) * 60))
    }

    fn close(&self) -> Result<()> {
        let winner = winner(&self.load()?.options)?;
        self.complete(&Outcome { winner })
    }
}

fn winner(options: &[String]) -> Result<String> {
    let count = i64::try_from(options.len()).unwrap_or(i64::MAX);
    let drawn = usize::try_from(draw(0, count)?).unwrap_or(0);
    options.get(drawn).cloned().ok_or_else(|| Error::internal("nothing can be drawn from"))
}

#[cfg(test)]
mod tests {
    use moothall_sdk::serde_json::json;
    use moothall_sdk::testing::Host;

    use super::winner;
    use crate::Randomness;

    #[test]
    fn a_vote_has_a_closing_time_and_a_winner() {
        let mut host = Host::new(Randomness);
        assert!(
            host.start("delayed-stochastic-vote", json!({ "options": [], "delay": 1 })).is_err()
        );
        let parameters = json!({ "options": ["tea"], "delay": 1 });
        let id = host.start("delayed-stochastic-vote", parameters).expect("a vote");
        assert!(host.process(&id).is_some_and(|vote| vote.closing_at.is_some()));
        host.close(&id).expect("closed");
        let outcome = host.process(&id).map(|vote| vote.outcome.clone());
        assert_eq!(outcome, Some(json!({ "winner": "tea" })));
    }

    #[test]
    fn every_option_can_win_and_no_other() {
        let options = ["a", "b", "c"].map(str::to_owned);
        let drawn: Vec<_> = (0..200).map(|_| winner(&options).expect("options")).collect();
        assert!(options.iter().all(|option| drawn.contains(option)));
        assert!(winner(&[]).is_err());
    }
}
