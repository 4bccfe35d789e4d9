//! The process: what a vote keeps between calls, and how it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use moothall_sdk::prelude::*;

#[derive(Deserialize, JsonSchema)]
pub struct Parameters {
    /// The question.
    title: String,
    /// The choices; by default yes and no.
    #[serde(default = "yes_and_no")]
    options: Vec<String>,
    /// The vote ends when this many people have voted.
    quorum: Option<usize>,
    /// The vote ends after so many minutes.
    minutes: Option<u32>,
}

fn yes_and_no() -> Vec<String> {
    ["yes", "no"].map(str::to_owned).to_vec()
}

/// What the vote keeps between calls.
#[derive(Serialize, Deserialize)]
pub struct State {
    title: String,
    options: Vec<String>,
    quorum: Option<usize>,
    /// Each person's last choice.
    ballots: BTreeMap<String, String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Outcome {
    title: String,
    votes: BTreeMap<String, usize>,
}

/// A webhook with a ballot.
#[derive(Deserialize)]
struct Ballot {
    account: String,
    choice: String,
}

pub struct Vote;

#[process(
    name = "vote",
    description = "A vote whose ballots come by webhook.",
    state = State,
    outcome = Outcome,
    every = "60s"
)]
impl Vote {
    fn start(&self, parameters: Parameters) -> Result<()> {
        let Parameters {
            title,
            options,
            quorum,
            minutes,
        } = parameters;
        if options.is_empty() {
            return Err(Error::invalid("'options' is empty; give at least one"));
        }
        self.store(&State {
            title,
            options,
            quorum,
            ballots: BTreeMap::new(),
        })?;
        let Some(minutes) = minutes else {
            return Ok(());
        };
        self.set_closing_after(Duration::from_secs(u64::from(minutes) * 60))
    }

    fn update(&self) -> Result<()> {
        let state = self.load()?;
        if state
            .quorum
            .is_some_and(|quorum| state.ballots.len() >= quorum)
        {
            self.complete(&state.outcome())?;
        }
        Ok(())
    }

    fn close(&self) -> Result<()> {
        self.complete(&self.load()?.outcome())
    }

    fn receive_webhook(&self, request: WebhookRequest) -> Result<()> {
        let ballot: Ballot = request.json()?;
        let mut state = self.load()?;
        if state.options.contains(&ballot.choice) {
            state.ballots.insert(ballot.account, ballot.choice);
            self.store(&state)?;
        }
        Ok(())
    }
}

impl State {
    /// Every option with its votes, also one without any.
    fn outcome(&self) -> Outcome {
        let none = self.options.iter().map(|option| (option.clone(), 0));
        let mut votes: BTreeMap<String, usize> = none.collect();
        for choice in self.ballots.values() {
            *votes.entry(choice.clone()).or_default() += 1;
        }
        Outcome {
            title: self.title.clone(),
            votes,
        }
    }
}
