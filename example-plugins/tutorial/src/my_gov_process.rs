//! A vote: webhooks bring the ballots, `update` ends it when enough people have voted, and `close`
//! ends it with the votes so far.

use std::collections::BTreeMap;

use moothall_sdk::{Error, Moment, Process, Result, WebhookRequest, process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
pub struct VoteParameters {
    /// The question.
    title: String,
    /// The choices; by default yes and no.
    #[serde(default = "yes_and_no")]
    options: Vec<String>,
    /// The vote ends when this many people have voted.
    quorum: Option<usize>,
    /// The latest end.
    closing_at: Option<Moment>,
}

fn yes_and_no() -> Vec<String> {
    ["yes", "no"].map(str::to_owned).to_vec()
}

/// The state until it ends.
#[derive(Serialize, Deserialize)]
pub struct VoteState {
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
    vote: String,
    /// The process; by default every pending one.
    process: Option<String>,
}

/// Whether a webhook is a ballot.
pub fn is_vote(request: &WebhookRequest) -> bool {
    request.json::<Ballot>().is_ok()
}

pub struct MyGovProcess;

#[process(
    name = "my-gov-process",
    description = "A vote whose ballots come by webhook.",
    state = VoteState,
    outcome = Outcome,
    every = "60s"
)]
impl MyGovProcess {
    fn start(&self, parameters: VoteParameters) -> Result<()> {
        let VoteParameters { title, options, quorum, closing_at } = parameters;
        if options.is_empty() {
            return Err(Error::invalid("'options' is empty; give at least one"));
        }
        self.store(&VoteState { title, options, quorum, ballots: BTreeMap::new() })?;
        closing_at.map_or(Ok(()), |moment| self.set_closing_at(moment))
    }

    fn update(&self) -> Result<()> {
        let state = self.load()?;
        if state.quorum.is_some_and(|quorum| state.ballots.len() >= quorum) {
            self.complete(&state.outcome())?;
        }
        Ok(())
    }

    fn close(&self) -> Result<()> {
        self.complete(&self.load()?.outcome())
    }

    fn receive_webhook(&self, request: WebhookRequest) -> Result<()> {
        let Ok(ballot) = request.json::<Ballot>() else {
            return Ok(());
        };
        let id = self.id()?;
        let mut state = self.load()?;
        if ballot.process.is_some_and(|process| process != id)
            || !state.options.contains(&ballot.vote)
        {
            return Ok(());
        }
        state.ballots.insert(ballot.account, ballot.vote);
        self.store(&state)
    }
}

impl VoteState {
    fn outcome(&self) -> Outcome {
        let mut votes: BTreeMap<String, usize> =
            self.options.iter().map(|option| (option.clone(), 0)).collect();
        for choice in self.ballots.values() {
            *votes.entry(choice.clone()).or_default() += 1;
        }
        Outcome { title: self.title.clone(), votes }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{VoteState, yes_and_no};

    #[test]
    fn every_option_is_counted_also_one_without_votes() {
        let ballots =
            [("ann", "yes"), ("bob", "yes")].map(|(who, vote)| (who.to_owned(), vote.to_owned()));
        let title = "Tea?".to_owned();
        let state = VoteState {
            title,
            options: yes_and_no(),
            quorum: None,
            ballots: BTreeMap::from(ballots),
        };
        let expected = [("no".to_owned(), 0), ("yes".to_owned(), 2)];
        assert_eq!(state.outcome().votes, BTreeMap::from(expected));
    }
}
